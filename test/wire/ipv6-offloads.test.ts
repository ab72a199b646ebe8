/**
 * 3 % loss with offloads on: `--faults` works on single frames and turns them off, so here the network loses. The
 * program sends segments of up to 64 KiB; what carries them cuts them, and every frame behind that has its own chance.
 */
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { give } from './ipv6-routers.js';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE } from './server.js';
import { fetchSite } from './whole-site.js';

t.setTimeout(300_000);

const LOSS = 'numgen random mod 1000 < 30 counter drop';

/** Adds a chain of nftables with rules; false: this kernel has no such hook. */
async function chain(place: Namespace, family: string, hook: string, rules: readonly string[]): Promise<boolean> {
  const all = rules.map((rule) => `add rule ${family} sk c ${rule}`);
  const made = [`add table ${family} sk`, `add chain ${family} sk c { type filter hook ${hook} priority 0; }`];
  return (await place.run('nft', [[...made, ...all].join('; ')])).status === 0;
}

/** Packets that each rule with a counter has met, in order. */
async function counted(place: Namespace): Promise<number[]> {
  const { stdout } = await place.run('nft', ['list', 'ruleset']);
  return [...stdout.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
}

for (const [way, workers] of [
  ['a TAP', '1'],
  ['a TAP of two workers', '2'],
  ['a network card', '1'],
] as const) {
  t.test(
    `the site comes whole over ${way} with offloads, at 3 % loss both ways`,
    { skip: skipWithout('curl', 'ethtool', 'nft', 'radvd') },
    async (t) => {
      const { lab, client, start } = bed(t);
      const { host } = lab;
      // What leaves the bridge for the client is cut there.
      await host.run('ethtool', ['-K', 'port0', 'tso', 'off', 'gso', 'off']);
      const large = ['ether type ip meta length > 3000 counter', 'ether type ip6 meta length > 3000 counter'];
      const lossy =
        (await chain(client, 'netdev', 'ingress device eth0', [LOSS, 'meta length > 1600 counter'])) &&
        (await chain(host, 'bridge', 'forward', [`iifname port0 ${LOSS}`, ...large]));
      if (!lossy) return void t.pass('lost', { skip: 'needs nftables that drop by chance on devices and bridges' });
      await give(lab, 'radvd');
      const common = ['--ipv4', '10.77.0.7/24', '--workers', workers, SITE];
      let program: ReturnType<typeof start>;
      if (way === 'a network card') {
        const place = lab.namespace('machine');
        host.ip(`link add name card type veth peer name eth0 netns ${place.name}`);
        host.ip('link set card master br0 up');
        const device = ['--net', 'direct', '--interface', 'eth0', '--state', join(lab.folder, 'state')];
        program = place.start(process.execPath, [MAIN, ...device, ...common]);
      } else program = start(common);
      const [, address] = await program.says(IPV6_LINE, 60);
      for (const url of [`http://[${address}]/`, 'http://10.77.0.7/']) {
        const fetched = await fetchSite(client, url, SITE);
        t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
        t.same(fetched.wrong, [], url);
      }
      const [lost, uncut] = await counted(client);
      t.ok(lost! > 20, `${lost} frames to the client were lost`);
      t.equal(uncut, 0, 'each of them was a single one');
      const [acknowledgements, four, six] = await counted(host);
      t.ok(acknowledgements! > 0, `${acknowledgements} of its frames were lost`);
      t.ok(four! > 5 && six! > 5, `${four} and ${six} segments were the device's to cut`);
      t.equal(await program.stop(), 0);
    },
  );
}
