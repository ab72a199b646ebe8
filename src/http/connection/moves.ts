/** Connections that go to another program, or come from one: what HTTP knows of them. */
import type { Carrier, FindMemory } from '../../memory/pieces.js';
import { latin1 } from '../parse/octets.js';
import { type Connection, type ConnectionList, STATE, type State } from './connection.js';

const VERSION = 1;
/** A connection that speaks HTTP/2: programs from before it was known do not take it. */
const VERSION_HTTP2 = 2;
/** One that has streams under way, or a part of a frame: there are bytes in what is said of it. */
const VERSION_STREAMS = 3;
/** Bytes of a head that is not whole; what is longer stays until it is. Of HTTP/2: of a frame. */
const MOST_HELD = 8192;
const MOST_FRAME = 16_393;

/** What a connection may be doing. The content of a request is read where its head was. */
const GOES: ReadonlySet<State> = new Set([STATE.reading, STATE.stalled, STATE.closing]);

interface Moved {
  readonly version: number;
  /** One of `GOES`. */
  readonly state: State;
  readonly lowWater: number;
  readonly peerEnded: boolean;
  readonly requests: number;
  readonly skipped: number;
  /** The beginning of a request, or of a frame, Latin-1. */
  readonly held: string;
  /** Milliseconds since that began; -1: nothing has. */
  readonly since: number;
  readonly queuedMark: number;
  /** What it waits for. */
  readonly list: string;
  /**
   * Milliseconds for which it may yet wait. A program from before this was known says nothing: then the whole of its
   * time.
   */
  readonly left?: number;
  /** What HTTP/2 remembers. */
  readonly session?: unknown;
}

/** Who knows of sessions of HTTP/2. */
export interface Sessions {
  /** Undefined: the connection stays, for now. */
  freeze(c: Connection, carrier: Carrier | undefined): FrozenSession | undefined;
  /** Gives `c` the session that was described; false: that cannot be understood. */
  adopt(c: Connection, said: unknown, find: FindMemory): boolean;
}

/** `whole`: nothing of it is under way. */
export interface FrozenSession {
  readonly whole: boolean;
  readonly said: unknown;
}

export class Moves {
  /** Where frozen and adopted connections are to wait; in no list meanwhile, so that nothing is done with them. */
  readonly #frozen = new Map<Connection, ConnectionList>();
  readonly #lists: Readonly<Record<string, ConnectionList>>;

  readonly #sessions: Sessions;

  constructor(lists: Readonly<Record<string, ConnectionList>>, sessions: Sessions) {
    this.#lists = lists;
    this.#sessions = sessions;
  }

  /** Undefined: it stays, for now. */
  freeze(c: Connection, now: number, carrier?: Carrier): Moved | undefined {
    const { state, list } = c;
    // What it is yet to be written lies here.
    if (c.refused || list === undefined || !GOES.has(state) || c.later !== undefined) return undefined;
    const name = Object.keys(this.#lists).find((one) => this.#lists[one] === list.whole);
    const speaksHttp2 = c.session !== undefined;
    if (name === undefined || c.heldBytes > (speaksHttp2 ? MOST_FRAME : MOST_HELD)) return undefined;
    const frozen = speaksHttp2 ? this.#sessions.freeze(c, carrier) : undefined;
    if (speaksHttp2 && frozen === undefined) return undefined;
    list.remove(c);
    this.#frozen.set(c, list);
    const { peerEnded, requests, skipped, queuedMark, began } = c;
    const held = c.held === undefined ? '' : latin1(c.held, 0, c.heldBytes);
    const since = began === 0 ? -1 : (now - began) | 0;
    const { lowWater } = c.flow;
    const waits = { list: name, left: Math.max(0, (c.due - now) | 0) };
    const version = frozen === undefined ? VERSION : frozen.whole ? VERSION_HTTP2 : VERSION_STREAMS;
    const session = frozen?.said;
    return { version, session, state, lowWater, peerEnded, requests, skipped, held, since, queuedMark, ...waits };
  }

  /**
   * Makes `c` what the other program said of it. False: that cannot be understood, or there is no room for what it
   * keeps.
   */
  adopt(c: Connection, said: unknown, now: number, find: FindMemory): boolean {
    const one = said as Moved;
    if (typeof said !== 'object' || said === null || typeof one.held !== 'string') return false;
    const { version, held } = one;
    const speaksHttp2 = version === VERSION_HTTP2 || version === VERSION_STREAMS;
    if (!speaksHttp2 && version !== VERSION) return false;
    if (!GOES.has(one.state)) return false;
    const list = Object.hasOwn(this.#lists, one.list) ? this.#lists[one.list] : undefined;
    const left = one.left ?? list?.delay;
    const counts = [one.requests, one.skipped, one.since, one.queuedMark, one.lowWater, left];
    if (list === undefined || !counts.every((count) => Number.isInteger(count))) return false;
    const mostHeld = !speaksHttp2 ? MOST_HELD : version === VERSION_STREAMS ? MOST_FRAME : 0;
    if (held.length > mostHeld) return false;
    if (speaksHttp2 && (one.state !== STATE.reading || !this.#sessions.adopt(c, one.session, find))) return false;
    c.state = one.state;
    c.flow.lowWater = one.lowWater;
    c.peerEnded = one.peerEnded === true;
    c.requests = one.requests;
    c.skipped = one.skipped;
    c.queuedMark = one.queuedMark;
    c.due = (now + Math.min(left as number, list.delay)) | 0;
    c.began = one.since < 0 ? 0 : (now - one.since) | 0 || 1;
    if (held !== '') {
      const bytes = Uint8Array.from(held, (octet) => octet.charCodeAt(0));
      if (!c.hold(bytes, 0, bytes.length)) return false;
    }
    this.#frozen.set(c, list);
    return true;
  }

  /** It waits again, for what is left of its time. */
  thaw(c: Connection): void {
    this.#frozen.get(c)?.whole.resume(c);
    this.#frozen.delete(c);
  }

  /** It is another program's. */
  forget(c: Connection): void {
    this.#frozen.delete(c);
  }
}
