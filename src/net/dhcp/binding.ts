/** The lease that a host lives by: the stack is configured with it, its neighbours hear of it, and it is remembered. */
import type { Stack } from '../ip/stack.js';
import type { Lease, LeaseMemory } from './lease.js';

function sameRoutes(one: Lease['routes'], two: Lease['routes']): boolean {
  return JSON.stringify(one ?? []) === JSON.stringify(two ?? []);
}

/** Whether the stack would be configured alike. */
function sameConfig(one: Lease, two: Lease): boolean {
  return (
    one.address === two.address &&
    one.gateway === two.gateway &&
    one.prefix === two.prefix &&
    one.mtu === two.mtu &&
    one.broadcast === two.broadcast &&
    sameRoutes(one.routes, two.routes)
  );
}

/** How long what is remembered of a lease may be out of date, ms. */
const REMEMBERED = 60_000;

export class Binding {
  lease: Lease | undefined = undefined;
  private savedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly stack: Stack,
    private readonly memory: LeaseMemory | undefined,
    /** The address was lost. */
    private readonly onLost: () => void,
  ) {}

  /** Takes a lease, or extends the one that there is. */
  take(lease: Lease, now: number): void {
    const { lease: old, stack } = this;
    this.lease = lease;
    // Configured anew, it would forget its routes.
    if (old === undefined || !sameConfig(old, lease)) stack.configure(lease, now);
    if (old?.address !== lease.address) stack.arp.announce(now);
    // A server may have us renew every second: what is remembered need not be younger than a quarter of the lease.
    if (old?.address === lease.address && now - this.savedAt < Math.min(REMEMBERED, lease.seconds * 250)) return;
    this.savedAt = now;
    this.memory?.save(lease.address, lease.seconds);
  }

  /** Goes on with a lease that another client of this host had; it is remembered already. */
  adopt(lease: Lease, now: number): void {
    this.lease = lease;
    this.stack.configure(lease, now);
    this.stack.arp.announce(now);
  }

  /** That number of milliseconds of the lease has passed while the clock stood still. */
  age(milliseconds: number): void {
    const { lease } = this;
    if (lease === undefined) return;
    const { renewAt, rebindAt, expiresAt } = lease;
    const times = { renewAt: renewAt - milliseconds, rebindAt: rebindAt - milliseconds };
    this.lease = { ...lease, ...times, expiresAt: expiresAt - milliseconds };
  }

  /** The next start is not to ask for it again. */
  forget(): void {
    this.memory?.save(undefined, 0);
  }

  /** It is another client's, or the server's, from here on; connections may still end over the address. */
  leave(): void {
    this.lease = undefined;
  }

  /** Gives up the address: all use of it stops. */
  drop(now: number): void {
    if (this.lease === undefined) return;
    this.lease = undefined;
    this.stack.configure(undefined, now);
    this.onLost();
  }
}
