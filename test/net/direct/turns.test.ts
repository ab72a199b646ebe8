/** Entries of a stack in real time: an exception in one of them is contained, and the next entry is as any other. */
import t from 'tap';
import { Containment, type FaultPlace } from '../../../src/net/containment.js';
import type { DescriptorDevice } from '../../../src/net/device/linux/descriptor-device.js';
import { MemoryDevice } from '../../../src/net/device/memory/memory-link.js';
import type { AddressMode } from '../../../src/net/direct/address/address-mode.js';
import { buildStack } from '../../../src/net/direct/replay/build-stack.js';
import { Turns } from '../../../src/net/direct/turns/turns.js';
import { Drops } from '../../../src/net/drops.js';

class Bench {
  readonly device = new MemoryDevice(Uint8Array.of(2, 0, 0, 0, 0, 1));
  readonly link = { gone: false } as DescriptorDevice;
  readonly places: FaultPlace[] = [];
  readonly turns: Turns;
  readonly stack;
  gone = 0;
  polled = 0;
  throwing: 'poll' | undefined;

  constructor() {
    let x = 1;
    const random32 = (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0);
    const faults = new Containment((_error, place) => this.places.push(place));
    const { stack, tcp } = buildStack({
      device: this.device,
      random: { random32 },
      drops: new Drops(),
      congestion: 'cubic',
      faults,
    });
    this.stack = stack;
    const { device, link } = this;
    this.turns = new Turns({ link, wire: device, device, stack, tcp }, () => this.gone++);
    this.turns.loop = { start() {}, stop() {}, wake() {} };
    const poll = (): number => {
      this.polled++;
      if (this.throwing === 'poll') throw new Error('injected');
      return Number.POSITIVE_INFINITY;
    };
    this.turns.address({ poll } as unknown as AddressMode);
  }
}

t.test('a device whose reading fails is read again; one that fails on and on is gone', (t) => {
  const bench = new Bench();
  const { device, turns } = bench;
  const whole = device.receive.bind(device);
  let fails = 10;
  device.receive = (sink, budget) => {
    if (fails-- > 0) throw new Error('injected');
    return whole(sink, budget);
  };
  for (let i = 0; i < 10; i++) t.equal(turns.turn(), 0);
  device.deliver(new Uint8Array(60));
  t.equal(turns.turn(), 1, 'the frame behind the faults is taken');
  t.equal(bench.gone, 0);
  t.equal(bench.stack.faults.counters()['fault-device'], 10);
  t.same(bench.places, ['device'], 'one of them is reported');
  fails = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 100; i++) turns.turn();
  t.ok(bench.link.gone && bench.gone > 0, 'the loop does not turn for ever around a device that cannot be read');
  t.end();
});

t.test('a way to an address that fails is left alone for a while, and the stack goes on', (t) => {
  const bench = new Bench();
  bench.throwing = 'poll';
  const now = performance.now();
  for (let i = 0; i < 50; i++) bench.turns.enter(() => undefined);
  t.ok(bench.polled <= 2 + (performance.now() - now) / 1000, `polled ${bench.polled} times`);
  t.equal(bench.places[0], 'poll');
  t.ok(bench.turns.deadline > now, 'it does not ask for a turn at once');
  t.end();
});

t.test('a timer that throws ends alone; what a caller asks for throws to the caller', (t) => {
  const bench = new Bench();
  const { turns } = bench;
  turns.timer(() => {
    throw new Error('injected');
  });
  t.same(bench.places, ['timer']);
  t.throws(
    () =>
      turns.enter(() => {
        throw new RangeError('the caller');
      }),
    { message: 'the caller' },
  );
  t.equal(turns.look, undefined, 'no entry is open');
  let entered = false;
  turns.enter(() => {
    entered = true;
  });
  t.ok(entered);
  t.end();
});
