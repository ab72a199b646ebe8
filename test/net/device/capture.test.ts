import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { Device, FrameSink } from '../../../src/net/device/device.js';
import { HEADROOM, TxFrame } from '../../../src/net/device/tx-frame.js';
import { CaptureDevice } from '../../../src/net/device/wrap/capture.js';
import { dropReason } from '../../../src/net/drops.js';

/** A device that has the given frames waiting. */
class Waiting implements Device {
  readonly mtu = 1500;
  readonly mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  readonly offload = { checksum: true, segmentation: 65_535 };
  readonly tx = new TxFrame();
  onReadable = undefined;
  sent = 0;
  closed = false;
  constructor(private readonly frames: Uint8Array[]) {}
  receive(sink: FrameSink, budget: number): number {
    const taken = this.frames.splice(0, budget);
    for (const frame of taken) sink(frame, 0, frame.length, 0);
    return taken.length;
  }
  transmit(): boolean {
    this.sent += 1;
    return true;
  }
  close(): void {
    this.closed = true;
  }
}

/** An ARP request for 192.0.2.`last`. */
function arp(last: number): Uint8Array {
  const sender = [2, 0, 0, 0, 0, 2, 192, 0, 2, 1];
  return Uint8Array.of(
    ...[255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
    ...sender,
    ...[0, 0, 0, 0, 0, 0, 192, 0, 2, last],
  );
}

/** Two requests arrive; the first is answered from within, the second is dropped. Then something is sent by itself. */
function capture(t: Test, name: string): { file: string; device: Waiting } {
  const file = join(t.testdir({}), name);
  const device = new Waiting([arp(7), arp(8)]);
  let time = Date.UTC(2026, 10, 23, 21, 0, 0);
  const tee = new CaptureDevice(device, file, () => (time += 0.25), t.fail);
  const send = () => {
    const reply = arp(1);
    reply[21] = 2;
    tee.tx.reset();
    tee.tx.head.set(reply.subarray(0, 20), HEADROOM);
    tee.tx.length = 20;
    tee.tx.push(new Memory(reply), 20, reply.length);
    tee.transmit();
  };
  let seen = 0;
  tee.receive(() => {
    seen += 1;
    if (seen === 1) send();
    else tee.dropped(dropReason('arp-not-for-us'));
  }, 10);
  send();
  t.equal(seen, 2);
  t.equal(device.sent, 2);
  tee.close();
  t.ok(device.closed);
  return { file, device };
}

const skip = spawnSync('tcpdump', ['--version']).status === 0 ? false : 'there is no tcpdump to read it with';

for (const name of ['x.pcap', 'x.pcapng']) {
  t.test(`${name}: tcpdump reads the frames in the order of question and answer`, { skip }, (t) => {
    const { file } = capture(t, name);
    const text = execFileSync('tcpdump', ['-n', '-r', file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    t.same(
      text.split('\n').map((line) => line.replace(/^\S+ /, '').replace(/, length.*/, '')),
      [
        'ARP, Request who-has 192.0.2.7 tell 192.0.2.1',
        'ARP, Reply 192.0.2.1 is-at 02:00:00:00:00:02',
        'ARP, Request who-has 192.0.2.8 tell 192.0.2.1',
        'ARP, Reply 192.0.2.1 is-at 02:00:00:00:00:02',
        '',
      ],
    );
    t.equal(statSync(file).mode & 0o777, 0o600, 'what others sent is not for everybody');
    t.end();
  });
}

t.test('pcapng: blocks are whole, say their direction, and why a frame was dropped', (t) => {
  const bytes = readFileSync(capture(t, 'y.pcapng').file);
  const packets: { inbound: boolean; comment: string | undefined }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 4);
    t.equal(length % 4, 0);
    t.equal(bytes.readUInt32LE(at + length - 4), length, 'both lengths of a block agree');
    if (bytes.readUInt32LE(at) === 6) {
      let option = at + 28 + ((bytes.readUInt32LE(at + 20) + 3) & ~3);
      let inbound = false;
      let comment: string | undefined;
      for (let code = bytes.readUInt16LE(option); code !== 0; code = bytes.readUInt16LE(option)) {
        const size = bytes.readUInt16LE(option + 2);
        if (code === 2) inbound = bytes.readUInt32LE(option + 4) === 1;
        if (code === 1) comment = bytes.toString('utf8', option + 4, option + 4 + size);
        option += 4 + ((size + 3) & ~3);
      }
      packets.push({ inbound, comment });
    }
    at += length;
  }
  t.same(packets, [
    { inbound: true, comment: undefined },
    { inbound: false, comment: undefined },
    { inbound: true, comment: 'arp-not-for-us' },
    { inbound: false, comment: undefined },
  ]);
  t.end();
});

t.test('a file that cannot be made is one sentence', (t) => {
  t.throws(() => new CaptureDevice(new Waiting([]), '/nowhere/at/all.pcap', () => 0, t.fail), {
    message: /^the capture: \/nowhere\/at\/all\.pcap cannot be written: its directory does not exist/,
  });
  t.end();
});
