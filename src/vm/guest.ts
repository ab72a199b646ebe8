/** What the program finds in a machine that it has for itself: options on the kernel's command line, a card, a disk with the site. */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { watch } from '../native/watch.js';

/** Options of the program that may stand on the kernel's command line as they are. */
const OPTIONS = [
  ...[
    'ipv4',
    'ipv4-netmask',
    'ipv4-gateway',
    'mac',
    'hostname',
    'port',
    'drain',
    'congestion',
    'log',
    'spin',
    'interface',
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
const FLAGS = new Set(['metrics', 'health', 'status']);

/** A mistake of whoever booted the machine; starting it again would not help. */
export class BootError extends Error {
  override readonly name = 'BootError';
}

/**
 * The program's arguments out of the kernel's command line: `ipv4=46.43.42.137/25` becomes `--ipv4 46.43.42.137/25`. What comes
 * later wins. What is the kernel's is passed over; what looks like an address of ours and is none is a BootError.
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
      found.set(name, value);
    } else if (/^(?:ip|ipv4.*|gateway|netmask|address)$/.test(name)) {
      throw new BootError(
        `"${token}" on the kernel's command line is not known; write ipv4=46.43.42.137/25 ipv4-gateway=46.43.42.129, or leave both out for DHCP`,
      );
    }
  }
  return [...found].flatMap(([name, value]) => (FLAGS.has(name) ? [`--${name}`] : [`--${name}`, value]));
}

/** The card that there is. Throws a BootError where there is none, or more than one and nobody said which. */
export function onlyCard(cards: readonly string[]): string {
  if (cards.length === 1) return cards[0]!;
  if (cards.length === 0) {
    throw new BootError(
      'this machine has no network card that we know; give it one of virtio (QEMU: -device virtio-net-pci, which run-qemu does)',
    );
  }
  throw new BootError(
    `this machine has ${cards.length} network cards, ${cards.join(' and ')}; write interface=${cards[0]} on the kernel's command line, or take the others away`,
  );
}

/** Ethernet cards, by name. */
export function networkCards(): string[] {
  return readdirSync('/sys/class/net')
    .filter((name) => readFileSync(`/sys/class/net/${name}/type`, 'utf8').trim() === '1')
    .sort();
}

/** The disk, or partition of one, that begins as a bundle does. Throws a BootError. */
export function siteDevice(isBundle: (beginning: Uint8Array) => boolean): string {
  const beginning = new Uint8Array(8);
  const names = readdirSync('/sys/class/block').sort();
  for (const name of names) {
    const device = join('/dev', name);
    try {
      const fd = openSync(device, 'r');
      try {
        if (readSync(fd, beginning, 0, 8, 0) === 8 && isBundle(beginning)) return device;
      } finally {
        closeSync(fd);
      }
    } catch {
      // No medium in it, or no driver behind it.
    }
  }
  const disks = names.length === 0 ? 'no disk' : `none of the disks ${names.join(', ')}`;
  throw new BootError(
    `there is no site: ${disks} holds a bundle; start the machine with site.bundle as its second virtio disk (run-qemu does)`,
  );
}

// struct input_event of linux/input.h
const EVENT = 24;
const EV_KEY = 1;
const KEY_POWER = 116;

/**
 * Calls `pressed` when the hypervisor presses the power button (ACPI). Not by a stream of Node's: that would keep a thread of the pool in
 * a read that never ends, and the process with it.
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
  } catch {
    return [];
  }
}
