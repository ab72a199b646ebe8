/**
 * What the program finds in a machine that it has for itself: options on the kernel's command line, a card, a disk with
 * the site.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expectSystemError } from '../../errors/codes.js';
import { UserError } from '../../errors/user-error.js';
import { watch } from '../../native/watch.js';
import { STATE } from './user.js';

/** Options of the program that may stand on the kernel's command line as they are. */
const OPTIONS = [
  ...[
    'ipv4',
    'ipv4-netmask',
    'ipv4-gateway',
    'ipv6',
    'ipv6-gateway',
    'anycast',
    'no-ipv4',
    'no-ipv6',
    'mac',
    'hostname',
    'port',
    'drain',
    'congestion',
    'log',
    'seal',
    'spin',
    'interface',
    'dns-port',
    'dns-rate',
    'dns-id',
    'dnssec',
    'dns',
  ],
  ...[
    'acme',
    'domain',
    'agree-tos',
    'acme-directory',
    'acme-profile',
    'acme-challenge',
    'acme-roots',
    'acme-follow',
    'acme-eab',
    'tls',
    'https-port',
    'http-port',
    'no-redirect',
    'hsts',
    'tls-min',
  ],
  ...[
    'metrics',
    'health',
    'status',
    'admin',
    'admin-path',
    'base',
    'server-field',
    'idle',
    'max-connections',
    'max-per-client',
  ],
];
const FLAGS = new Set([
  ...['metrics', 'health', 'status', 'no-ipv4', 'no-ipv6'],
  ...['dnssec', 'agree-tos', 'acme-follow', 'no-redirect'],
]);
/**
 * Options of which there may be several, and what stands between them: `ipv6=2001:db8::1/64,2001:db8::2/64`,
 * `domain=example.org,www.example.org/example.net` for two certificates.
 */
const SEVERAL = new Map([...['ipv4', 'ipv6', 'anycast', 'dns'].map((name) => [name, ','] as const), ['domain', '/']]);

/** A mistake in how the machine was booted; starting it again would not help. */
export class BootError extends UserError {
  override readonly name = 'BootError';

  constructor(message: string) {
    super(message, 'boot');
  }
}

/**
 * The program's arguments out of the kernel's command line: `ipv4=46.43.42.137/25` becomes `--ipv4 46.43.42.137/25`.
 * What comes later wins; of addresses there may be several in one token. What is the kernel's is passed over, also
 * `ipv6.disable=1`; what looks like an address of ours and is none is a BootError.
 */
export function guestArguments(commandLine: string): string[] {
  const found = new Map<string, string>();
  for (const token of commandLine.trim().split(/\s+/)) {
    const equals = token.indexOf('=');
    const name = equals < 0 ? token : token.slice(0, equals);
    const value = equals < 0 ? '' : token.slice(equals + 1);
    if (OPTIONS.includes(name)) {
      if (value === '' && !FLAGS.has(name))
        throw new BootError(`"${token}" on the kernel's command line has no value; write ${name}=VALUE`);
      for (const other of contradicted(name)) found.delete(other);
      // A file can only lie among the state.
      found.set(name, name === 'acme-roots' ? resolve(STATE, value) : value);
    } else if (/^(?:ip|ipv[46][^.]*|gateway|netmask|address)$/.test(name)) {
      throw new BootError(
        `"${token}" on the kernel's command line is not known; write ipv4=46.43.42.137/25 ipv4-gateway=46.43.42.129, or leave both out for DHCP`,
      );
    }
  }
  return [...found].flatMap(([name, value]) => {
    if (FLAGS.has(name)) return [`--${name}`];
    const between = SEVERAL.get(name);
    return (between === undefined ? [value] : value.split(between)).flatMap((one) => [`--${name}`, one]);
  });
}

/** A family, or none of it: the later one wins here, too. */
function contradicted(name: string): string[] {
  const none = /^no-(ipv[46])$/.exec(name)?.[1];
  if (none !== undefined) return [none, `${none}-gateway`, `${none}-netmask`];
  return name === 'ipv4' || name === 'ipv6' ? [`no-${name}`] : [];
}

