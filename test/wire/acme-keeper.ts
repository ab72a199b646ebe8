/**
 * A certificate that the library keeps, for a test that runs this in Pebble's namespace: `node acme-keeper.js NAME
 * SPEED`. Proves the name by http-01, in a time that is SPEED times as fast, so that waits of minutes take seconds.
 * Prints each event and notice as a line, and `used FINGERPRINT NOTAFTER` for what is put in use.
 */
import { createServer } from 'node:http';
import { challengeAnswers, Http01 } from '../../src/acme/authority/http-01.js';
import { factsOf } from '../../src/acme/der/certificate.js';
import { identifierOf } from '../../src/acme/der/names.js';
import { CertificateKeeper } from '../../src/acme/keep/keeper.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { Account } from '../../src/acme/protocol/account.js';
import { AcmeClient } from '../../src/acme/protocol/client.js';
import { accountKey, accountMemory } from '../../src/acme/state/account-state.js';
import { CryptoRandom } from '../../src/net/direct/host/random.js';
import type { Clock } from '../../src/net/flow.js';
import { RealClock } from '../../src/net/real-clock.js';
import { kernelFetch } from '../../src/serve/certificates/https-fetch.js';
import { MemoryStorage, testSession } from '../acme/setup.js';
import { ADDRESS, DIRECTORY } from './pebble.js';

const [name = '', speed = '1'] = process.argv.slice(2);
const real = new RealClock();
const [start, begun] = [real.now(), real.wallClock()];
const passed = (): number => (real.now() - start) * Number(speed);
const clock: Clock = {
  now: passed,
  wallClock: () => begun + passed(),
  schedule: (delay, callback) => real.schedule(delay / Number(speed), callback),
};
const session = testSession(DIRECTORY, kernelFetch(undefined), clock);
const state = new MemoryStorage();
const key = await accountKey(state, nodeCrypto);
const options = { email: 'a@example.org', agreed: true };
const account = new Account(session, key, options, accountMemory(state, DIRECTORY));
const answer = challengeAnswers(() => account.thumbprint);
createServer((request, response) => response.end(answer(request.url!.split('/').at(-1)!))).listen(80, ADDRESS);
const keeper = new CertificateKeeper({
  client: new AcmeClient(session, account),
  identifiers: [identifierOf(name)!],
  storage: new MemoryStorage(),
  authorities: [new Http01()],
  sink: {
    use: (chain) => {
      const { fingerprint, notAfter } = factsOf(chain)!;
      console.log(`used ${fingerprint} ${notAfter}`);
    },
  },
  random: new CryptoRandom(),
  orders: true,
  onNotice: console.log,
  onEvent: console.log,
});
await keeper.start();
