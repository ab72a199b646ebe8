/** HTTPS: TLS before the HTTP server, and a redirect, or the site, on the HTTP port. Loaded only when it is used. */

import { ALPN_PROTOCOLS, gauge, type HttpServer, type HttpStats, sumOfStats } from '../../http/index.js';
import { Containment } from '../../net/containment.js';
import { EarlyData } from '../../tls/handshake/early-data.js';
import { Tickets } from '../../tls/handshake/tickets.js';
import type { OpensslEngine } from '../../tls/openssl/engine.js';
import { choosePrimitives } from '../../tls/primitives/choose.js';
import { pooledRandom } from '../../tls/primitives/random.js';
import { DEFAULT_TLS_LIMITS } from '../../tls/record/endpoint.js';
import { type OlderEngine, TlsServer } from '../../tls/tls-server.js';
import type { Front, FrontContext } from '../door.js';
import { behindProxies, giveWay, makeServer } from '../http-server.js';
import type { Watched } from '../live-pages.js';
import type { TlsArguments } from '../options/tls.js';
import { onReload } from '../signals.js';
import { ticketSecret } from '../tickets/ticket-keys.js';
import { certificateFiles } from './certificate-files.js';
import { CertificateStore } from './certificate-store.js';
import { fingerprintOf } from './self-signed-files.js';

/** Rejects with a message for people. */
export async function makeSecureFront(context: FrontContext, options: TlsArguments): Promise<Front> {
  const { network, log, quiet = false } = context;
  const { clock } = network;
  const { told } = context;
  const certificates = await CertificateStore.open({ ...certificateFiles(context.options), told, log, quiet });
  const primitives = await choosePrimitives((reason) =>
    log.event('net', `records are sealed by node:crypto, which is slower: ${reason}`),
  );
  const random = pooledRandom();
  const tickets = new Tickets(primitives, random, ticketSecret(context.tickets));
  const protocols = context.options.http.http2 ? ALPN_PROTOCOLS : ALPN_PROTOCOLS.filter((one) => one !== 'h2');
  const { selfSigned } = certificates;
  if (selfSigned !== undefined && !quiet)
    log.warn(`the certificate is self-signed; its SHA-256 fingerprint is ${fingerprintOf(selfSigned)}`);
  const servers: HttpServer[] = [];
  const stats = (): HttpStats => sumOfStats(servers.map((one) => one.stats()));
  const expires = (): number => (certificates.expires - Date.now()) / 1000;
  const watched: Watched = {
    ...{ options: context.options, network, site: context.sites.site, log, siblings: context.siblings },
    server: () => ({ stats, describe: (limit) => servers.flatMap((one) => one.describe(limit)).slice(0, limit) }),
    tls: {
      counters: () => named({ ...tls.counters, olderShed: openssl?.shed ?? 0, faults: faults.count }),
      metrics: () => [
        gauge('sitekernel_tls_certificate_expires_in_seconds', 'Until the first certificate ends.', [
          { value: expires() },
        ]),
      ],
      facts: () => ({ 'certificate until': new Date(certificates.expires).toISOString().slice(0, 10) }),
    },
    dns: context.dns,
    sealing: context.sealing,
  };
  const serve = (extras: { hsts?: number | undefined; redirectTo?: string | undefined }): HttpServer => {
    const server = makeServer(context, { watched, ...extras });
    servers.push(server);
    return server;
  };
  giveWay(network, log, () => servers);
  const faults = new Containment(log.contained);
  const onError = (error: unknown): void => faults.note(error, 'connection', clock.now());
  const main = serve({ hsts: options.hsts });
  const openssl = await olderEngine(
    options,
    { ...{ clock, protocols, onError }, certificates: certificates.current },
    tickets,
  );
  const older: OlderEngine | undefined =
    openssl && ((inner, hello, bytes, accept) => openssl.take(inner, hello, bytes, accept));
  const { acme } = context.options;
  const challenge =
    told?.tls ??
    (acme &&
      (await import('../certificates/challenge-files.js')).storedChallenges(acme.state, acme.certificates.flat()));
  const tls = new TlsServer({
    primitives,
    random,
    clock,
    certificates: certificates.current,
    tickets,
    protocols,
    earlyData: options.earlyData ? new EarlyData(random, clock) : undefined,
    ...(challenge && { challenge }),
    older,
    olderForAll: options.engine === 'openssl',
    accept: main.accept,
    adopt: main.adopt,
    onRefused: ({ remote }, { code, message }) =>
      log.event('net', `${remote.address}: a connection stays in the program before this one: ${code}, ${message}`),
    onAlert: ({ remote }, alert, reason) => log.event('net', `${remote.address}: TLS ended with ${alert}: ${reason}`),
    onError,
  });
  onReload(() => void certificates.reload().catch(() => undefined));
  return {
    main: { port: options.port, accept: behindProxies(context, tls.accept), adopt: tls.adopt },
    beside: (port) => {
      const redirectTo = port === 443 ? 'https' : `https:${port}`;
      const plain = serve(options.redirect ? { redirectTo } : {});
      return [{ port: context.options.port, accept: behindProxies(context, plain.accept), adopt: plain.adopt }];
    },
    scheme: 'https',
    watched,
    get connections() {
      return servers.reduce((sum, one) => sum + one.connections, 0);
    },
    stats,
    retire: () => {
      for (const one of servers) one.retire();
    },
    drain: () => {
      tls.drain();
      for (const one of servers) one.drain();
    },
    reload: () => certificates.reload(),
    close: () => certificates.close(),
  };
}

/** OpenSSL's TLS, where a version or the command line requires it. */
async function olderEngine(
  { min, engine }: TlsArguments,
  common: Pick<ConstructorParameters<typeof TlsServer>[0], 'clock' | 'protocols' | 'certificates' | 'onError'>,
  tickets: Tickets,
): Promise<OpensslEngine | undefined> {
  if (min === '1.3' && engine === 'own') return undefined;
  const { OpensslEngine } = await import('../../tls/openssl/engine.js');
  const { olderHandshakes: handshakes, handshakeTime, linger } = DEFAULT_TLS_LIMITS;
  return new OpensslEngine({
    ...common,
    ticketKeys: () => tickets.foreignKeys(Date.now()),
    min,
    all: engine === 'openssl',
    handshakes,
    handshakeTime,
    linger,
  });
}

/** Counters with a prefix that names their owner. */
function named(counters: object): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [`tls-${name}`, value as number]));
}
