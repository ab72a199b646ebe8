/** The stub resolver over the kernel's sockets, asking our own name server: UDP, and TCP for what does not fit. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Resolver } from '../../src/dns/resolver/resolver.js';
import { TYPE } from '../../src/dns/wire/constants.js';
import { CryptoRandom } from '../../src/net/direct/host/random.js';
import { formatIp } from '../../src/net/ip-text.js';
import { RealClock } from '../../src/net/real-clock.js';
import { connectSocket } from '../../src/net/sockets/node/connect.js';
import { openSocketDatagrams, type SocketKind } from '../../src/net/sockets/open.js';
import { SITE, serveNames } from './peers.js';

const LONG = Array.from({ length: 40 }, (_, i) => `"${String(i).padEnd(250, 'x')}"`).join(' ');

t.test('names by UDP, a long answer by TCP, a server that is not there', async (t) => {
  const folder = t.testdir({});
  const file = join(folder, 'site.example.zone');
  writeFileSync(file, `${SITE}long TXT ${LONG}\n`);
  const { port } = await serveNames(t, '--zone', file);
  const kinds: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];
  for (const kind of kinds) {
    const parts = {
      datagrams: await openSocketDatagrams('0.0.0.0', '--dns', kind),
      ...{ connect: connectSocket, clock: new RealClock(), random: new CryptoRandom() },
    };
    const resolver = new Resolver({ ...parts, servers: () => [`127.0.0.1@${port}`] });
    const addresses = await resolver.addresses('www.site.example');
    t.same(addresses.map(formatIp), ['2001:db8::2', '192.0.2.2'], kind);
    const long = await resolver.lookup('long.site.example', TYPE.TXT);
    t.equal(long.data[0]!.length, 40 * 251);
    await t.rejects(resolver.lookup('nothing.site.example', TYPE.A), { code: 'no-name' });
    await t.rejects(resolver.lookup('other.example', TYPE.A), { code: 'failed' }, 'which refuses other zones');
    const nobody = new Resolver({ ...parts, servers: () => ['127.0.0.1@9'], timeout: 50 });
    await t.rejects(nobody.lookup('site.example', TYPE.A), { code: 'no-answer' });
  }
});
