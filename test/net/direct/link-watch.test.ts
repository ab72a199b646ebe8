import t from 'tap';
import { LinkWatch } from '../../../src/net/direct/host/link-watch.js';

/** A link, a bridge and two clocks that the test turns. */
class Machine {
  running: boolean | undefined = true;
  mtu: number | undefined = 1500;
  flapped = false;
  setDown = false;
  bridge = 7;
  result: 'joined' | 'elsewhere' | 'forbidden' | 'failed' = 'joined';
  monotonic = 0;
  boot = 50_000;
  joins = 0;
  readonly happened: string[] = [];
  private readonly watch: LinkWatch;

  constructor(bridge: string | undefined, running = true) {
    this.running = running;
    this.watch = new LinkWatch(
      'tap0',
      bridge,
      {
        running: () => this.running,
        mtu: () => this.mtu,
        wasDown: (carrier) => this.setDown || (carrier && this.flapped),
        close: () => {},
        bridge: () => this.bridge,
        join: () => {
          this.joins++;
          return this.result;
        },
      },
      { monotonic: () => this.monotonic, boot: () => this.boot },
      {
        linkUp: () => this.happened.push('up'),
        slept: (milliseconds) => this.happened.push(`slept ${milliseconds}`),
        mtu: (bytes) => this.happened.push(`mtu ${bytes}`),
        notice: (sentence) => this.happened.push(sentence),
      },
    );
  }

  second(): string[] {
    this.monotonic += 1000;
    this.boot += 1000;
    this.watch.look();
    return this.happened.splice(0);
  }
}

t.test('a link that comes up is news once, also where it was down at the start', async (t) => {
  const machine = new Machine(undefined);
  t.same(machine.second(), []);
  machine.running = false;
  t.same(machine.second(), []);
  machine.running = true;
  t.same(machine.second(), ['up']);
  t.same(machine.second(), []);
  machine.running = undefined;
  t.same(machine.second(), [], 'an interface that is gone is not this watch’s to tell');
  machine.running = true;
  machine.second();
  machine.flapped = true;
  t.same(machine.second(), ['up'], 'down and up between two looks');
  machine.flapped = false;
  t.same(machine.second(), []);
  const late = new Machine(undefined, false);
  late.flapped = true;
  t.same(late.second(), []);
  late.flapped = false;
  late.running = true;
  t.same(late.second(), ['up']);
  const slow = new Machine(undefined);
  slow.flapped = true;
  t.same(slow.second(), [], 'what happened while it was set up is no news');
  const early = new Machine(undefined);
  early.setDown = true;
  t.same(early.second(), ['up'], 'set down and up within the first second');
  t.equal(late.joins, 0);
});

t.test('a bridge that was made again gets its port back; one that it was taken off does not', async (t) => {
  const machine = new Machine('br0');
  for (let i = 0; i < 3; i++) t.same(machine.second(), []);
  t.equal(machine.joins, 0, 'nothing is touched while the bridge is the same');
  machine.bridge = 0;
  t.match(machine.second(), [/br0 is gone/]);
  t.same(machine.second(), []);
  machine.bridge = 9;
  t.match(machine.second(), [/made again; tap0 is on it/, 'up']);
  t.same(machine.second(), []);
  machine.bridge = 11;
  machine.result = 'elsewhere';
  t.same(machine.second(), [], 'somebody has put it on another one');
  machine.bridge = 12;
  machine.result = 'forbidden';
  t.match(machine.second(), [/sudo ip link set tap0 master br0/]);
  t.same(machine.second(), [], 'told once');
  machine.bridge = 13;
  machine.result = 'failed';
  machine.second();
  machine.result = 'joined';
  t.match(machine.second(), [/made again/, 'up'], 'a failure is tried again');
});

t.test('a machine that slept is noticed by the clock that went on', async (t) => {
  const machine = new Machine(undefined);
  machine.boot += 1990;
  t.same(machine.second(), [], 'the clocks are not that exact');
  machine.boot += 3_600_000;
  t.same(machine.second(), ['slept 3600000']);
  t.same(machine.second(), []);
});

t.test('another MTU of the link is told once, and none where the interface is gone', async (t) => {
  const machine = new Machine(undefined);
  t.same(machine.second(), []);
  machine.mtu = 1300;
  t.same(machine.second(), ['mtu 1300']);
  t.same(machine.second(), []);
  machine.mtu = undefined;
  t.same(machine.second(), []);
  machine.mtu = 1500;
  t.same(machine.second(), ['mtu 1500']);
});
