/**
 * `--interface`: our stack on a network card (one end of a veth) in a namespace, as in a container or a virtual
 * machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab, type Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE, serve } from './server.js';
import { fetchSite } from './whole-site.js';
import { wrk } from './wrk.js';

const CARD = ['--net', 'direct', '--interface', 'eth0'];
const STATIC = [...CARD, '--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.129'];

/** A namespace with a card on the lab's bridge that has no address. */
function machine(lab: Lab): Namespace {
  const made = lab.namespace('machine');
  lab.host.ip(`link add name card type veth peer name eth0 netns ${made.name}`);
  lab.host.ip('link set card master br0 up');
  return made;
}

function page(lab: Lab): string {
  const site = join(lab.folder, 'small');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>small</title>');
  return site;
}

/** It refuses with this sentence and status. */
async function refuses(
  t: Test,
  place: Namespace,
  args: readonly string[],
  sentence: RegExp,
  status = 1,
): Promise<void> {
  const program = place.start(process.execPath, [MAIN, ...args]);
  t.equal(await program.exit, status, program.stderr);
  t.match(program.stderr, sentence);
  t.equal(program.stderr.trim().split('\n').length, 1, 'one sentence');
}

t.test(
  'every URL of the site comes byte for byte over a network card',
  { skip: skipWithout('curl', 'wrk', 'tcpdump') },
  async (t) => {
    const lab = new Lab(t, '46.43.42.129/25');
    const client = lab.client('46.43.42.140/25');
    const place = machine(lab);
    // A host that forwards: what is for us must neither be sent on nor answered by ICMP.
    await place.run('sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    const server = await serve(place, STATIC);
    t.equal(server.url, 'http://46.43.42.137/');
    const capture = client.start('tcpdump', [
      '-n',
      '-e',
      '-U',
      '-i',
      'eth0',
      'arp',
      'or',
      'icmp',
      'or',
      'tcp[tcpflags] & tcp-rst != 0',
    ]);
    await capture.says(/listening on/);
    const fetched = await fetchSite(client, server.url, SITE);
    t.same(fetched.wrong, []);
    const ping = await client.run('ping', ['-c', '2', '-i', '0.2', '46.43.42.137']);
    t.match(ping.stdout, / 0% packet loss/);
    await capture.stop();
    t.notMatch(capture.stdout, /Flags \[R/, 'nobody resets a connection');
    t.notMatch(capture.stdout, /redirect|unreachable/, 'the kernel says nothing about our address');
    const replies = capture.stdout.match(/Reply 46\.43\.42\.137 is-at/g) ?? [];
    const requests = capture.stdout.match(/who-has 46\.43\.42\.137 .*tell 46\.43\.42\.140/g) ?? [];
    t.ok(replies.length <= requests.length, `${replies.length} ARP replies to ${requests.length} requests`);
    const load = await wrk(client, server.url, { connections: 32, seconds: 1 });
    t.equal(load.errors, 0, load.output);
    t.ok(load.requests > 100);

    // The link goes and comes back; so does the interface.
    place.ip('link set eth0 down');
    place.ip('link set eth0 up');
    lab.host.ip('link set card down');
    lab.host.ip('link set card up');
    const again = await client.run('curl', [
      '-s',
      '--retry',
      '5',
      '--retry-all-errors',
      '--max-time',
      '10',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      server.url,
    ]);
    t.equal(again.stdout, '200', 'it serves again when the interface is up again');

    lab.host.ip('link del card');
    t.equal(await server.program.exit, 1, 'the interface was removed: status 1');
    t.match(server.program.stderr, /the network interface eth0 is gone: it was removed while we served on it/);
  },
);

t.test(
  'an address by DHCP on a network card, with a MAC address that is not its own',
  { skip: skipWithout('curl', 'dnsmasq') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    const dnsmasq = await Dnsmasq.start(lab, {
      from: '10.77.0.50',
      to: '10.77.0.99',
      netmask: '255.255.255.0',
      lease: '2m',
    });
    const server = await serve(machine(lab), [
      ...CARD,
      '--mac',
      '02:00:5e:10:00:01',
      '--state',
      join(lab.folder, 'state'),
    ]);
    t.equal((await dnsmasq.lease(server.address))?.mac, '02:00:5e:10:00:01');
    const fetched = await fetchSite(client, server.url, SITE);
    t.same(fetched.wrong, []);
    t.equal(await server.program.stop(), 0, 'SIGTERM ends it with status 0');
  },
);

t.test('what cannot be is refused with a sentence', { skip: skipWithout('setpriv') }, async (t) => {
  const lab = new Lab(t, '46.43.42.129/25');
  const place = machine(lab);
  const site = page(lab);
  await refuses(
    t,
    place,
    ['--net', 'direct', '--interface', 'eth9', site],
    /there is no network interface eth9; there is eth0/,
  );
  await refuses(t, place, ['--net', 'direct', '--interface', 'lo', site], /lo is no Ethernet interface/);
  await refuses(t, place, [...STATIC, '--tap', 'tap0', site], /--interface is instead of a TAP/, 2);
  await refuses(t, place, ['--interface', 'eth0', site], /--interface is for --net direct/, 2);
  const powerless = place.start('setpriv', [
    '--bounding-set=-all',
    '--inh-caps=-all',
    '--no-new-privs',
    process.execPath,
    MAIN,
    ...STATIC,
    site,
  ]);
  t.equal(await powerless.exit, 1);
  t.match(powerless.stderr, /no permission for a packet socket on eth0; run as root/);
  place.ip('link add name br1 type bridge');
  place.ip('link set eth0 master br1');
  await refuses(t, place, [...STATIC, site], /eth0 is a port of br1/);
  place.ip('link set eth0 nomaster');
  place.ip('addr add 46.43.42.137/32 dev lo');
  await refuses(t, place, [...STATIC, site], /the kernel holds 46\.43\.42\.137 on lo/);
  place.ip('addr add 46.43.42.150/25 dev eth0');
  await refuses(t, place, [...STATIC, site], /the kernel holds the address 46\.43\.42\.150 on eth0.*flush dev eth0/);
});
