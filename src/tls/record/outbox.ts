/**
 * Where sealed records lie until the network below has sent them: chunks that all connections of an endpoint fill one
 * behind the other. A chunk is used again when no flow has a use for its bytes any more: over the kernel's sockets
 * after each call, over a stack of our own when they are acknowledged.
 */
import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import type { Primitives, Target } from '../primitives/primitives.js';

const CHUNK = 64 * 1024;
/**
 * Full chunks that wait to be used again; beyond, the one that has waited longest is left to those that refer to it.
 */
const MOST_WAITING = 64;
/** Of these, how many are looked at when a new one is needed. */
const LOOKS = 4;

/** Connections that fill one chunk, so that those that have ended are not kept in number. */
const MOST_USERS = 128;

/** The user of a chunk: one connection fills it. */
export interface OutboxUser {
  readonly inner: Flow;
  /** Bytes that were handed down to `inner` in all. */
  readonly handed: number;
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

  constructor(primitives: Primitives) {
    this.#primitives = primitives;
    this.#chunk = new Chunk(primitives);
  }

  get target(): Target {
    return this.#chunk.target;
  }

  get memory(): Memory {
    return this.#chunk.memory;
  }

  /** A place of `size` bytes in `target`, at most 32 KiB. */
  reserve(size: number): number {
    if (this.#at > 0 && this.#chunk.users.length <= 1 && this.#chunk.free()) this.#at = 0;
    if (this.#at + size > CHUNK || this.#chunk.users.length >= MOST_USERS) this.#renew();
    return this.#at;
  }

  /** The place up to `end` is filled, and handed down by `user`, whose `handed` counts it. */
  filled(end: number, user: OutboxUser): void {
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
