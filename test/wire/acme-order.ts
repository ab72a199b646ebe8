/**
 * One order by the library, for a test that runs this in Pebble's namespace: `node acme-order.js KIND NAME...`, KIND
 * one of http-01, tls-alpn-01, dns-01. Prints the certificate's facts as JSON, and revokes it by its own key.
 */
import { createServer as createHttp } from 'node:http';
import { createSecureContext, createServer as createTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { Authority } from '../../src/acme/authority/authority.js';
import { Dns01 } from '../../src/acme/authority/dns-01.js';
import { challengeAnswers, Http01 } from '../../src/acme/authority/http-01.js';
import { ACME_TLS, TlsAlpn01 } from '../../src/acme/authority/tls-alpn-01.js';
import { factsOf } from '../../src/acme/der/certificate.js';
import { identifierOf } from '../../src/acme/der/names.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { obtain } from '../../src/acme/order/obtain.js';
import { Account } from '../../src/acme/protocol/account.js';
import { AcmeClient } from '../../src/acme/protocol/client.js';
import { CryptoRandom } from '../../src/net/direct/host/random.js';
import { RealClock } from '../../src/net/real-clock.js';
import { kernelFetch } from '../../src/serve/certificates/https-fetch.js';
import { testSession } from '../acme/setup.js';
import { ADDRESS, DIRECTORY } from './pebble.js';

const [kind, ...names] = process.argv.slice(2);
const clock = new RealClock();
const session = testSession(DIRECTORY, kernelFetch(undefined), clock);
const external = process.env['EAB']?.split(':');
const account = new Account(
  session,
  nodeCrypto.generateKey(),
  {
    email: 'a@example.org',
    agreed: true,
    external: external === undefined ? undefined : { keyId: external[0]!, hmacKey: external[1]! },
  },
  { load: async () => undefined, save: async () => undefined },
);

async function setRecord(command: string, body: object): Promise<void> {
  await fetch(`http://127.0.0.1:8055/${command}`, { method: 'POST', body: JSON.stringify(body) });
}

function authority(): Authority {
  if (kind === 'http-01') {
    const answer = challengeAnswers(() => account.thumbprint);
    createHttp((request, response) => response.end(answer(request.url!.split('/').at(-1)!))).listen(80, ADDRESS);
    return new Http01();
  }
  if (kind === 'dns-01') {
    const records = {
      owns: () => true,
      add: (name: string, value: string) => setRecord('set-txt', { host: `${name}.`, value }),
      // Takes all values of the name away: the test's server knows no other way.
      remove: async () => undefined,
    };
    return new Dns01(records, nodeCrypto);
  }
  const contexts = new Map<string, SecureContext>();
  createTls({
    ALPNProtocols: [ACME_TLS],
    SNICallback: (name, done) => done(null, contexts.get(name)),
  })
    .on('secureConnection', (socket: TLSSocket) => socket.end())
    .on('tlsClientError', () => undefined)
    .listen(443, ADDRESS);
  const certificates = {
    set: (name: string, cert: string, key: string) => void contexts.set(name, createSecureContext({ cert, key })),
    remove: (name: string) => void contexts.delete(name),
  };
  return new TlsAlpn01({ certificates, crypto: nodeCrypto, clock, random: new CryptoRandom() });
}

const client = new AcmeClient(session, account);
const identifiers = names.map((name) => identifierOf(name)!);
const key = nodeCrypto.generateKey();
const url = await client.newOrder({ identifiers, profile: undefined, replaces: undefined });
const chain = await obtain(url, { client, identifiers, key, authorities: [authority()] });
const facts = factsOf(chain)!;
await client.revoke(facts.der, 1, key);
console.log(JSON.stringify({ names: facts.names, id: facts.id, chain }));
process.exit(0);
