/**
 * What the tests need from the system, where it is looked for, and the Debian package that has it.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

interface Need {
  /** A command, or a path whose existence is enough. */
  readonly find: string;
  readonly debian: string;
}

const NEEDS: readonly Need[] = [
  { find: 'curl', debian: 'curl' },
  { find: 'wrk', debian: 'wrk' },
  { find: 'dnsmasq', debian: 'dnsmasq-base' },
  { find: 'dig', debian: 'bind9-dnsutils' },
  { find: 'named', debian: 'bind9' },
  { find: 'named-checkzone', debian: 'bind9-utils' },
  { find: 'knotd', debian: 'knot' },
  { find: 'kzonecheck', debian: 'knot-dnssecutils' },
  { find: 'nsd', debian: 'nsd' },
  { find: 'ldns-verify-zone', debian: 'ldnsutils' },
  { find: 'unbound', debian: 'unbound' },
  { find: 'ip', debian: 'iproute2' },
  { find: 'nft', debian: 'nftables' },
  { find: 'ping', debian: 'iputils-ping' },
  { find: 'tcpdump', debian: 'tcpdump' },
  { find: 'tshark', debian: 'tshark' },
  { find: 'nmap', debian: 'nmap' },
  { find: 'hping3', debian: 'hping3' },
  { find: 'radvd', debian: 'radvd' },
  { find: 'kea-dhcp6', debian: 'kea-dhcp6-server' },
  { find: 'atk6-implementation6', debian: 'thc-ipv6' },
  { find: 'nc', debian: 'netcat-openbsd' },
  { find: 'ethtool', debian: 'ethtool' },
  { find: 'setpriv', debian: 'util-linux' },
  { find: 'chromium', debian: 'chromium' },
  { find: 'certutil', debian: 'libnss3-tools' },
  { find: 'firefox-esr', debian: 'firefox-esr' },
  { find: 'nginx', debian: 'nginx-light' },
  { find: 'haproxy', debian: 'haproxy' },
  { find: '/usr/lib/python3/dist-packages/prometheus_client', debian: 'python3-prometheus-client' },
  { find: 'qemu-system-x86_64', debian: 'qemu-system-x86' },
  { find: 'qemu-img', debian: 'qemu-utils' },
  { find: 'mksquashfs', debian: 'squashfs-tools' },
  { find: 'grub-mkimage', debian: 'grub-common' },
  { find: '/usr/lib/grub/i386-pc/boot.img', debian: 'grub-pc-bin' },
  { find: 'jekyll', debian: 'jekyll' },
  { find: '/usr/share/doc/ruby-jekyll-feed', debian: 'ruby-jekyll-feed' },
  { find: '/usr/share/doc/ruby-jekyll-sitemap', debian: 'ruby-jekyll-sitemap' },
  { find: 'git', debian: 'git' },
  { find: 'cron', debian: 'cron' },
  { find: 'make', debian: 'make' },
  { find: 'g++', debian: 'g++' },
  { find: 'python3', debian: 'python3' },
  { find: 'ssh-keygen', debian: 'openssh-client' },
  { find: 'minisign', debian: 'minisign' },
  { find: 'systemd-analyze', debian: 'systemd' },
  { find: 'strace', debian: 'strace' },
  { find: 'pebble', debian: 'pebble' },
  { find: 'openssl', debian: 'openssl' },
];

/** Where a command lies; undefined when it is not installed. `sbin` is looked at although a user's PATH may lack it. */
export function findCommand(name: string): string | undefined {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function missing(of?: readonly string[]): Need[] {
  return NEEDS.filter((need) => (of?.includes(need.find) ?? true) && findCommand(need.find) === undefined);
}

/** Whether this process may install Debian packages. */
export function mayInstall(): boolean {
  return process.getuid?.() === 0 && findCommand('apt-get') !== undefined;
}

/** The Debian packages of what is missing of `commands`. */
export function missingPackages(commands: readonly string[]): string[] {
  return missing(commands).map((need) => need.debian);
}

/**
 * Installs what is missing, of everything or of `commands`, where that is allowed, and says in one line what stays
 * missing.
 */
export function installPackages(commands?: readonly string[]): void {
  const wanted = missing(commands);
  if (wanted.length === 0) return;
  const packages = wanted.map((need) => need.debian);
  if (mayInstall()) {
    console.log(`installing ${packages.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (args: string[]): boolean => {
      try {
        execFileSync('apt-get', args, { env, stdio: ['ignore', 'ignore', 'inherit'], timeout: 600_000 });
        return true;
      } catch {
        return false;
      }
    };
    // A name server that is installed must not begin to serve, nor ask the Internet (invoke-rc.d(8)).
    const quiet = keepServicesDown();
    apt(['update', '-qq']);
    const install = ['install', '-y', '-qq', '--no-install-recommends'];
    // One package that the mirror lacks must not keep the others away.
    if (!apt([...install, ...packages])) for (const one of packages) apt([...install, one]);
    quiet();
  }
  const left = missing(commands);
  if (left.length > 0) {
    console.log(
      `missing (tests that need them are skipped): ${left.map((need) => `${need.find} (Debian: ${need.debian})`).join(', ')}`,
    );
  }
}

const POLICY = '/usr/sbin/policy-rc.d';

/** Services of packages that are installed are not started until the function that it returns is called. */
function keepServicesDown(): () => void {
  if (existsSync(POLICY)) return () => undefined;
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return () => rmSync(POLICY);
}
