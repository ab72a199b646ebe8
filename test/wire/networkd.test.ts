/** systemd-networkd gives us an address of each family; it renews its lease, and gets it back. */
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { startNetworkd } from './networkd.js';
import { SITE, serve, TARGETS } from './server.js';

t.test(
  'systemd-networkd: an address by DHCP and one by its advertisements, a renewal, a release',
  { skip: skipWithout('curl', 'unshare', '/lib/systemd/systemd-networkd') },
  async (t) => {
    const lab = new Lab(t, '10.88.0.1/24');
    const networkd = await startNetworkd(lab, { address: '10.88.0.1/24', prefix: 'fd00:88::', leaseSeconds: 10 });
    const { program, url, address } = await serve(lab.host, [...TARGETS.dhcp, '--log', 'net', SITE]);
    t.match(address, /^10\.88\.0\.\d+$/);
    const [, six] = await program.says(/IPv6: (fd00:88:[^/]*)\/64 \(slaac\) is ours/, 30);
    for (const one of [url, `http://[${six}]/`]) {
      const { stdout } = await lab.host.run('curl', ['-gsSo', '/dev/null', '-w', '%{http_code}', '-m', '10', one]);
      t.equal(stdout, '200', one);
    }
    await program.says(new RegExp(`DHCP: extended ${address.replaceAll('.', '\\.')}/24 for 10 s`), 20);
    await networkd.says(/DHCPv4 server: REQUEST \(rebinding\/renewing\)[\s\S]*DHCPv4 server: ACK/);
    t.equal(await program.stop(), 0);
    await networkd.says(/DHCPv4 server: RELEASE/);
  },
);
