/**
 * The ceiling: answers every request with ready bytes and remembers nothing of a connection, on the server's own device
 * and loop. What a real stack, HTTP and a store cost is what the server takes more than this.
 *
 *   node build/bench/ceiling.js TAP ADDRESS [watched|polling] [SPIN]
 *
 * It trusts its peer and the link: no retransmission, no checks, no way to use it for anything but a measurement.
 */
import { eventLoopDescriptor } from '../src/native/poll.js';
import { TapDevice } from '../src/net/device/linux/tap.js';
import { HEADROOM } from '../src/net/device/tx-frame.js';
import type { Driven } from '../src/net/loop/loop.js';
import { TURN_BUDGET } from '../src/net/loop/loop.js';
import { PollingLoop } from '../src/net/loop/polling-loop.js';
import { WatchedLoop } from '../src/net/loop/watched-loop.js';

const [, , name = 'tap0', address = '10.78.2.2', kind = 'polling', looks] = process.argv;
const spin = looks === undefined ? undefined : Number(looks);
const device = new TapDevice({ name, offload: true, mac: Uint8Array.of(2, 0, 0, 0, 0, 0xce) });
const ours = Uint8Array.from(address.split('.'), Number);

const BODY = 1024;
const answer = new TextEncoder().encode(
  `HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: ${BODY}\r\n\r\n${'x'.repeat(BODY)}`,
);
const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
/** MSS 1460, and nothing else: no scaling, no timestamps. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 0x05, 0xb4);

const { head, view } = device.tx;
const ip = HEADROOM + 14;
const tcp = ip + 20;

function copyAddresses(bytes: Uint8Array, start: number): void {
  for (let i = 0; i < 6; i++) {
    head[HEADROOM + i] = bytes[start + 6 + i];
    head[HEADROOM + 6 + i] = device.mac[i];
  }
}

function arp(bytes: Uint8Array, start: number): void {
  if (bytes[start + 21] !== 1) return;
  for (let i = 0; i < 4; i++) if (bytes[start + 38 + i] !== ours[i]) return;
  copyAddresses(bytes, start);
  const at = HEADROOM + 14;
  for (let i = 12; i < 20; i++) head[HEADROOM + i] = bytes[start + i];
  view.setUint16(at + 6, 2);
  for (let i = 0; i < 6; i++) {
    head[at + 8 + i] = device.mac[i];
    head[at + 18 + i] = bytes[start + 22 + i];
  }
  for (let i = 0; i < 4; i++) {
    head[at + 14 + i] = ours[i];
    head[at + 24 + i] = bytes[start + 28 + i];
  }
  device.tx.length = 42;
  device.transmit();
}

/** Writes the headers of a segment that goes back where `bytes` came from, and sends it. */
function send(
  input: DataView,
  start: number,
  seq: number,
  ack: number,
  flags: number,
  payload: Uint8Array | undefined,
): void {
  const length = payload === undefined ? 0 : payload.length;
  view.setUint16(HEADROOM + 12, 0x0800);
  view.setUint16(ip, 0x4500);
  view.setUint16(ip + 2, 40 + length);
  view.setUint32(ip + 4, 0x4000);
  view.setUint32(ip + 8, 0x40060000);
  view.setUint32(ip + 12, input.getUint32(start + 30));
  view.setUint32(ip + 16, input.getUint32(start + 26));
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(ip + i);
  view.setUint16(ip + 10, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(tcp, input.getUint16(start + 36));
  view.setUint16(tcp + 2, input.getUint16(start + 34));
  view.setUint32(tcp + 4, seq);
  view.setUint32(tcp + 8, ack);
  const words = (flags & SYN) !== 0 ? 6 : 5;
  view.setUint16(tcp + 12, (words << 12) | flags);
  view.setUint16(tcp + 14, 65535);
  view.setUint16(tcp + 18, 0);
  const tcpLength = 20 + length;
  let pseudo = 6 + tcpLength;
  for (let i = 12; i < 20; i += 2) pseudo += view.getUint16(ip + i);
  view.setUint16(tcp + 16, (pseudo & 0xffff) + (pseudo >>> 16));
  if (payload !== undefined) head.set(payload, tcp + 20);
  const tx = device.tx;
  tx.checksumStart = 34;
  tx.checksumOffset = 16;
  tx.length = 54 + length;
  device.transmit();
  tx.checksumStart = 0;
}

const inputs = new DataView(device.buffer.buffer, device.buffer.byteOffset, device.buffer.byteLength);

function frame(bytes: Uint8Array, start: number, end: number): void {
  const type = inputs.getUint16(start + 12);
  if (type === 0x0806) arp(bytes, start);
  if (type !== 0x0800 || bytes[start + 23] !== 6 || end - start < 54) return;
  const flags = bytes[start + 47];
  if ((flags & RST) !== 0) return;
  copyAddresses(bytes, start);
  const seq = inputs.getUint32(start + 38);
  const ack = inputs.getUint32(start + 42);
  const total = inputs.getUint16(start + 16);
  const length = total - 20 - (bytes[start + 46] >>> 4) * 4;
  if ((flags & SYN) !== 0) send(inputs, start, 1, seq + 1, SYN | ACK, SYN_OPTIONS);
  else if (length > 0) send(inputs, start, ack, seq + length, PSH | ACK, answer);
  else if ((flags & FIN) !== 0) send(inputs, start, ack, seq + 1, FIN | ACK, undefined);
}

const driven: Driven = {
  turn: () => device.receive(frame, TURN_BUDGET),
  arrived: (length) => device.deliver(length, frame),
  deadline: Number.POSITIVE_INFINITY,
};
const libuv = eventLoopDescriptor();
const loop =
  kind === 'polling' && libuv !== undefined
    ? new PollingLoop(device.fd, libuv, driven, spin)
    : new WatchedLoop(device.fd, device.buffer, driven, spin);
loop.start();
// Keeps a process whose loop sleeps in libuv on nothing else.
setInterval(() => {}, 1 << 30);
console.log(`listening on http://${address}/`);
