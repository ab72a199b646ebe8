import t from 'tap';
import { BootError, cardToServeOn, guestArguments } from '../../src/vm/guest/guest.js';

t.test("what is ours on the kernel's command line becomes the program's arguments; what comes later wins", (t) => {
  const line = 'console=ttyS0 quiet panic=2 ipv4=192.0.2.7/24 ipv4=46.43.42.137/25 ipv4-gateway=46.43.42.129 metrics\n';
  t.same(guestArguments(line), ['--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.129', '--metrics']);
  t.same(guestArguments('BOOT_IMAGE=x console=ttyS0'), [], 'nothing: DHCP');
  t.same(guestArguments('ipv6.disable=1 quiet'), [], "an option of the kernel's own IPv6 is the kernel's");
  const both = 'ipv6=2001:db8::1/64,2001:db8::2/64 ipv6-gateway=fe80::1 no-ipv4=true';
  const six = ['--ipv6', '2001:db8::1/64', '--ipv6', '2001:db8::2/64', '--ipv6-gateway', 'fe80::1', '--no-ipv4'];
  t.same(guestArguments(both), six, 'several addresses in one token');
  t.same(guestArguments('ipv6=2001:db8::1/64 ipv6-gateway=fe80::1 no-ipv6'), ['--no-ipv6'], 'a family or none of it');
  t.same(guestArguments('no-ipv4 ipv4=192.0.2.7/24'), ['--ipv4', '192.0.2.7/24']);
  t.throws(() => guestArguments('ipv6addr=2001:db8::1/64'), BootError);
  t.end();
});

t.test('several certificates have a slash between them, and a file of roots lies among the state', (t) => {
  const line = 'acme=me@example.org domain=a.example,www.a.example/b.example agree-tos acme-roots=ca.pem dns=192.0.2.1';
  t.same(guestArguments(line), [
    ...['--acme', 'me@example.org', '--domain', 'a.example,www.a.example', '--domain', 'b.example', '--agree-tos'],
    ...['--acme-roots', '/tmp/state/ca.pem', '--dns', '192.0.2.1'],
  ]);
  t.end();
});

t.test('an address that nobody would hear is refused with what to write instead', (t) => {
  for (const line of ['ip=46.43.42.137::46.43.42.129', 'ipv4=', 'ipv4addr=46.43.42.137', 'gateway=46.43.42.129']) {
    t.throws(() => guestArguments(line), BootError, line);
    t.throws(() => guestArguments(line), /write ipv4=/, line);
  }
  t.end();
});

t.test('no card and two cards are sentences that say what to do', (t) => {
  const a = { name: 'eth0', mac: '52:54:00:00:00:0a' };
  const b = { name: 'eth1', mac: '52:54:00:00:00:0b' };
  t.equal(cardToServeOn([a]), 'eth0');
  t.throws(() => cardToServeOn([]), /no network card.*virtio-net-pci/);
  t.throws(() => cardToServeOn([], 'eth0'), /no network card.*virtio-net-pci/);
  t.throws(
    () => cardToServeOn([a, b]),
    /2 network cards, eth0 \(52:.*0a\) and eth1 \(52:.*0b\); write interface=52:.*0a /,
  );
  t.equal(cardToServeOn([a, b], '52:54:00:00:00:0B'), 'eth1');
  t.equal(cardToServeOn([a, b], 'eth1'), 'eth1');
  t.throws(() => cardToServeOn([a, b], 'eth2'), /"interface=eth2" .* no such network card; there is eth0 .* and eth1/);
  t.end();
});
