/** What the tests in a namespace of their own share: a TAP with the kernel on its other side, and frames by hand. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { TapDevice } from '../../../../src/net/device/linux/tap.js';
import { HEADROOM } from '../../../../src/net/device/tx-frame.js';

export const MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
export const KERNEL = [10, 99, 0, 1] as const;
export const OURS = [10, 99, 0, 2] as const;

export function ip(command: string): string {
  return execFileSync('ip', command.split(' '), { encoding: 'utf8' });
}

/**
 * Waits until the kernel sends through these links. It notices a carrier by work of its own, once a second, and drops
 * what is sent before that. Rejects after ten seconds.
 */
export async function linksUp(...names: readonly string[]): Promise<void> {
  for (const end = Date.now() + 10_000; !names.every((name) => ip(`-o link show ${name}`).includes(' state UP ')); ) {
    if (Date.now() > end) throw new Error(`${names.join(' and ')} did not come up`);
    await sleep(10);
  }
}

/** An open TAP; the kernel has 10.99.0.1/24 on it. IPv6 is off: it would talk by itself. */
export function openDevice(name: string, offload = true): TapDevice {
  const device = new TapDevice({ name, offload, mac: MAC });
  ip(`link set ${name} addrgenmode none`);
  ip(`-6 addr flush dev ${name}`);
  ip(`addr add ${KERNEL.join('.')}/24 dev ${name}`);
  return device;
}

/** Frames that arrive until `enough` says so, as copies; rejects after three seconds. */
export async function frames(
  device: TapDevice,
  enough: (frame: Uint8Array, marks: number) => boolean,
): Promise<Uint8Array> {
  const end = Date.now() + 3000;
  let found: Uint8Array | undefined;
  while (found === undefined) {
    device.receive((bytes, from, to, marks) => {
      const frame = bytes.slice(from, to);
      if (found === undefined && enough(frame, marks)) found = frame;
    }, 64);
    if (Date.now() > end) throw new Error('the frame that was waited for did not come');
    if (found === undefined) await sleep(1);
  }
  return found;
}

/** Puts an ARP request for the kernel's address into `tx`. */
export function writeArpRequest(device: TapDevice): void {
  const { tx } = device;
  tx.reset();
  const frame = [
    ...[255, 255, 255, 255, 255, 255, ...MAC, 8, 6],
    ...[0, 1, 8, 0, 6, 4, 0, 1, ...MAC, ...OURS, 0, 0, 0, 0, 0, 0, ...KERNEL],
  ];
  tx.head.set(frame, HEADROOM);
  tx.length = frame.length;
}

/** Answers the kernel's MAC address. */
export async function resolve(device: TapDevice): Promise<Uint8Array> {
  writeArpRequest(device);
  if (!device.transmit()) throw new Error(`the ARP request was refused: errno ${device.lastError}`);
  const reply = await frames(device, (frame) => frame[12] === 8 && frame[13] === 6 && frame[21] === 2);
  return reply.slice(6, 12);
}

/**
 * Puts the headers of a UDP datagram to the kernel into `tx`, `payload` bytes of which follow; its checksum is left to
 * the device, with the folded pseudo-header sum in the field.
 */
export function writeUdpHead(device: TapDevice, kernel: Uint8Array, port: number, payload: number): void {
  const { tx } = device;
  tx.reset();
  const udp = 8 + payload;
  const total = 20 + udp;
  const header = [0x45, 0, total >> 8, total & 255, 0, 0, 0x40, 0, 64, 17, 0, 0, ...OURS, ...KERNEL];
  const sum = fold(words(header));
  header[10] = (~sum >> 8) & 255;
  header[11] = ~sum & 255;
  const pseudo = fold(words([...OURS, ...KERNEL, 0, 17, udp >> 8, udp & 255]));
  const head = [...kernel, ...MAC, 8, 0, ...header];
  head.push(0x30, 0x39, port >> 8, port & 255, udp >> 8, udp & 255, pseudo >> 8, pseudo & 255);
  tx.head.set(head, HEADROOM);
  tx.length = head.length;
  tx.checksumStart = 34;
  tx.checksumOffset = 6;
}

function words(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] * 256 + bytes[i + 1];
  return sum;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}
