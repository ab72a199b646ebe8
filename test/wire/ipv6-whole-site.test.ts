/**
 * radvd, dnsmasq and Kea each give an address; then the whole site comes by hash over both families, on a link that
 * loses 3 %, in each way that the program can stand on the link. And a prefix that is replaced under load.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { type Giver, give, prefix, radvd, writeRadvd } from './ipv6-routers.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE } from './server.js';
import { fetchSite } from './whole-site.js';

const LOSS = ['--faults', 'loss=3%'];
const WAYS: readonly { readonly name: string; readonly giver: Giver; readonly args: readonly string[] }[] = [
  { name: 'a TAP', giver: 'radvd', args: [] },
  { name: 'a TAP without offloads', giver: 'dnsmasq', args: ['--no-offload'] },
  { name: 'two workers', giver: 'kea-dhcp6', args: ['--workers', '2'] },
  { name: 'a network card', giver: 'kea-dhcp6', args: [] },
  { name: 'a network card without offloads', giver: 'radvd', args: ['--no-offload'] },
];

t.setTimeout(600_000);

for (const { name, giver, args } of WAYS) {
  t.test(
    `${giver} gives the address, and the site comes whole over ${name}, at 3 % loss`,
    { skip: skipWithout('curl', 'ethtool', giver, 'radvd') },
    async (t) => {
      const { lab, client, start } = bed(t);
      // A veth carries checksums that its sender did not finish, and only says so beside the frame; a wire has none of
      // these. Faults work on single frames, without what is said beside them.
      if (name.includes('card')) {
        await client.run('ethtool', ['-K', 'eth0', 'tx', 'off']);
        await lab.host.run('ethtool', ['-K', 'br0', 'tx', 'off']);
      }
      await give(lab, giver);
      const common = ['--ipv4', '10.77.0.7/24', ...LOSS, ...args, SITE];
      const onCard = (): ReturnType<typeof start> => {
        const place = lab.namespace('machine');
        lab.host.ip(`link add name card type veth peer name eth0 netns ${place.name}`);
        lab.host.ip('link set card master br0 up');
        const device = ['--net', 'direct', '--interface', 'eth0', '--state', join(lab.folder, 'state')];
        return place.start(process.execPath, [MAIN, ...device, ...common]);
      };
      const program = name.includes('card') ? onCard() : start(common);
      const [, address] = await program.says(IPV6_LINE, 60);
      t.match(address, giver === 'kea-dhcp6' ? /^2001:db8:77::a[0-9a-f]{2}$/ : /^2001:db8:77:0?:/);
      for (const url of [`http://[${address}]/`, 'http://10.77.0.7/']) {
        const fetched = await fetchSite(client, url, SITE);
        t.ok(fetched.urls > 10, `${fetched.urls} URLs`);
        t.same(fetched.wrong, [], url);
      }
      t.equal(await program.stop(), 0);
    },
  );
}

t.test(
  'a prefix is replaced under load: what is open lives until its address dies',
  { skip: skipWithout('curl', 'radvd') },
  async (t) => {
    const { lab, client, start } = bed(t);
    const folder = join(lab.folder, 'site');
    mkdirSync(folder);
    writeFileSync(join(folder, 'index.html'), 'hello');
    writeFileSync(join(folder, 'large.bin'), Buffer.alloc(40_000_000, 'sixteen bytes of text '));
    await lab.host.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
    client.ip('addr add 2001:db8:99::3/64 dev eth0 nodad');
    // A kernel with room for megabytes would take the whole file at once, and curl's pauses would pass for silence.
    await client.run('sysctl', ['-w', 'net.ipv4.tcp_rmem=4096 65536 131072']);
    const router = radvd(lab, writeRadvd(lab, [prefix('2001:db8:77::', 24, 12)]));
    const program = start(['--no-ipv4', folder]);
    const [, old] = await program.says(IPV6_LINE, 60);
    const url = `http://[${old}]/large.bin`;
    const silence = ['--speed-time', '10', '--speed-limit', '1'];
    const slow = (rate: string): ReturnType<typeof client.run> =>
      client.run('curl', ['-sg', '-o', '/dev/null', '--limit-rate', rate, ...silence, '-w', '%{size_download}', url]);
    // One that is over while the old address is deprecated, and one that would take much longer than it lives.
    const short = slow('3M');
    const long = slow('200k');
    writeRadvd(lab, [prefix('2001:db8:99::')]);
    router.signal('SIGHUP');
    const [, next] = await program.says(/^listening on http:\/\/\[(2001:db8:99:[0-9a-f:]+)\]\/$/m, 60);
    const got = await client.run('curl', ['-s', '-g', '-m', '5', `http://[${next}]/`]);
    t.equal(got.stdout, 'hello', 'the new address serves');
    const whole = await short;
    t.equal(whole.status, 0, 'a download over the old address goes on to its end');
    t.equal(whole.stdout, '40000000');
    let over = false;
    void long.then(() => {
      over = true;
    });
    await program.says(new RegExp(`^sitekernel: the address ${old} is not ours any more`, 'm'), 60);
    t.notOk(over, 'what is open lives as long as the address');
    const gone = await client.run('curl', ['-s', '-g', '-m', '3', `http://[${old}]/`]);
    t.not(gone.status, 0, 'nobody has the old address any more');
    const cut = await long;
    t.not(cut.status, 0, 'a download that outlives the address ends with it');
    t.ok(Number(cut.stdout) > 2_000_000, `after ${cut.stdout} bytes`);
    t.ok(Number(cut.stdout) < 20_000_000, 'none came without the address');
    t.equal((await client.run('curl', ['-s', '-g', '-m', '5', `http://[${next}]/`])).stdout, 'hello');
    t.equal(await program.stop(), 0);
  },
);