export interface Card {
  /** As the kernel calls it: `eth0`. */
  readonly name: string;
  /** `52:54:00:12:34:56`, in small letters. */
  readonly mac: string;
}

/**
 * The name of the card to serve on. `wanted`: name or MAC address of one; undefined: the only one. Throws a BootError
 * where there is none, where the wanted one is not there, or where there are several and none is named.
 */
export function cardToServeOn(cards: readonly Card[], wanted?: string): string {
  const all = cards.map(({ name, mac }) => `${name} (${mac})`).join(' and ');
  if (cards.length === 0) {
    throw new BootError(
      'this machine has no network card that we know; give it one of virtio (QEMU: -device virtio-net-pci, which run-qemu does)',
    );
  }
  if (wanted !== undefined) {
    const found = cards.find(({ name, mac }) => name === wanted || mac === wanted.toLowerCase());
    if (found !== undefined) return found.name;
    throw new BootError(
      `"interface=${wanted}" on the kernel's command line: there is no such network card; there is ${all}`,
    );
  }
  if (cards.length === 1) return cards[0]!.name;
  throw new BootError(
    `this machine has ${cards.length} network cards, ${all}; write interface=${cards[0]!.mac} on the kernel's command line for the first, or take the others away`,
  );
}

/** Ethernet cards, by name. */
export function networkCards(): Card[] {
  const read = (name: string, what: string): string => readFileSync(`/sys/class/net/${name}/${what}`, 'utf8').trim();
  return readdirSync('/sys/class/net')
    .filter((name) => read(name, 'type') === '1')
    .sort()
    .map((name) => ({ name, mac: read(name, 'address') }));
}

/** The disk, or partition of one, that begins as a bundle does. Throws a BootError. */
export function siteDevice(isBundle: (beginning: Uint8Array) => boolean): string {
  const [device] = devicesThat(isBundle);
  if (device !== undefined) return device;
  const names = blockDevices();
  const disks = names.length === 0 ? 'no disk' : `none of the disks ${names.join(', ')}`;
  throw new BootError(
    `there is no site: ${disks} begins as a bundle does; start the machine with site.bundle as its second virtio disk (run-qemu does); if it is, the bundle is damaged: build the image again`,
  );
}

/** The disks, or partitions, whose first eight bytes are as `begins` wants them. */
export function devicesThat(begins: (beginning: Uint8Array) => boolean): string[] {
  const beginning = new Uint8Array(8);
  const found: string[] = [];
  for (const name of blockDevices()) {
    const device = join('/dev', name);
    try {
      const fd = openSync(device, 'r');
      try {
        if (readSync(fd, beginning, 0, 8, 0) === 8 && begins(beginning)) found.push(device);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      // No medium in it, or no driver behind it.
      expectSystemError(error);
    }
  }
  return found;
}

function blockDevices(): string[] {
  return readdirSync('/sys/class/block').sort();
}

// struct input_event of linux/input.h
const EVENT = 24;
const EV_KEY = 1;
const KEY_POWER = 116;

/**
 * Calls `pressed` when the hypervisor presses the power button (ACPI). Not by a stream of Node's: that would keep a
 * thread of the pool in a read that never ends, and the process with it.
 */
export function onPowerButton(pressed: () => void): void {
  for (const name of powerButtons()) {
    const event = Buffer.alloc(EVENT);
    const fd = openSync(join('/dev/input', name), constants.O_RDONLY | constants.O_NONBLOCK);
    const socket = watch(fd, event, (length) => {
      if (length < EVENT || event.readUInt16LE(16) !== EV_KEY) return;
      if (event.readUInt16LE(18) === KEY_POWER && event.readInt32LE(20) === 1) pressed();
    });
    socket.on('error', () => undefined);
    socket.unref().resume();
  }
}

function powerButtons(): string[] {
  try {
    const names = readdirSync('/sys/class/input').filter((name) => name.startsWith('event'));
    return names.filter((name) => /power/i.test(readFileSync(`/sys/class/input/${name}/device/name`, 'utf8')));
  } catch (error) {
    // This machine has no such devices.
    expectSystemError(error);
    return [];
  }
}
