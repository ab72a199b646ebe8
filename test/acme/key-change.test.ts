/** Another key for the account (RFC 8555 7.3.5), and the program ended at each step of the change. */
import t from 'tap';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import type { Fetch } from '../../src/acme/protocol/fetch.js';
import { accountOf, changeKey } from '../../src/acme/protocol/key-change.js';
import { AcmeError } from '../../src/acme/protocol/problem.js';
import { accountKeys } from '../../src/acme/state/account-keys.js';
import { ACCOUNT_KEY, knownAccounts, storedAccountKey } from '../../src/acme/state/account-state.js';
import { DIRECTORY } from './fake-ca.js';
import { DAY, type Host, MemoryStorage, MINUTE, startHost, testSession, World } from './setup.js';

/** What `certificate rollover` does. Rejects where the program would have ended. */
async function change(world: World, storage: MemoryStorage, fetch: Fetch = world.ca.fetch): Promise<void> {
  const keys = accountKeys(storage, nodeCrypto, async () => undefined);
  const [[directory, url] = ['', '']] = await knownAccounts(storage);
  const session = testSession(directory, fetch, world.time);
  const next = await keys.begin();
  await changeKey(session, url, (await keys.current())!, next);
  await keys.adopt(next);
}

async function served(world: World): Promise<Host> {
  const host = await startHost(world);
  await world.run(10 * MINUTE);
  t.equal(host.used.length, 1);
  return host;
}

t.test('a running host orders with the new key by the old account', async (t) => {
  const world = new World();
  const host = await served(world);
  const old = host.accountStorage.texts.get(ACCOUNT_KEY);
  const before = host.client.account.thumbprint;
  await change(world, host.accountStorage);
  t.not(host.accountStorage.texts.get(ACCOUNT_KEY), old);
  await world.run(70 * DAY);
  t.equal(host.used.length, 2, 'renewed');
  t.equal(world.ca.registered.length, 1, 'one account');
  t.not(world.ca.validations.at(-1)!.thumbprint, before, 'challenges are answered for the new key');
  t.equal(world.ca.validations.at(-1)!.thumbprint, host.client.account.thumbprint);
  t.same(host.notices, []);
});

/** Where the program can end: each write of the state, each request to the authority before and after it arrives. */
const STEPS = ['next key', 'request lost', 'answer lost', 'key', 'next key is put away'] as const;

for (const step of STEPS) {
  t.test(`the program ends at: ${step}; the host goes on, and the change can be made again`, async (t) => {
    const world = new World();
    const { accountStorage } = await served(world);
    class Ends extends MemoryStorage {
      override readonly texts = accountStorage.texts;
      override async write(name: string, text: string): Promise<void> {
        const at = name === ACCOUNT_KEY ? 'key' : text === '' ? 'next key is put away' : 'next key';
        if (at === step) throw new AcmeError('state', 'ended');
        await super.write(name, text);
      }
    }
    const fetch: Fetch = async (request) => {
      const isChange = request.url.endsWith('/key');
      if (isChange && step === 'request lost') throw new AcmeError('unreachable', 'ended');
      const response = await world.ca.fetch(request);
      if (isChange && step === 'answer lost') throw new AcmeError('unreachable', 'ended');
      return response;
    };
    await t.rejects(change(world, new Ends(), fetch), { message: 'ended' });
    // The program is started again, and nobody does anything.
    const again = await startHost(world, {}, new MemoryStorage(), accountStorage);
    await world.run(10 * MINUTE);
    t.equal(again.used.length, 1, 'it orders');
    t.equal(world.ca.registered.length, 1, 'by the one account');
    t.same(again.notices, []);
    const known = await storedAccountKey(accountStorage, nodeCrypto);
    const session = testSession(DIRECTORY, world.ca.fetch, world.time);
    t.equal(await accountOf(session, known!), 'https://ca.test/acct/1', 'the stored key is the one that it knows');
    const before = accountStorage.texts.get(ACCOUNT_KEY);
    await change(world, accountStorage);
    if (step !== 'next key is put away') t.not(accountStorage.texts.get(ACCOUNT_KEY), before);
    const now = await storedAccountKey(accountStorage, nodeCrypto);
    t.equal(await accountOf(session, now!), 'https://ca.test/acct/1');
    t.equal(world.ca.accounts, 1);
  });
}

t.test('a refused signature is not blamed on a change of keys that never was', async (t) => {
  const world = new World();
  const host = await served(world);
  host.accountStorage.texts.set(ACCOUNT_KEY, nodeCrypto.generateKey().pem);
  world.ca.requests.length = 0;
  await t.rejects(host.client.newOrder({ identifiers: [], profile: undefined, replaces: undefined }), {
    code: 'refused',
  });
  t.notOk(world.ca.requests.some(({ url }) => url.endsWith('/key')));
});

t.test('an authority that does not change keys says so, and the old one stays', async (t) => {
  const world = new World();
  const host = await served(world);
  const before = host.accountStorage.texts.get(ACCOUNT_KEY);
  const without: Fetch = async (request) => {
    const response = await world.ca.fetch(request);
    return { ...response, body: response.body.replace('"keyChange"', '"other"') };
  };
  await t.rejects(change(world, host.accountStorage, without), { message: /does not change the keys/ });
  t.equal(host.accountStorage.texts.get(ACCOUNT_KEY), before);
});
