import t from 'tap';
import { BootError, guestArguments, onlyCard } from '../../src/vm/guest.js';

t.test("what is ours on the kernel's command line becomes the program's arguments; what comes later wins", (t) => {
  const line = 'console=ttyS0 quiet panic=2 ipv4=192.0.2.7/24 ipv4=46.43.42.137/25 ipv4-gateway=46.43.42.129 metrics\n';
  t.same(guestArguments(line), ['--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.129', '--metrics']);
  t.same(guestArguments('BOOT_IMAGE=x console=ttyS0'), [], 'nothing: DHCP');
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
  t.equal(onlyCard(['eth0']), 'eth0');
  t.throws(() => onlyCard([]), /no network card.*virtio-net-pci/);
  t.throws(() => onlyCard(['eth0', 'eth1']), /2 network cards, eth0 and eth1; write interface=eth0/);
  t.end();
});
