/**
 * Where sealed records lie until the network below has sent them: chunks that all connections of an endpoint fill one
 * behind the other. A chunk is begun again when nothing refers to it any more as far as can be seen, which over the
 * kernel's sockets is after each call; otherwise it is left to those that refer to it.
 */
import { Memory } from '../../memory/memory.js';
import type { Flow } from '../../net/flow.js';
import type { Primitives, Target } from '../primitives/primitives.js';

const CHUNK = 64 * 1024;

export class Outbox {
  readonly #primitives: Primitives;
  #target: Target;
  memory: Memory;
  #at = 0;
  /** The only flow with bytes in the chunk; undefined: none, or several. */
  #user: Flow | undefined = undefined;
  #several = false;

  constructor(primitives: Primitives) {
    this.#primitives = primitives;
    this.#target = primitives.target(CHUNK);
    this.memory = new Memory(this.#target.bytes);
  }

  get target(): Target {
    return this.#target;
  }

  /** A place of `size` bytes in `target`, at most 32 KiB, for `flow`. */
  reserve(flow: Flow, size: number): number {
    if (!this.#several && (this.#user === undefined || this.#user.queued === 0)) this.#at = 0;
    if (this.#at + size > CHUNK) this.#renew();
    if (this.#at === 0) this.#user = flow;
    else if (this.#user !== flow) this.#several = true;
    return this.#at;
  }

  /** The place up to `end` is filled, and referred to. */
  filled(end: number): void {
    this.#at = end;
  }

  #renew(): void {
    this.#target = this.#primitives.target(CHUNK);
    this.memory = new Memory(this.#target.bytes);
    this.#at = 0;
    this.#several = false;
    this.#user = undefined;
  }
}
