/**
 * Work that depends on what was kept before, counted where it is rare: a record, a piece or a place of a table that was
 * looked at, or 64 places that were moved. What one packet adds is bounded by a constant, whatever came before it; the
 * tests hold it to that.
 */
export class Steps {
  /** Since the layer began. */
  taken = 0;
}
