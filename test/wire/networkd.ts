/** systemd-networkd as the DHCP server and IPv6 router of the lab's bridge, without systemd and without D-Bus. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Program } from './lab.js';

const NETWORKD = '/lib/systemd/systemd-networkd';

export interface Networkd {
  /** IPv4 address with its prefix. */
  readonly address: string;
  /** IPv6 prefix of routers' advertisements: `fd00:88::`. */
  readonly prefix: string;
  readonly leaseSeconds: number;
}

/**
 * Serves once this resolves. It has a `/run` of its own, and `/sys` is closed to writing, so that it takes itself for
 * one in a container and waits for no udev.
 */
export async function startNetworkd(lab: Lab, { address, prefix, leaseSeconds }: Networkd): Promise<Program> {
  // An address that another has given to the bridge it sets again and again.
  lab.host.ip('addr flush dev br0 scope global');
  const folder = join(lab.folder, 'networkd');
  mkdirSync(folder);
  writeFileSync(
    join(folder, '10-br0.network'),
    [
      '[Match]\nName=br0',
      '[Network]\nDHCPServer=yes\nIPv6SendRA=yes\nConfigureWithoutCarrier=yes',
      `Address=${address}\nAddress=${prefix}1/64`,
      `[DHCPServer]\nPoolOffset=50\nPoolSize=40\nDefaultLeaseTimeSec=${leaseSeconds}\nDNS=${address.split('/')[0]}`,
      `[IPv6Prefix]\nPrefix=${prefix}/64\nPreferredLifetimeSec=300\nValidLifetimeSec=600\n`,
    ].join('\n'),
  );
  const script = [
    'mount --make-rprivate /',
    'mount -t tmpfs tmpfs /run',
    'mkdir -p /run/systemd/netif/leases /run/systemd/netif/links /run/systemd/netif/lldp /run/systemd/network',
    `cp ${join(folder, '10-br0.network')} /run/systemd/network/`,
    'chown -R systemd-network: /run/systemd/netif',
    'mount -o remount,ro,bind /sys',
    `exec ${NETWORKD}`,
  ];
  const program = lab.host.start('unshare', ['-m', 'sh', '-ec', script.join('\n')], {
    SYSTEMD_LOG_LEVEL: 'debug',
    SYSTEMD_LOG_TARGET: 'console',
    STATE_DIRECTORY: folder,
    RUNTIME_DIRECTORY: '/run/systemd/netif',
  });
  await program.says(/DHCPv4 server: STARTED[\s\S]*RADV: Started/);
  return program;
}
