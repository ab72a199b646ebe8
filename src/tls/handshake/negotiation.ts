/** What a server takes of what a ClientHello offers: suite, group, session, protocol (RFC 8446 4.1.1). */
import { TlsError } from '../common/alert.js';
import { CHACHA20, type CipherSuite, suiteById } from '../common/suites.js';
import type { Endpoint } from '../record/endpoint.js';
import type { ClientHello } from '../wire/client-hello.js';
import type { Session, Tickets } from './tickets.js';

/** Tickets that a client's offer is tried for. */
const MOST_TRIED = 4;
const PSK_DHE_KE = 1;

/** What holds from the ClientHello on. */
export interface Negotiated {
  readonly suite: CipherSuite;
  readonly session: Session | undefined;
  readonly sessionIndex: number;
  readonly group: number;
  readonly share: Uint8Array | undefined;
}

/** What a HelloRetryRequest has asked for. */
interface Asked {
  readonly suite: CipherSuite;
  readonly group: number;
}

/** `asked`: of a second ClientHello. Without a share of the group one has to be asked for. Throws a TlsError. */
export function negotiate(
  hello: ClientHello,
  { primitives, clock }: Endpoint,
  tickets: Tickets,
  asked: Asked | undefined,
): Negotiated {
  const offered = suitesOf(hello.suites).filter((one) => asked === undefined || one === asked.suite);
  if (offered.length === 0) throw new TlsError('handshakeFailure', 'ClientHello: no cipher suite in common');
  const found = sessionOf(hello, tickets, offered, clock.wallClock());
  const shares = hello.shares ?? new Map<number, Uint8Array>();
  const wanted = asked === undefined ? primitives.groups : [asked.group];
  const shared = wanted.find((one) => shares.has(one));
  const group = shared ?? wanted.find((one) => hello.groups?.includes(one));
  if (group === undefined) throw new TlsError('handshakeFailure', 'ClientHello: no group in common');
  return {
    suite: found?.suite ?? offered[0]!,
    session: found?.session,
    sessionIndex: found?.index ?? 0,
    group,
    share: shared === undefined ? undefined : shares.get(shared),
  };
}

/** RFC 8446 4.2.9: it resumes with a key agreement, or not at all. */
export function mayResume({ pskModes }: ClientHello): boolean {
  return pskModes?.includes(PSK_DHE_KE) === true;
}

/**
 * Suites in common, the preferred one first: ChaCha20 for a client that prefers it, because it has no AES in hardware.
 */
function suitesOf(offered: readonly number[]): CipherSuite[] {
  const common = offered.map(suiteById).filter((one) => one !== undefined);
  if (common[0] === CHACHA20) return common;
  return common.sort((a, b) => a.id - b.id);
}

/** The first ticket that can be used (RFC 8446 4.2.11), with a suite of the same hash. */
function sessionOf(hello: ClientHello, tickets: Tickets, offered: readonly CipherSuite[], now: number) {
  if (hello.psks === undefined || !mayResume(hello)) return undefined;
  for (const [index, { identity }] of hello.psks.identities.slice(0, MOST_TRIED).entries()) {
    const session = tickets.open(identity, now);
    if (session === undefined || session.serverName !== hello.serverName) continue;
    const suite = offered.find(({ hash }) => hash === session.suite.hash);
    if (suite !== undefined) return { session, suite, index };
  }
  return undefined;
}

/** RFC 7301 3.2. `ours`: the preferred one first. Undefined: the client speaks of none. Throws a TlsError. */
export function protocolOf(offered: readonly string[] | undefined, ours: readonly string[]): string | undefined {
  if (offered === undefined) return undefined;
  const protocol = ours.find((one) => offered.includes(one));
  if (protocol === undefined) throw new TlsError('noApplicationProtocol', 'ClientHello: no protocol in common');
  return protocol;
}
