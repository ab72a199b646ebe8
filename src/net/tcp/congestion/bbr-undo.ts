/** The model's bounds as they were before a loss, in case the loss was spurious (draft-ietf-ccwg-bbr). */
import { type BbrModel, UNBOUNDED } from './bbr-model.js';

export class BbrUndo {
  private bw = UNBOUNDED;
  private shortterm = UNBOUNDED;
  private longterm = UNBOUNDED;

  save(model: BbrModel): void {
    this.bw = model.bwShortterm;
    this.shortterm = model.inflightShortterm;
    this.longterm = model.inflightLongterm;
  }

  restore(model: BbrModel): void {
    model.bwShortterm = Math.max(model.bwShortterm, this.bw);
    model.inflightShortterm = Math.max(model.inflightShortterm, this.shortterm);
    model.inflightLongterm = Math.max(model.inflightLongterm, this.longterm);
  }
}
