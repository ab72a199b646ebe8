import t from 'tap';
import { type MemoryDevice, memoryLink } from '../../../src/net/device/memory/memory-link.js';
import { HEADROOM } from '../../../src/net/device/tx-frame.js';
import { corrupted, FATE_LOST, FATE_QUEUE_FULL, Impairment, NO_FAULTS } from '../../../src/net/device/wrap/faults.js';
import { parseFaults } from '../../../src/net/device/wrap/faults-option.js';
import { FaultyDevice } from '../../../src/net/device/wrap/faulty-device.js';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import { VirtualTime } from '../../../src/net/host/virtual-time.js';
import { addWords, fold } from '../../../src/net/wire/checksum.js';

function share(faults: Partial<typeof NO_FAULTS>, counts: (way: Impairment) => boolean): number {
  const way = new Impairment({ ...NO_FAULTS, ...faults });
  const random = new SeededRandom(1);
  let hits = 0;
  for (let i = 0; i < 20_000; i++) {
    way.decide(100, i, random);
    if (counts(way)) hits += 1;
  }
  return hits / 20_000;
}

t.test('a corrupted frame is found by its checksum, also when several cables corrupted it', async (t) => {
  const random = new SeededRandom(7);
  let found = 0;
  for (let i = 0; i < 20_000; i++) {
    const frame = new Uint8Array(40);
    for (let at = 0; at < frame.length; at++) frame[at] = random.random32();
    frame[12] = 0x08;
    frame[13] = 0x00;
    const sum = fold(addWords(0, frame, 14, 40)) % 0xffff;
    const one = corrupted(frame, random)!;
    const two = corrupted(one, random)!;
    // What hit the Ethernet header is another matter.
    if (one.subarray(0, 14).join() !== frame.subarray(0, 14).join()) continue;
    if (two.subarray(0, 14).join() !== frame.subarray(0, 14).join()) continue;
    if (fold(addWords(0, one, 14, 40)) % 0xffff === sum || fold(addWords(0, two, 14, 40)) % 0xffff === sum)
      t.fail(`frame ${i} of seed 7`);
    found += 1;
  }
  t.ok(found > 5000, `${found} frames`);
});

t.test('faults come as often as they were asked for', async (t) => {
  t.ok(Math.abs(share({ loss: 0.03 }, (way) => way.copies === 0) - 0.03) < 0.005);
  t.ok(Math.abs(share({ duplicate: 0.1 }, (way) => way.copies === 2) - 0.1) < 0.01);
  t.equal(
    share({}, (way) => way.copies !== 1),
    0,
  );
  // A burst model's loss: enter/(enter+leave) of the time bad, and then `loss`.
  const bursty = share({ burst: { enter: 0.01, leave: 0.09, loss: 0.5 } }, (way) => (way.fate & FATE_LOST) !== 0);
  t.ok(Math.abs(bursty - 0.05) < 0.02, `${bursty}`);
});

t.test('a rate spreads frames in time, and a full queue loses them', async (t) => {
  const way = new Impairment({ ...NO_FAULTS, rate: 100, queue: 1000, delay: 5 });
  const random = new SeededRandom(1);
  const arrivals: number[] = [];
  let full = 0;
  for (let i = 0; i < 20; i++) {
    way.decide(500, 0, random);
    if ((way.fate & FATE_QUEUE_FULL) !== 0) full += 1;
    else arrivals.push(way.after[0]);
  }
  t.same(arrivals, [10, 15]);
  t.equal(full, 18);
});

t.test('--faults takes what people write, and says what is wrong with the rest', async (t) => {
  const faults = parseFaults('loss=3%,dup=0.01,reorder=5%,rate=10mbit,queue=64k,delay=20ms,burst=1%/30%/80%');
  t.equal(faults.loss, 0.03);
  t.equal(faults.duplicate, 0.01);
  t.equal(faults.rate, 1250);
  t.equal(faults.queue, 65_536);
  t.same(faults.burst, { enter: 0.01, leave: 0.3, loss: 0.8 });
  t.throws(() => parseFaults('loss=300%'), /loss=300% is not a probability/);
  t.throws(() => parseFaults('lose=3%'), /"lose" is unknown; known are loss/);
  t.throws(() => parseFaults('rate=10'), /such as 10mbit/);
});

function send(device: FaultyDevice | MemoryDevice, number: number): void {
  device.tx.reset();
  device.tx.head.fill(number, HEADROOM, HEADROOM + 60);
  device.tx.length = 60;
  device.transmit();
}

t.test('a faulty device holds frames back both ways, and loses none that it did not mean to', async (t) => {
  const clock = new VirtualTime();
  const [near, far] = memoryLink();
  const bad = new FaultyDevice(near, { ...NO_FAULTS, reorder: 0.3, reorderDelay: 7 }, new SeededRandom(3), clock);
  const sent: number[] = [];
  const out: number[] = [];
  const inwards: number[] = [];
  let calls = 0;
  bad.onReadable = () => {
    calls += 1;
    bad.receive((bytes, start) => inwards.push(bytes[start] as number), 64);
  };
  for (let i = 0; i < 50; i++) {
    sent.push(i);
    clock.run(i);
    send(bad, i);
    send(far, i);
  }
  clock.run(1000);
  far.receive((bytes, start) => out.push(bytes[start] as number), 1000);
  t.ok(calls > 0);
  for (const got of [out, inwards]) {
    t.notSame(got, sent, 'the order changed');
    t.same(
      [...got].sort((a, b) => a - b),
      sent,
      'nothing is missing',
    );
  }
  bad.close();
});

t.test('a device that is closed while frames are held back delivers none of them', async (t) => {
  const clock = new VirtualTime();
  const [near, far] = memoryLink();
  const bad = new FaultyDevice(near, { ...NO_FAULTS, delay: 10 }, new SeededRandom(3), clock);
  send(bad, 1);
  bad.close();
  clock.run(100);
  t.equal(far.backlog, 0);
});
