/** Waiting for secondaries, in virtual time. */
import t from 'tap';
import { spread } from '../../src/dns/serve/spread.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { addressOf, MemoryDatagrams, NameServerInMemory, zone } from './setup.js';

const site = (serial: number) =>
  zone(`$ORIGIN site.example.\n$TTL 60\n@ SOA ns h ${serial} 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n`);
const secondaries = ['192.0.2.5', '192.0.2.6@5353'].map((text) => ({ address: addressOf(text), key: undefined }));

async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((done) => setImmediate(done));
}

/** `serials`: what each secondary serves, undefined: it is silent. Returns what was found, and the questions. */
async function ask(serials: (number | undefined)[], seconds: number, later: (number | undefined)[] = serials) {
  const [clock, datagrams] = [new VirtualClock(), new MemoryDatagrams()];
  const servers = new Map<number, NameServerInMemory>();
  for (const serial of new Set([...serials, ...later]))
    if (serial !== undefined) servers.set(serial, await new NameServerInMemory([site(serial)]).open());
  let missing: readonly unknown[] | undefined;
  void spread(site(7).zone, secondaries, datagrams, clock, new SeededRandom(1)).then((found) => {
    missing = found;
  });
  let seen = 0;
  for (let at = 0; at < seconds * 10 && missing === undefined; at++) {
    await settled();
    for (const { port, to, bytes } of datagrams.sent.slice(seen)) {
      const which = to === '192.0.2.5@53' ? 0 : 1;
      const serial = (at < 20 ? serials : later)[which];
      const answer = serial === undefined ? undefined : servers.get(serial)!.exchange(bytes);
      if (answer !== undefined && datagrams.open > 0) datagrams.deliver(port, answer, to);
    }
    seen = datagrams.sent.length;
    clock.advance(100);
  }
  await settled();
  return { missing, asked: datagrams.sent.length, open: datagrams.open };
}

t.test('none is asked where there is none; those that have it are asked once', async (t) => {
  const none = new MemoryDatagrams();
  t.same(await spread(site(7).zone, [], none, new VirtualClock(), new SeededRandom(1)), []);
  t.equal(none.open, 0);
  t.same(await ask([7, 8], 5), { missing: [], asked: 2, open: 0 });
});

t.test('one that is behind is asked until it has it', async (t) => {
  const { missing, asked, open } = await ask([7, 6], 10, [7, 7]);
  t.same(missing, []);
  t.ok(asked > 4 && asked < 8, `${asked} questions`);
  t.equal(open, 0);
});

t.test('one that is silent, or stays behind, is given up after 30 s', async (t) => {
  t.same((await ask([undefined, 7], 29)).missing, undefined);
  t.same((await ask([undefined, 7], 40)).missing, [secondaries[0]]);
  t.same((await ask([6, 6], 40)).missing, secondaries);
});
