import type { CallClock } from '../contracts/call-clock.js';
import type { Batch } from './batch.js';
import { BUDGET, type Budget, type BudgetCounts } from './budgets.js';
import { ERROR, type ErrorCode, FRAME, putUint32 } from './frames.js';
import type { Requests } from './requests.js';
import { LEAVING, type Session } from './session.js';
import type { Stream } from './stream.js';

/** How streams and connections end early (RFC 9113 5.4, 6.8), and the budget that each end is counted in. */
export class Faults {
  readonly #batch: Batch;
  readonly #clock: CallClock;
  readonly #requests: Requests;
  readonly #counts: BudgetCounts;

  constructor(batch: Batch, clock: CallClock, requests: Requests, counts: BudgetCounts) {
    this.#batch = batch;
    this.#clock = clock;
    this.#requests = requests;
    this.#counts = counts;
  }

  /** RST_STREAM; all state of the stream is released. */
  stream(session: Session, id: number, code: ErrorCode): void {
    const stream = session.find(id);
    if (stream !== undefined) this.drop(session, stream);
    session.noteReset(id, true);
    this.#batch.word(FRAME.rstStream, id, code);
    this.spend(session, BUDGET.resets);
  }

  /** Releases a stream. */
  drop(session: Session, stream: Stream): void {
    this.#requests.forget(stream);
    stream.disk?.end();
    session.remove(stream);
  }

  /** GOAWAY with an error; the connection ends with it. */
  connection(session: Session, code: ErrorCode): void {
    if (session.over) return;
    this.goAway(session, Math.min(session.lastStream, session.lastAnswered), code);
    this.dropAll(session);
    session.over = true;
  }

  dropAll(session: Session): void {
    for (const stream of session.streams) {
      this.#requests.forget(stream);
      stream.disk?.end();
    }
    session.streams.length = 0;
    session.receiving = 0;
    session.ownBytes = 0;
  }

  goAway(session: Session, last: number, code: ErrorCode): void {
    const batch = this.#batch;
    batch.header(8, FRAME.goAway, 0, 0);
    const at = batch.reserve(8);
    putUint32(batch.bytes, at, last);
    putUint32(batch.bytes, at + 4, code);
    session.leaving = LEAVING.said;
    session.lastAnswered = last;
  }

  /** Takes one from a budget; false: the budget was used up, and the connection ends. */
  spend(session: Session, budget: Budget): boolean {
    if (session.budgets.spend(budget, this.#clock.now)) return true;
    this.exceed(session, budget);
    return false;
  }

  /** A budget is exceeded. */
  exceed(session: Session, budget: Budget): void {
    if (!session.over) this.#counts.exceeded[budget]!++;
    this.connection(session, ERROR.enhanceYourCalm);
  }
}
