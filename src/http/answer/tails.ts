import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';

/** How a head ends: the fields about the connection. */
export const PERSIST = 0;
export const CLOSE = 1;
/** An HTTP/1.0 client asked to keep the connection: the answer has to confirm that (RFC 9112 appendix C.2.2). */
export const PERSIST_1_0 = 2;
export type Ending = typeof PERSIST | typeof CLOSE | typeof PERSIST_1_0;

/** A clock, not its time: a fraction that is passed on is a new object each time; a fraction in a field is not. */
export interface WallClock {
  /** Milliseconds since 1970. */
  readonly wallClock: number;
}

const CLOSE_LINE = 'Connection: close\r\n';
const KEEP_ALIVE_LINE = 'Connection: keep-alive\r\n';

/**
 * The last lines of every head: `Server`, `Date` and the empty line, made once a second in new memory, because a
 * retransmission has to send the same bytes again.
 */
export class Tails {
  /** Lines that are always the same. */
  readonly #fixed: string;
  #second = Number.NaN;
  /** Where the last lines lie, until the next second. */
  memory = new Memory(new Uint8Array(0));
  /** The same lines as fields, for another version of HTTP. */
  lines = '';
  #persistStart = 0;
  #keepAliveStart = 0;

  /**
   * `server`: value of the `Server` field; `hsts`: as in `HttpOptions`. Throws a `RangeError` when the first is no
   * field value.
   */
  constructor(server: string | undefined, hsts?: number) {
    if (server !== undefined && !/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(server)) {
      throw new RangeError(`Server field: visible ASCII expected, got ${JSON.stringify(server)}`);
    }
    const transport = hsts === undefined ? '' : `Strict-Transport-Security: max-age=${hsts}\r\n`;
    this.#fixed = server === undefined ? transport : `${transport}Server: ${server}\r\n`;
  }

  /** Ends the head that was written. */
  write(flow: Flow, clock: WallClock, ending: Ending): void {
    this.at(clock);
    flow.write(this.memory, this.start(ending), this.end(ending));
  }

  /** Brings `memory` and `lines` up to date; returns the second that they are of. */
  at(clock: WallClock): number {
    const second = Math.floor(clock.wallClock / 1000);
    if (second !== this.#second) this.#render(second);
    return second;
  }

  start(ending: Ending): number {
    return ending === PERSIST ? this.#persistStart : ending === CLOSE ? 0 : this.#keepAliveStart;
  }

  end(ending: Ending): number {
    return ending === PERSIST_1_0 ? this.memory.bytes.length : this.#keepAliveStart;
  }

  #render(second: number): void {
    // RFC 9110 6.6.1; `toUTCString` gives the IMF-fixdate for years of four digits.
    this.lines = `${this.#fixed}Date: ${new Date(second * 1000).toUTCString()}\r\n`;
    const date = `${this.lines}\r\n`;
    this.memory = Memory.of(`${CLOSE_LINE}${date}${KEEP_ALIVE_LINE}${date}`);
    this.#persistStart = CLOSE_LINE.length;
    this.#keepAliveStart = CLOSE_LINE.length + date.length;
    this.#second = second;
  }
}
