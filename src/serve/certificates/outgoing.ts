/** How this server reaches a certificate authority: over the kernel's sockets, or over its own stack. */
import type { Outside } from '../../acme/order/ready.js';
import type { Fetch } from '../../acme/protocol/fetch.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import type { ServeOptions } from '../options/serve.js';
import { readRoots } from './roots.js';

export interface Outgoing {
  /** Carries requests to the authority. */
  readonly fetch: Fetch;
  /** Checks of what the authority will see. */
  readonly outside: Outside;
}

/**
 * A recording does not contain connections that a program begins itself: then the kernel's sockets carry them. Rejects
 * with a `UserError` when `--acme-roots` cannot be used.
 */
export async function outgoingOf(
  { acme, net, direct }: ServeOptions,
  random: Random,
  network: Network | undefined,
): Promise<Outgoing> {
  const roots = acme?.roots === undefined ? undefined : readRoots(acme.roots);
  if (net !== 'direct' || network === undefined || direct.record !== undefined) {
    const { kernelFetch } = await import('./https-fetch.js');
    const { kernelOutside } = await import('./readiness.js');
    return { fetch: kernelFetch(roots), outside: kernelOutside() };
  }
  const { StackWay } = await import('./stack-way.js');
  const { stackOutside } = await import('./stack-outside.js');
  const way = new StackWay(network as DirectNetwork, { nameServers: direct.nameServers, random, roots });
  return { fetch: way.fetch, outside: stackOutside(way, () => network.addresses ?? [], network.clock) };
}
