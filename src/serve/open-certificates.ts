/**
 * Certificates that this process orders: the first one of workers, which read them from the state folder, or the server
 * of a machine of its own.
 */
import { CryptoRandom } from '../net/direct/host/random.js';
import type { Network } from '../net/flow.js';
import { RealClock } from '../net/real-clock.js';
import type { KeptCertificates } from './certificates/keep.js';
import type { Outgoing } from './certificates/outgoing.js';
import type { ZoneHolder } from './certificates/proofs.js';
import type { Log } from './log.js';
import type { ServeOptions } from './options/serve.js';
import { packageVersion } from './program-files.js';
import { onReload } from './signals.js';

export interface CertificateParts {
  /** Reads from the state folder the certificates that this process serves; undefined: it serves none. */
  readonly reload?: (() => Promise<void>) | undefined;
  /** The zones for proofs in the DNS. */
  readonly zones?: ZoneHolder | undefined;
  /** In direct mode: it carries the requests to the authority. */
  readonly network?: Network | undefined;
  /** Instead of `network`: another process carries the requests to the authority. */
  readonly outgoing?: Outgoing | undefined;
}

/** Undefined: none are to be ordered. Rejects with a `UserError`. */
export async function openCertificates(
  options: ServeOptions,
  log: Log,
  { reload, zones, network, outgoing }: CertificateParts,
): Promise<KeptCertificates | undefined> {
  const { acme } = options;
  if (acme === undefined) return undefined;
  const { keepCertificates } = await import('./certificates/keep.js');
  const { authoritiesFor } = await import('./certificates/authorities.js');
  const { proofsIn } = await import('./certificates/proofs.js');
  const { outgoingOf } = await import('./certificates/outgoing.js');
  const clock = new RealClock();
  const random = new CryptoRandom();
  const kept = await keepCertificates({
    acme,
    ...(outgoing ?? (await outgoingOf(options, random, network))),
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
