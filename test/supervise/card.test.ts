/** Programs that replace one another on a network card: no connection is lost, and none is reset. */

import { createHash } from 'node:crypto';
import t from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';
import { checkAlone, heldKey } from '../../src/supervise/held.js';
import { Lab, type Namespace } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf, childrenOf, kill } from './supervised.js';

// Half a dozen programs start in here; on a busy machine that takes a while.
t.setTimeout(300_000);

const LARGE = Buffer.alloc(4_000_000, 'a large file ');
const FILES = { 'index.html': 'first', 'large.bin': LARGE };
const SHA256 = createHash('sha256').update(LARGE).digest('hex');
const MAC = '02:00:00:00:00:07';

/** A namespace with a card on the lab's bridge that has no address. */
function machine(lab: Lab): Namespace {
  const made = lab.namespace('machine');
  lab.host.ip(`link add name card type veth peer name eth0 netns ${made.name}`);
  lab.host.ip('link set card master br0 up');
  return made;
}

t.test('two sockets on one card would both answer: options that need another one are refused while it is held', (t) => {
  const options = (...more: string[]): ServeOptions =>
    parseArguments(['--net', 'direct', '--interface', 'eth0', ...more, 'site']) as ServeOptions;
  const tap = { name: 'eth0', header: 10, checksum: true, segmentation: true, mtu: 1500 } as const;
  const held = { key: heldKey(options()), fds: [9], tap };
  checkAlone(options('--port', '81'), held);
  checkAlone(options('--mac', MAC), undefined);
  checkAlone(parseArguments(['--net', 'direct', '--tap', 'tap0', 'site']) as ServeOptions, held);
  for (const more of [['--mac', MAC], ['--no-offload']])
    t.throws(() => checkAlone(options(...more), held), /eth0 is served with other options/);
  t.end();
});

for (const [what, mac] of [
  ["the card's own address", []],
  ['an address of its own', ['--mac', MAC]],
] as const)
  t.test(
    `programs and bundles change under load on a network card with ${what}, and no client notices`,
    { skip: skipWithout('tcpdump') },
    async (t) => {
      const lab = new Lab(t, '10.77.0.1/24');
      const client = lab.client('10.77.0.2/24');
      const site = await bundleOf(t, 'site', FILES);
      const argv = ['--net', 'direct', '--interface', 'eth0', ...mac, '--ipv4', '10.77.0.7/24'];
      const server = new LabSupervised(lab, [...argv, site], 80, machine(lab));
      await server.start();
      const dump = client.start('tcpdump', [
        '-n',
        '-l',
        '-i',
        'eth0',
        'src 10.77.0.7 and tcp[tcpflags] & tcp-rst != 0',
      ]);
      await dump.says(/listening on/);
      const end = await server.clients(client, '10.77.0.7', [4, 4, 2, 2_000_000, SHA256]);
      for (let i = 0; i < 2; i++) {
        t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
        const next = await bundleOf(t, `site${i}`, { ...FILES, 'index.html': `number ${i}` });
        t.match(await server.ask({ do: 'swap', bundle: next, id: String(i) }), { ok: true, image: String(i) });
      }
      // The supervisor is killed, and another one takes over what its program serves on.
      const [program] = childrenOf(server.pid);
      kill(server.pid);
      await server.start();
      t.ok(
        childrenOf(server.pid).length > 0 && !childrenOf(server.pid).includes(program as number),
        'a program of its own',
      );
      const seen = await end();
      t.comment(JSON.stringify(seen), server.supervisor.stderr);
      t.same(seen.problems, []);
      t.ok(seen.downloads >= 2 && seen.requests > 50);
      await dump.stop();
      t.equal(dump.stdout.trim(), '', 'no reset came from the server');
      t.equal(await server.supervisor.stop(), 0);
    },
  );
