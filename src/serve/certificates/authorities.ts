/** How this server proves control of its names: by its ports and zones, or as the command line says. */
import type { Authority } from '../../acme/authority/authority.js';
import { Dns01, type RecordSetter } from '../../acme/authority/dns-01.js';
import { DnsPersist01 } from '../../acme/authority/dns-persist-01.js';
import { Http01 } from '../../acme/authority/http-01.js';
import { type ChallengeCertificates, TlsAlpn01 } from '../../acme/authority/tls-alpn-01.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import type { Clock } from '../../net/flow.js';
import type { Random } from '../../net/random.js';
import type { ChallengeKind } from '../options/acme.js';
import type { ServeOptions } from '../options/serve.js';
import { ChallengeFiles } from './challenge-files.js';

/** The ports that authorities connect to (RFC 8555 8.3, RFC 8737 3). */
const HTTP = 80;
const HTTPS = 443;

export interface AuthorityParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Sets records in the zones of this server; undefined: it has none. */
  readonly records: RecordSetter | undefined;
  /** Takes certificates of tls-alpn-01; files in the state folder by default. */
  readonly challenges?: ChallengeCertificates | undefined;
}

type Ways = Pick<ServeOptions, 'acme' | 'port' | 'tls' | 'dns'>;

/**
 * Kinds of challenges that can be answered, the preferred one first: http-01, which any host behind the address can
 * answer; tls-alpn-01; dns-01 and dns-persist-01, one of which wildcards need. Without one of these ports and without a
 * zone it is http-01: a router may forward port 80 to this host.
 */
export function challengeKinds({ acme, port, tls, dns }: Ways): readonly ChallengeKind[] {
  if (acme?.challenge !== undefined) return [acme.challenge];
  const kinds: ChallengeKind[] = [];
  if (port === HTTP) kinds.push('http-01');
  if (tls?.port === HTTPS) kinds.push('tls-alpn-01');
  if (dns.zones.length > 0) kinds.push('dns-01', 'dns-persist-01');
  return kinds.length === 0 ? ['http-01'] : kinds;
}

export function authoritiesFor(options: ServeOptions, parts: AuthorityParts): Authority[] {
  const made = challengeKinds(options).map((kind) => MAKERS[kind](options, parts));
  return made.filter((one) => one !== undefined);
}

const MAKERS: Readonly<Record<ChallengeKind, (options: ServeOptions, parts: AuthorityParts) => Authority | undefined>> =
  {
    'http-01': () => new Http01(),
    'tls-alpn-01': ({ acme }, { clock, random, challenges = new ChallengeFiles(acme!.state) }) =>
      new TlsAlpn01({ certificates: challenges, crypto: nodeCrypto, clock, random }),
    'dns-01': (_options, { records }) => (records === undefined ? undefined : new Dns01(records, nodeCrypto)),
    'dns-persist-01': (_options, { records }) =>
      records === undefined ? undefined : new DnsPersist01(records, nodeCrypto),
  };
