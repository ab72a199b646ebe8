/** Certificates of a server: ordered where the command line asks for it, and looked at again at SIGHUP. */
import { CryptoRandom } from '../net/direct/host/random.js';
import { RealClock } from '../net/real-clock.js';
import type { KeptCertificates } from './certificates/keep.js';
import type { Log } from './log.js';
import type { ZoneHolder } from './names/proofs.js';
import type { ServeOptions } from './options/serve.js';
import { packageVersion } from './program-files.js';
import { onReload } from './signals.js';

/**
 * Undefined: none are asked for. In one process of a server; the others find in the state folder what it gets.
 * `reload`: reads from there what this process serves; undefined: it serves nothing. `zones`: where proofs of dns-01
 * may stand. Rejects with a `Failure`.
 */
export async function openCertificates(
  options: ServeOptions,
  log: Log,
  reload: (() => Promise<void>) | undefined,
  zones?: ZoneHolder,
): Promise<KeptCertificates | undefined> {
  const { acme } = options;
  if (acme === undefined) return undefined;
  const { keepCertificates } = await import('./certificates/keep.js');
  const { authoritiesFor } = await import('./certificates/authorities.js');
  const { proofsIn } = await import('./names/proofs.js');
  const clock = new RealClock();
  const random = new CryptoRandom();
  const kept = await keepCertificates({
    acme,
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
