/** The secret of session tickets, for processes that resume each other's sessions. */
import { randomBytes } from 'node:crypto';
import type { PassedSecret } from '../../control/channel.js';
import { newTicketSecret, type TicketSecret, Tickets } from '../../tls/handshake/tickets.js';
import { NodePrimitives } from '../../tls/primitives/node.js';

/** Holds the secret for processes that come later; it changes with time, as theirs does. */
export class TicketKeeper {
  readonly #tickets = new Tickets(new NodePrimitives(), random, newTicketSecret(random, Date.now()));

  /** The current secret. */
  passed(): PassedSecret {
    const { period, secret } = this.#tickets.sharedAt(Date.now());
    const text = Buffer.from(secret).toString('base64');
    secret.fill(0);
    return { period, secret: text };
  }
}

/** The passed secret, or a secret of this process alone. */
export function ticketSecret(passed: PassedSecret | undefined): TicketSecret {
  if (passed === undefined) return newTicketSecret(random, Date.now());
  return { period: passed.period, secret: Uint8Array.from(Buffer.from(passed.secret, 'base64')) };
}

function random(length: number): Uint8Array {
  return randomBytes(length);
}
