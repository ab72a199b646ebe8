/** Certificates of a server: ordered where the command line says so, and read again at SIGHUP. */
import { CryptoRandom } from '../net/direct/host/random.js';
import type { DirectNetwork } from '../net/direct/network.js';
import type { Network } from '../net/flow.js';
import type { Random } from '../net/random.js';
import { RealClock } from '../net/real-clock.js';
import type { KeepOptions, KeptCertificates } from './certificates/keep.js';
import type { ZoneHolder } from './certificates/proofs.js';
import { readRoots } from './certificates/roots.js';
import type { Log } from './log.js';
import type { AcmeArguments } from './options/acme.js';
import type { ServeOptions } from './options/serve.js';
import { packageVersion } from './program-files.js';
import { onReload } from './signals.js';

/**
 * Undefined: none are to be ordered. Only one process of a server calls it; the others read the certificates from the
 * state folder. `reload`: reads from there the certificates that this process serves; undefined: it serves none.
 * `zones`: the zones for proofs of dns-01. `network`: in direct mode it carries the requests to the authority. Rejects
 * with a `UserError`.
 */
export async function openCertificates(
  options: ServeOptions,
  log: Log,
  reload: (() => Promise<void>) | undefined,
  zones?: ZoneHolder,
  network?: Network,
): Promise<KeptCertificates | undefined> {
  const { acme } = options;
  if (acme === undefined) return undefined;
  const { keepCertificates } = await import('./certificates/keep.js');
  const { authoritiesFor } = await import('./certificates/authorities.js');
  const { proofsIn } = await import('./certificates/proofs.js');
  const clock = new RealClock();
  const random = new CryptoRandom();
  const kept = await keepCertificates({
    acme,
    ...(await outgoing(options, acme, random, network)),
    authorities: authoritiesFor(options, { clock, random, records: zones && proofsIn(zones) }),
    version: packageVersion(),
    clock,
    random,
    // The file in the state folder is what is served: other processes look at it by themselves.
    sinkFor: () => ({ use: () => reload?.() }),
    onNotice: (sentence) => log.warn(sentence),
    onEvent: (sentence) => log.event('net', sentence),
  });
  onReload(() => kept.look());
  return kept;
}

/** A recording does not contain connections that a program begins itself: then the kernel's sockets carry them. */
async function outgoing(
  { net, direct }: ServeOptions,
  acme: AcmeArguments,
  random: Random,
  network: Network | undefined,
): Promise<Pick<KeepOptions, 'fetch' | 'outside'>> {
  const roots = acme.roots === undefined ? undefined : readRoots(acme.roots);
  if (net !== 'direct' || network === undefined || direct.record !== undefined) {
    const { kernelFetch } = await import('./certificates/https-fetch.js');
    const { kernelOutside } = await import('./certificates/readiness.js');
    return { fetch: kernelFetch(roots), outside: kernelOutside() };
  }
  const { StackWay } = await import('./certificates/stack-way.js');
  const { stackOutside } = await import('./certificates/stack-outside.js');
  const way = new StackWay(network as DirectNetwork, { nameServers: direct.nameServers, random, roots });
  return { fetch: way.fetch, outside: stackOutside(way, () => network.addresses ?? []) };
}
