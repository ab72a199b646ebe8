import t from 'tap';
import { clientNetwork } from '../../src/http/connection/client-network.js';

t.test('an IPv4 client is its address, an IPv6 client its /64', async (t) => {
  t.equal(clientNetwork('192.0.2.7'), '192.0.2.7');
  const same = ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2:0:1::', '2001:db8:1:2::10.0.0.1'];
  for (const one of same) t.equal(clientNetwork(one), '2001:db8:1:2::/64', one);
  t.equal(clientNetwork('2001:db8::1'), '2001:db8:0:0::/64');
  t.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64');
  t.equal(clientNetwork('::1'), '0:0:0:0::/64');
  t.equal(clientNetwork('1::2:3:4:5:6'), '1:0:0:2::/64');
});
