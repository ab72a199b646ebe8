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
  /** Has more requests, which wait until earlier answers are sent, or until other connections had their turn. */
  stalled: 2,
  /** Has had its last answer: later bytes are discarded until the peer's FIN. */
  closing: 3,
  closed: 4,
} as const;
export type State = (typeof STATE)[keyof typeof STATE];

/** `lowWater` of a flow that need not report when it has drained. */
export const UNWATCHED = 0x7fffffff;

/** Bits of a connection's marks. */
const REFUSED = 1;
const PEER_ENDED = 2;
const STUCK_SHIFT = 2;

/** Bytes that all connections together keep of requests that are unfinished or wait. */
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
  /** Rarely needed state, in one word (`REFUSED`, `PEER_ENDED`, and `stuck` above them). */
  #marks = 0;
  /** Bytes of answers that were made for this connection alone, since its queue was last empty. */
  ownBytes = 0;
  /** Requests so far. */
  requests = 0;
  /** Empty lines since the last request. While closing: bytes thrown away. */
  skipped = 0;
  /** Bytes that wait for more: `held[0..heldBytes)`; none while idle. */
  held: Uint8Array | undefined = undefined;
  heldBytes = 0;
  #body: BodyReader | undefined = undefined;
  /** When the current request was first seen unfinished, in ticks of `Deadlines`; 0: it was not. */
  began = 0;
  /** Where in `FieldsCache` the fields of the last request are. */
  seen = 0;
  /** Where in `KnownRequests` the last request is. */
  known = 0;
  /** Bytes that were queued at the last check for progress; 0: there was no check. */
  queuedMark = 0;
  /**
   * The part of the last answer that is written when the peer has taken the earlier part; the connection is `stalled`
   * meanwhile.
   */
  later: Later | undefined = undefined;
  /** The list that holds it, the time when it is due, and its neighbours in the list. */
  list: ConnectionList | undefined = undefined;
  due = 0;
  previous: Connection | undefined = undefined;
  next: Connection | undefined = undefined;

  /** The state of HTTP/2, which only HTTP/2 reads; undefined: the connection speaks HTTP/1. */
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

  /** How many checks in a row found that the peer took nothing of the queue. */
  get stuck(): number {
    return this.#marks >> STUCK_SHIFT;
  }

  set stuck(looks: number) {
    this.#marks = (this.#marks & (REFUSED | PEER_ENDED)) | (looks << STUCK_SHIFT);
  }

  /** Sends FIN behind the queue; from now on bytes that arrive are discarded. */
  finish(): void {
    this.state = STATE.closing;
    this.skipped = 0;
    this.forget();
    this.flow.end();
  }

  /** The reader of a request's content; undefined: no content is awaited. */
  get body(): BodyReader | undefined {
    return this.#body;
  }

  set body(body: BodyReader | undefined) {
    this.#unfinished.bytes += (body?.head.length ?? 0) - (this.#body?.head.length ?? 0);
    this.#body = body;
  }

  /** Releases the state of all requests and answers. */
  forget(): void {
    this.later?.end();
    this.later = undefined;
    this.body = undefined;
    this.#unfinished.bytes -= this.held?.length ?? 0;
    this.held = undefined;
    this.heldBytes = 0;
  }

  /**
   * Keeps `bytes[start..end)` behind what is already held. Returns whether there is room: false when all connections
   * together keep too much.
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

  /** Releases the first `count` held bytes; the buffer too when it is empty then. */
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
