/**
 * Errands of the first process of `--workers` in direct mode. It orders certificates and has the zones, but no network:
 * the worker that has the address asks for it, over the stack that the others see it by.
 */
import type { Outside } from '../../acme/order/ready.js';
import type { Fetch } from '../../acme/protocol/fetch.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import type { Zone } from '../../dns/zone/zone.js';
import { hasCode } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';
import type { Outgoing } from '../certificates/outgoing.js';
import type { Brought, Errand, ToFirst } from '../worker-channel.js';
import type { Worker } from './worker-process.js';

interface Waiting {
  readonly done: (value: unknown) => void;
  readonly failed: (error: UserError) => void;
}

export class Errands implements Outgoing {
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private last = 0;

  /** Names the worker that goes: the one that has the address. */
  by(worker: Worker): void {
    this.worker = worker;
  }

  readonly fetch: Fetch = async (request) => {
    try {
      return await this.run({ to: 'fetch', request });
    } catch (error) {
      if (!hasCode(error, 'failed')) throw error;
      throw new AcmeError('unreachable', (error as Error).message);
    }
  };

  readonly outside: Outside = {
    addresses: (name) => this.run({ to: 'addresses', name }),
    caa: (name) => this.run({ to: 'caa', name }),
    challenge: (address, name, token) => this.run({ to: 'challenge', address, name, token }),
  };

  /** Resolves when the secondaries have `zone`, or have had their time. Rejects with a `UserError`. */
  async spread({ apex, serial }: Zone): Promise<void> {
    await this.run({ to: 'spread', zone: { apex, serial } });
  }

  heard(message: ToFirst): void {
    if (message.say !== 'brought') return;
    const { number, value, failure } = message;
    const waiting = this.waiting.get(number);
    this.waiting.delete(number);
    if (failure === undefined) waiting?.done(value);
    else waiting?.failed(new UserError(failure));
  }

  /** The errands of a worker that has ended fail. */
  ended(worker: Worker): void {
    if (worker !== this.worker) return;
    for (const { failed } of this.waiting.values()) failed(new UserError('the worker that asked has ended'));
    this.waiting.clear();
  }

  /** Rejects with a `UserError`. */
  private run<E extends Errand>(errand: E): Promise<Brought[E['to']]> {
    const { worker } = this;
    if (worker?.ready !== true)
      return Promise.reject(new UserError('the worker that has the address does not serve at present'));
    const number = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(number, { done: (value) => resolve(value as Brought[E['to']]), failed: reject });
      worker.say({ say: 'errand', number, errand });
    });
  }
}
