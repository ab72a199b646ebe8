/**
 * Where sealed records lie until the network below has sent them: chunks that all connections of an endpoint fill one
 * behind the other. A chunk is used again when no flow has a use for its bytes any more: over the kernel's sockets
 * after each call, over a stack of our own when they are acknowledged.
 */
import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import type { Primitives, Target } from '../primitives/primitives.js';

/** Bytes of a chunk: one record of the greatest length, so that one that waits keeps no others' room. */
const CHUNK = 16_512;
/**
 * Full chunks that wait to be used again. Beyond this number the oldest is not used again; it goes with its last
 * user.
 */
const MOST_WAITING = 256;
/** Of these, how many are looked at when a new one is needed. */
const LOOKS = 4;

/** Connections that fill one chunk, at most. A chunk keeps even those that have ended, so they must be few. */
const MOST_USERS = 128;
/**
 * Places in chunks that one connection may have filled since nothing of it waited. Beyond, its short records go into
 * chunks of its own, which are not used again: a client that reads nothing could otherwise keep a chunk with each.
 */
const MOST_PLACES = 16;
/** Bytes of a record that is short, and of a chunk of one connection. */
const SHORT = 4096;
const OWN_CHUNK = 8192;

/** The user of a chunk: one connection fills it. */
export interface OutboxUser {
  readonly inner: Flow;
  /** Bytes that were handed down to `inner` in all. */
  readonly handed: number;
  /** Places that it has filled since nothing of it waited, and a chunk of its own: the outbox keeps them. */
  places: number;
  own: OwnChunk | undefined;
}

/** A chunk of one connection, which is filled up to `at`. */
export interface OwnChunk {
  readonly target: Target;
  readonly memory: Memory;
  at: number;
}

class Chunk {
  readonly target: Target;
  readonly memory: Memory;
  /** Whose bytes lie here, and how many they had handed down behind the last of these. */
  readonly users: OutboxUser[] = [];
  readonly until: number[] = [];

  constructor(primitives: Primitives) {
    this.target = primitives.target(CHUNK);
    this.memory = new Memory(this.target.bytes);
  }

  filledBy(user: OutboxUser): void {
    const last = this.users.length - 1;
    if (last >= 0 && this.users[last] === user) this.until[last] = user.handed;
    else {
      user.places += 1;
      this.users.push(user);
      this.until.push(user.handed);
    }
  }

  /** Takes those out that need it no more, from the end; whether there are none left. */
  free(): boolean {
    const { users, until } = this;
    for (let i = users.length - 1; i >= 0; i--) {
      const { handed, inner } = users[i]!;
      if (handed - inner.queued < until[i]!) return false;
      users.length = i;
      until.length = i;
    }
    return true;
  }
}

export class Outbox {
  readonly #primitives: Primitives;
  #chunk: Chunk;
  #at = 0;
  readonly #waiting: Chunk[] = [];
  /** Where the record at hand lies, if it lies in a chunk of its connection. */
  #own: OwnChunk | undefined = undefined;

  constructor(primitives: Primitives) {
    this.#primitives = primitives;
    this.#chunk = new Chunk(primitives);
  }

  get target(): Target {
    return (this.#own ?? this.#chunk).target;
  }

  get memory(): Memory {
    return (this.#own ?? this.#chunk).memory;
  }

  /** A place in `target` for `size` bytes of `user`, at most 16,512. */
  reserve(size: number, user: OutboxUser): number {
    if (user.places > 0 && user.inner.queued === 0) {
      user.places = 0;
      user.own = undefined;
    }
    if (size <= SHORT && user.places >= MOST_PLACES) {
      if (user.own === undefined || user.own.at + size > OWN_CHUNK) user.own = ownChunk(this.#primitives);
      this.#own = user.own;
      return user.own.at;
    }
    if (this.#at > 0 && this.#chunk.users.length <= 1 && this.#chunk.free()) this.#at = 0;
    if (this.#at + size > CHUNK || this.#chunk.users.length >= MOST_USERS) this.#renew();
    return this.#at;
  }

  /** The place up to `end` is filled, and handed down by `user`, whose `handed` counts it. */
  filled(end: number, user: OutboxUser): void {
    if (this.#own !== undefined) {
      this.#own.at = end;
      this.#own = undefined;
      return;
    }
    this.#at = end;
    this.#chunk.filledBy(user);
  }

  #renew(): void {
    const waiting = this.#waiting;
    waiting.push(this.#chunk);
    this.#at = 0;
    for (let looks = Math.min(LOOKS, waiting.length); looks > 0; looks--) {
      const chunk = waiting.shift()!;
      if (chunk.free()) {
        this.#chunk = chunk;
        return;
      }
      // The one that holds it may be slow: others have their turn first.
      waiting.push(chunk);
    }
    if (waiting.length > MOST_WAITING) waiting.shift();
    this.#chunk = new Chunk(this.#primitives);
  }
}

function ownChunk(primitives: Primitives): OwnChunk {
  const target = primitives.target(OWN_CHUNK);
  return { target, memory: new Memory(target.bytes), at: 0 };
}
