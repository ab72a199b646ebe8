/** What a connection is lent out of a pool is as new for the next one: nothing of the connection before it shows. */
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import type { FlowHandler } from '../../../src/net/flow.js';
import { VirtualNet } from '../../../src/net/host/virtual-net.js';
import { type CongestionName, congestionByName } from '../../../src/net/tcp/congestion/index.js';
import { SentPool } from '../../../src/net/tcp/flight/sent.js';
import { BusyPool, BusyState } from '../../../src/net/tcp/state/busy.js';
import { fetchOnce } from './exchange.js';

/** Room that is kept on purpose, and objects that all connections share. */
const KEPT = new Set(['ring', 'pool', 'steps']);

/** All values in `one`, however deep, by their paths. */
function valuesIn(one: object, path = '', found = new Map<string, unknown>()): Map<string, unknown> {
  for (const [name, value] of Object.entries(one)) {
    if (KEPT.has(name)) continue;
    const here = `${path}.${name}`;
    if (typeof value === 'object' && value !== null) valuesIn(value, here, found);
    // Minus zero marks a field of fractions, and is zero.
    else found.set(here, value === 0 ? 0 : value);
  }
  return found;
}

const body = Buffer.alloc(200_000, 'lent');

for (const name of ['reno', 'cubic'] as const satisfies readonly CongestionName[]) {
  t.test(`${name}: after losses and timeouts a pool lends what is as new in each of its values`, async (t) => {
    const pools = new Set<BusyPool>();
    const { give } = BusyPool.prototype;
    BusyPool.prototype.give = function (this: BusyPool, one: BusyState): void {
      pools.add(this);
      give.call(this, one);
    };
    for (let seed = 1; seed <= 3; seed++) t.ok(fetchOnce(body, seed * 7919, 0.03, name).bytes.equals(body));
    BusyPool.prototype.give = give;
    const unused = new BusyState(new SentPool(), congestionByName(name)());
    unused.renew(1234);
    const expected = valuesIn(unused);
    t.ok(expected.size > 60, `${expected.size} values`);
    let compared = 0;
    for (const pool of pools) {
      for (const one of [pool.take(1234)]) {
        compared++;
        const differences = [...valuesIn(one)].filter(([path, value]) => expected.get(path) !== value);
        t.same(differences, []);
      }
    }
    t.ok(compared > 0);
  });
}

for (const [name, loss, paused] of [
  ['reads', 0, false],
  ['reads what was kept behind a hole', 0.2, false],
  ['reads what came while it paused', 0, true],
] as const) {
  t.test(`a connection that is reset while its owner ${name} borrows nothing afterwards`, async (t) => {
    const net = new VirtualNet(5);
    net.link({ loss, delay: 5 });
    const server = net.host('10.0.0.1');
    const client = net.host('10.0.0.2');
    let reset = 0;
    const owner: FlowHandler = {
      data(flow, _bytes, start, end) {
        if (!paused && end - start === 1000) return;
        flow.reset();
        reset++;
      },
      ended: (flow) => flow.end(),
      drained() {},
      closed() {},
    };
    await server.listen(80, (flow) => {
      flow.handler = owner;
      if (!paused) return;
      flow.pause();
      net.time.schedule(1000, () => flow.resume());
    });
    const text = new Memory(new Uint8Array(50_100));
    for (let i = 0; i < 20; i++) {
      client.connect('10.0.0.1', 80).then(
        (flow) => flow.write(text, 0, text.bytes.length),
        () => undefined,
      );
    }
    await net.run(() => false, 3_600_000);
    const { connections, busyPool, budget } = server.tcp;
    t.ok(reset > 5, `${reset} were reset`);
    const left = { connections: connections.size, lent: busyPool.lent, received: budget.received };
    t.same(left, { connections: 0, lent: 0, received: 0 });
  });
}
