/**
 * A client that holds many connections open and remembers next to nothing of them: `node build/bench/holder.js TAP
 * SERVER COUNT [RATE]`. It has a TAP on the server's link and answers for every address there that is asked for; each
 * connection asks once, for `/1k.html`. Says `N held` when all have their answer. With RATE each asks for `/10m.bin`,
 * and reads RATE bytes of it a second: then they are held when their windows are full.
 */
import { TapDevice } from '../src/net/device/linux/tap.js';
import { HEADROOM } from '../src/net/device/tx-frame.js';

const [, , tap = 'tap1', server = '10.78.0.2', amount = '10000', rate] = process.argv;
const count = Number(amount);
/** Bytes a second; undefined: each takes all there is at once. */
const reads = rate === undefined ? undefined : Number(rate);
const path = reads === undefined ? '/1k.html' : '/10m.bin';
/** What a slow reader's buffer holds, and what must be free before it says so (RFC 1122 4.2.3.3). */
const BUFFER = 16_384;
const WORTH_SAYING = 1460;
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 0xc1);
const device = new TapDevice({ name: tap, offload: true, mac: MAC });
const { head, view } = device.tx;
const inputs = new DataView(device.buffer.buffer, device.buffer.byteOffset, device.buffer.byteLength);
const address = (text: string) => text.split('.').reduce((sum, part) => (sum << 8) | Number(part), 0);
const SERVER = address(server);
/** Clients are 10.78.1.0 and up, this many connections each. */
const CLIENTS = address('10.78.1.0');
const PORTS = 20_000;
const FIRST_PORT = 10_000;
/** Connections that are being opened at a time. */
const WINDOW = 256;
const [SYN, PSH, ACK] = [2, 8, 16] as const;
const request = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${server}\r\n\r\n`);
const serverMac = new Uint8Array(6).fill(255);

/** 0: not yet, 1: SYN sent, 2: established, 3: it has its answer. */
const state = new Uint8Array(count);
const received = new Uint32Array(count);
/** The server's first sequence numbers. */
const irs = new Int32Array(count);
/** The next byte that a slow reader expects, what it has not read yet, and the window that it last announced. */
const rcvNxt = new Int32Array(reads === undefined ? 0 : count);
const unread = new Float64Array(reads === undefined ? 0 : count);
const announced = new Uint16Array(count).fill(65_535);
let opened = 0;
let held = 0;
let answerSize = 0;

function ethernet(type: number): void {
  head.set(serverMac, HEADROOM);
  head.set(MAC, HEADROOM + 6);
  view.setUint16(HEADROOM + 12, type);
}

function arp(operation: number, sender: number, target: number): void {
  ethernet(0x0806);
  const at = HEADROOM + 14;
  view.setUint32(at, 0x00010800);
  view.setUint32(at + 4, 0x06040000 | operation);
  head.set(MAC, at + 8);
  view.setInt32(at + 14, sender);
  head.set(operation === 1 ? new Uint8Array(6) : serverMac, at + 18);
  view.setInt32(at + 24, target);
  device.tx.reset();
  device.tx.length = 42;
  device.transmit();
}

function send(index: number, seq: number, ack: number, flags: number, data?: Uint8Array): void {
  ethernet(0x0800);
  const ip = HEADROOM + 14;
  const tcp = ip + 20;
  const header = (flags & SYN) !== 0 ? 40 : 20;
  const length = data?.length ?? 0;
  view.setUint16(ip, 0x4500);
  view.setUint16(ip + 2, 20 + header + length);
  view.setUint32(ip + 4, 0x4000);
  view.setUint32(ip + 8, 0x40060000);
  view.setInt32(ip + 12, CLIENTS + Math.floor(index / PORTS));
  view.setInt32(ip + 16, SERVER);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(ip + i);
  view.setUint16(ip + 10, ~((sum & 0xffff) + (sum >>> 16)));
  view.setUint16(tcp, FIRST_PORT + (index % PORTS));
  view.setUint16(tcp + 2, 80);
  view.setInt32(tcp + 4, seq);
  view.setInt32(tcp + 8, ack);
  view.setUint16(tcp + 12, (header << 10) | flags);
  view.setUint16(tcp + 14, announced[index]!);
  view.setUint16(tcp + 18, 0);
  if ((flags & SYN) !== 0) {
    view.setUint32(tcp + 20, 0x020405b4);
    view.setUint32(tcp + 24, 0x0402080a);
    view.setUint32(tcp + 28, 1);
    view.setUint32(tcp + 32, 0);
    view.setUint32(tcp + 36, 0x01030307);
  }
  if (data !== undefined) head.set(data, tcp + header);
  let pseudo = 6 + header + length;
  for (let i = 12; i < 20; i += 2) pseudo += view.getUint16(ip + i);
  pseudo = (pseudo & 0xffff) + (pseudo >>> 16);
  view.setUint16(tcp + 16, (pseudo & 0xffff) + (pseudo >>> 16));
  const { tx } = device;
  tx.reset();
  tx.checksumStart = 34;
  tx.checksumOffset = 16;
  tx.length = 34 + header + length;
  device.transmit();
}

function open(index: number): void {
  state[index] = 1;
  send(index, index, 0, SYN);
}

function segment(start: number): void {
  if (inputs.getInt32(start + 26) !== SERVER || inputs.getUint16(start + 34) !== 80) return;
  const client = inputs.getInt32(start + 30) - CLIENTS;
  const index = client * PORTS + inputs.getUint16(start + 36) - FIRST_PORT;
  if (index < 0 || index >= count) return;
  const flags = device.buffer[start + 47] as number;
  const seq = inputs.getInt32(start + 38);
  const payload = inputs.getUint16(start + 16) - 20 - ((device.buffer[start + 46] as number) >> 4) * 4;
  if ((flags & SYN) !== 0) {
    if (state[index] !== 1) return;
    state[index] = 2;
    irs[index] = seq;
    if (reads !== undefined) begin(index, seq);
    send(index, index + 1, seq + 1, ACK | PSH, request);
  } else if (payload > 0 && reads !== undefined) keep(index, seq, payload);
  else if (payload > 0) {
    send(index, index + 1 + request.length, seq + payload, ACK);
    received[index] = (received[index] as number) + payload;
    if (answerSize === 0) answerSize = payload;
    if (state[index] === 2 && (received[index] as number) >= answerSize) hold(index);
  }
}

function hold(index: number): void {
  state[index] = 3;
  held += 1;
  if (opened < count) open(opened++);
  else if (held === count) console.log(`${held} held`);
}

function begin(index: number, seq: number): void {
  rcvNxt[index] = seq + 1;
  announced[index] = BUFFER;
}

/** A slow reader takes what fits, and says what it has room for: to a probe of a closed window, too. */
function keep(index: number, seq: number, payload: number): void {
  if (seq === rcvNxt[index] && unread[index]! + payload <= BUFFER) {
    rcvNxt[index] = seq + payload;
    unread[index]! += payload;
    announced[index] = Math.max(0, announced[index]! - payload);
  }
  acknowledge(index);
  if (state[index] === 2 && announced[index]! < WORTH_SAYING) hold(index);
}

function acknowledge(index: number): void {
  send(index, index + 1 + request.length, rcvNxt[index]!, ACK);
}

/** A second has passed. */
function read(rate: number): void {
  for (let index = 0; index < opened; index++) {
    if (state[index] !== 3) continue;
    unread[index] = Math.max(0, unread[index]! - rate);
    const room = Math.floor(BUFFER - unread[index]!);
    if (room - announced[index]! < WORTH_SAYING) continue;
    announced[index] = room;
    acknowledge(index);
  }
}

function frame(_bytes: Uint8Array, start: number, end: number): void {
  const type = inputs.getUint16(start + 12);
  if (type === 0x0806 && end - start >= 42) {
    const target = inputs.getInt32(start + 38);
    if (inputs.getUint16(start + 20) === 2 && inputs.getInt32(start + 28) === SERVER) learn(start);
    else if (inputs.getInt32(start + 28) === SERVER && target >= CLIENTS && target < CLIENTS + 256)
      arp(2, target, SERVER);
  } else if (type === 0x0800 && device.buffer[start + 23] === 6) segment(start);
}

function learn(start: number): void {
  if (opened > 0) return;
  serverMac.set(device.buffer.subarray(start + 22, start + 28));
  while (opened < Math.min(WINDOW, count)) open(opened++);
}

/** What was lost: once more. */
function again(): void {
  for (let i = 0; i < opened; i++) {
    if (state[i] === 1) open(i);
    else if (state[i] === 2) send(i, i + 1, ((irs[i] as number) + 1) | 0, ACK | PSH, request);
  }
  if (held < count) console.error(`${held} of ${opened}`);
}

arp(1, CLIENTS, SERVER);
setInterval(again, 1000);
if (reads !== undefined) setInterval(read, 1000, reads);
setImmediate(function turn() {
  const taken = device.receive(frame, 256);
  if (taken > 0 || held < count) setImmediate(turn);
  else setTimeout(turn, 20);
});
