import type { Flow } from '../../net/flow.js';
import type { Later } from '../answer/later.js';
import type { BodyReader } from '../parse/body.js';
import type { DeadlineList, Waiting } from './deadlines.js';

/** What a connection is doing. */
export const STATE = {
  /** Waits for a request, or for the rest of a head. */
  reading: 0,
  /** Reads the content of a request. */
  body: 1,
  /** Has requests left that wait until earlier answers are gone, or until others had their turn. */
  stalled: 2,
  /** Has had its last answer: what still arrives is thrown away until the peer's FIN. */
  closing: 3,
  closed: 4,
} as const;
export type State = (typeof STATE)[keyof typeof STATE];

/** `lowWater` of a flow that need not tell when it has drained. */
export const UNWATCHED = 0x7fffffff;

/** Bits of a connection's marks. */
const REFUSED = 1;
const PEER_ENDED = 2;
const STUCK_SHIFT = 2;

/** What all connections together keep of requests that are unfinished or wait; bytes. */
export class Unfinished {
  readonly #limit: number;
  bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get full(): boolean {
    return this.bytes > this.#limit;
  }
}

/** How many connections one address has. */
export interface Client {
  readonly address: string;
  connections: number;
}

/** Connections that wait for the same thing. */
export type ConnectionList = DeadlineList<Connection>;

/** Everything that HTTP remembers of a connection; about 130 bytes when it is idle. */
export class Connection implements Waiting<Connection> {
  readonly flow: Flow;
  readonly client: Client | undefined;
  readonly #unfinished: Unfinished;
  state: State = STATE.reading;
  /** What is rarely asked for, in one word (`REFUSED`, `PEER_ENDED`, and `stuck` above them). */
  #marks = 0;
  /** Bytes in answers that were made for it alone, since nothing was queued. */
  ownBytes = 0;
  /** Requests so far. */
  requests = 0;
  /** Empty lines since the last request. While closing: bytes thrown away. */
  skipped = 0;
  /** Bytes that wait for more: `held[0..heldBytes)`; none while idle. */
  held: Uint8Array | undefined = undefined;
  heldBytes = 0;
  #body: BodyReader | undefined = undefined;
  /** When the request that is being read was first seen unfinished, in ticks of `Deadlines`; 0: it was not. */
  began = 0;
  /** Where in `FieldsCache` the fields of the last request are. */
  seen = 0;
  /** Where in `KnownRequests` the last request is. */
  known = 0;
  /** Bytes that were queued when somebody last looked for progress; 0: nobody did. */
  queuedMark = 0;
  /** What of its last answer is written as it takes what came before; it is `stalled` meanwhile. */
  later: Later | undefined = undefined;
  /** The list that it is in, when it is due, and its neighbours there. */
  list: ConnectionList | undefined = undefined;
  due = 0;
  previous: Connection | undefined = undefined;
  next: Connection | undefined = undefined;

  /** What HTTP/2 remembers of it, which alone looks into it; undefined: it speaks HTTP/1. */
  session: object | undefined = undefined;

  constructor(flow: Flow, client: Client | undefined, refused: boolean, unfinished: Unfinished) {
    flow.lowWater = UNWATCHED;
    this.#unfinished = unfinished;
    this.flow = flow;
    this.client = client;
    this.#marks = refused ? REFUSED : 0;
  }

  /** Came when a cap was reached: its first request is answered with 503. */
  get refused(): boolean {
    return (this.#marks & REFUSED) !== 0;
  }

  /** The peer has sent FIN. */
  get peerEnded(): boolean {
    return (this.#marks & PEER_ENDED) !== 0;
  }

  set peerEnded(ended: boolean) {
    this.#marks = ended ? this.#marks | PEER_ENDED : this.#marks & ~PEER_ENDED;
  }

  /** How often in a row it was looked at since the peer took nothing of what was queued. */
  get stuck(): number {
    return this.#marks >> STUCK_SHIFT;
  }

  set stuck(looks: number) {
    this.#marks = (this.#marks & (REFUSED | PEER_ENDED)) | (looks << STUCK_SHIFT);
  }

  /** FIN behind what is queued; from now on what arrives is thrown away. */
  finish(): void {
    this.state = STATE.closing;
    this.skipped = 0;
    this.forget();
    this.flow.end();
  }

  /** What is read of the content of a request; undefined: none is awaited. */
  get body(): BodyReader | undefined {
    return this.#body;
  }

  set body(body: BodyReader | undefined) {
    this.#unfinished.bytes += (body?.head.length ?? 0) - (this.#body?.head.length ?? 0);
    this.#body = body;
  }

  /** Keeps nothing of any request, and of no answer. */
  forget(): void {
    this.later?.end();
    this.later = undefined;
    this.body = undefined;
    this.#unfinished.bytes -= this.held?.length ?? 0;
    this.held = undefined;
    this.heldBytes = 0;
  }

  /**
   * Keeps `bytes[start..end)` behind what is already held. Answers whether there is room: false when all connections
   * keep too much.
   */
  hold(bytes: Uint8Array, start: number, end: number): boolean {
    let room = true;
    const needed = this.heldBytes + end - start;
    if (this.held === undefined || this.held.length < needed) {
      let size = 256;
      while (size < needed) size *= 2;
      const larger = new Uint8Array(size);
      if (this.held !== undefined) larger.set(this.held.subarray(0, this.heldBytes));
      this.#unfinished.bytes += size - (this.held?.length ?? 0);
      room = !this.#unfinished.full;
      this.held = larger;
    }
    this.held.set(bytes.subarray(start, end), this.heldBytes);
    this.heldBytes = needed;
    return room;
  }

  /** Lets the first `count` held bytes go; the buffer too when nothing is left. */
  release(count: number): void {
    if (this.held === undefined) return;
    this.heldBytes -= count;
    if (this.heldBytes <= 0) {
      this.#unfinished.bytes -= this.held.length;
      this.held = undefined;
      this.heldBytes = 0;
    } else if (count > 0) this.held.copyWithin(0, count, count + this.heldBytes);
  }
}
