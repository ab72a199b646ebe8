/** The HTTP state of connections that go to another program, or come from one. */
import type { Carrier, FindMemory } from '../../memory/pieces.js';
import { latin1 } from '../parse/octets.js';
import { type Connection, type ConnectionList, STATE, type State } from './connection.js';

const VERSION = 1;
/** A connection that speaks HTTP/2: programs from before HTTP/2 support do not take it. */
const VERSION_HTTP2 = 2;
/** One with streams under way, or with a part of a frame: its description contains bytes. */
const VERSION_STREAMS = 3;
/**
 * Bytes of an incomplete head; a connection with more stays until its head is complete. In HTTP/2: bytes of a frame.
 */
const MOST_HELD = 8192;
const MOST_FRAME = 16_393;

/** States in which a connection may move. The content of a request is read by the program that read its head. */
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
  /** The event that it waits for. */
  readonly list: string;
  /**
   * Milliseconds for which it may still wait. Undefined from a program that predates this field: then the whole time.
   */
  readonly left?: number;
  /** The state of HTTP/2. */
  readonly session?: unknown;
}

/** The part that moves sessions of HTTP/2. */
export interface Sessions {
  /** Undefined: the connection stays, for now. */
  freeze(c: Connection, carrier: Carrier | undefined): FrozenSession | undefined;
  /** Gives `c` the described session; false: the description is not valid. */
  adopt(c: Connection, said: unknown, find: FindMemory): boolean;
}

/** `whole`: nothing of it is under way. */
export interface FrozenSession {
  readonly whole: boolean;
  readonly said: unknown;
}

export class Moves {
  /**
   * The list in which each frozen or adopted connection is to wait. Meanwhile it is in no list, so that no timer acts
   * on it.
   */
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
    // The bytes that are still to be written are in this process.
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
   * Gives `c` the state that the other program described. False: the description is not valid, or there is no room for
   * the bytes that `c` keeps.
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

  /** The connection waits again, for the rest of its time. */
  thaw(c: Connection): void {
    this.#frozen.get(c)?.whole.resume(c);
    this.#frozen.delete(c);
  }

  /** The connection belongs to another program. */
  forget(c: Connection): void {
    this.#frozen.delete(c);
  }
}
