/** Routers of the bed's bridge that give addresses: radvd and dnsmasq by prefixes, Kea by leases. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Program } from './lab.js';

export type Giver = 'radvd' | 'dnsmasq' | 'kea-dhcp6';

/** A prefix in radvd's words; lifetimes in seconds. */
export function prefix(network: string, valid = 3600, preferred = 1800, autonomous = true): string {
  const flags = `AdvOnLink on; AdvAutonomous ${autonomous ? 'on' : 'off'};`;
  return `prefix ${network}/64 { ${flags} AdvValidLifetime ${valid}; AdvPreferredLifetime ${preferred}; };`;
}

/** What radvd advertises, each three or four seconds; `flags`: more words of its interface. */
export function writeRadvd(lab: Lab, prefixes: readonly string[], flags = ''): string {
  const file = join(lab.folder, 'radvd.conf');
  const times = 'AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800;';
  writeFileSync(file, `interface br0 { ${times} ${flags}\n ${prefixes.join('\n ')}\n};\n`);
  return file;
}

export function radvd(lab: Lab, file: string): Program {
  return lab.host.start('radvd', ['-n', '-C', file, '-p', join(lab.folder, 'radvd.pid'), '-u', 'root']);
}

function kea(lab: Lab): void {
  const folder = join(lab.folder, 'kea');
  mkdirSync(folder);
  const file = join(folder, 'kea.json');
  const subnet = {
    ...{ id: 1, subnet: '2001:db8:77::/64', interface: 'br0' },
    pools: [{ pool: '2001:db8:77::a00 - 2001:db8:77::aff' }],
  };
  const loggers = [{ name: 'kea-dhcp6', severity: 'INFO', output_options: [{ output: 'stdout' }] }];
  const config = {
    // The bridge's own address is looked for on the link for a second, and cannot be bound before.
    'interfaces-config': {
      interfaces: ['br0'],
      ...{ 'service-sockets-max-retries': 20, 'service-sockets-retry-wait-time': 500 },
    },
    'lease-database': { type: 'memfile', persist: false },
    'server-id': { type: 'EN', 'enterprise-id': 3495, identifier: '0A0B0C0D', persist: false },
    ...{ 'preferred-lifetime': 60, 'valid-lifetime': 120, 'renew-timer': 10, 'rebind-timer': 20 },
    ...{ subnet6: [subnet], loggers },
  };
  writeFileSync(file, JSON.stringify({ Dhcp6: config }));
  lab.host.start('kea-dhcp6', ['-c', file], { KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: 'none' });
}

/** Starts one; those that ask get an address in 2001:db8:77::/64. */
export async function give(lab: Lab, giver: Giver): Promise<void> {
  await lab.host.run('sysctl', ['-w', 'net.ipv6.conf.all.forwarding=1']);
  if (giver === 'radvd') radvd(lab, writeRadvd(lab, [prefix('2001:db8:77::')], 'AdvLinkMTU 1480;'));
  else if (giver === 'kea-dhcp6') {
    kea(lab);
    // Kea leases, and a router has to say that it does.
    radvd(lab, writeRadvd(lab, [prefix('2001:db8:77::', 3600, 1800, false)], 'AdvManagedFlag on;'));
  } else {
    const names = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--user=root', '--interface=br0'];
    const range = ['--bind-interfaces', '--enable-ra', '--dhcp-range=::,constructor:br0,ra-only'];
    lab.host.start('dnsmasq', [...names, ...range, `--pid-file=${join(lab.folder, 'pid')}`]);
  }
}
