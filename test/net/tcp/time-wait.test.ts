import fc from 'fast-check';
import t from 'tap';
import { PeerTable } from '../../../src/net/ip/v6/peer-table.js';
import { KeyedHash } from '../../../src/net/keyed-hash.js';
import { NONE, TIME_WAIT, type TimeWait, TimeWaitTable } from '../../../src/net/tcp/tables/time-wait.js';

let drawn = 1;
const random = { random32: () => Math.imul(drawn++, 0x9e3779b1) >>> 0 };

const waiting = (n: number, expires: number): TimeWait => ({
  remoteAddress: 0x0a000000 + (n & 7),
  localAddress: -1,
  ports: (n << 16) | 80,
  sndNxt: n * 1000,
  rcvNxt: -n,
  timestamps: n % 2 === 0,
  window: n & 0xffff,
  open: n % 3 === 0,
  tsRecent: n * 7,
  tsOffset: -n * 3,
  expires,
});

t.test(
  'whatever is added, ended, begun anew and passes: each is found as it was until its time, and not after',
  (t) => {
    const MOST = 100;
    const step = fc.record({
      n: fc.nat(300),
      what: fc.constantFrom('add', 'add', 'add', 'add', 'delete', 'restart', 'pass'),
      by: fc.nat(9000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new TimeWaitTable(new KeyedHash(random), MOST, new PeerTable());
        // In the order of their ends, like the table.
        const model = new Map<number, TimeWait>();
        let now = 0;
        for (const { n, what, by } of steps) {
          const { remoteAddress, localAddress, ports } = waiting(n, 0);
          const row = table.find(remoteAddress, localAddress, ports);
          t.equal(row !== NONE, model.has(n));
          if (what === 'add' && row === NONE) {
            if (model.size === MOST) model.delete(model.keys().next().value!);
            model.set(n, waiting(n, now + TIME_WAIT));
            table.add(waiting(n, now + TIME_WAIT));
          } else if (what === 'delete' && row !== NONE) {
            model.delete(n);
            table.delete(row);
          } else if (what === 'restart' && row !== NONE) {
            model.delete(n);
            model.set(n, waiting(n, now + TIME_WAIT));
            table.restart(row, now);
          } else if (what === 'pass') {
            now += by;
            for (const [name, one] of model) if (one.expires <= now) model.delete(name);
            const next = table.expire(now);
            if (next !== (model.values().next().value?.expires ?? Number.POSITIVE_INFINITY)) return false;
          }
          if (table.size !== model.size) return false;
        }
        for (const [, one] of model) {
          const row = table.find(one.remoteAddress, one.localAddress, one.ports);
          if (row === NONE || JSON.stringify(table.at(row)) !== JSON.stringify({ ...table.at(row), ...one }))
            return false;
        }
        return (
          JSON.stringify(table.take().map((one) => one.ports)) ===
          JSON.stringify([...model.values()].map((one) => one.ports))
        );
      }),
      { numRuns: 300 },
    );
    t.end();
  },
);

t.test('one four-tuple that is used again and again takes the room of one', (t) => {
  const table = new TimeWaitTable(new KeyedHash(random), 65_536, new PeerTable());
  const bytes = (one: unknown): number => {
    if (ArrayBuffer.isView(one)) return one.byteLength;
    return typeof one === 'object' && one !== null ? Object.values(one).reduce((sum, part) => sum + bytes(part), 0) : 0;
  };
  table.add(waiting(1, TIME_WAIT));
  table.delete(table.find(waiting(1, 0).remoteAddress, waiting(1, 0).localAddress, waiting(1, 0).ports));
  const before = bytes(table);
  for (let i = 0; i < 100_000; i++) {
    const one = waiting(1, TIME_WAIT + i);
    table.add(one);
    table.delete(table.find(one.remoteAddress, one.localAddress, one.ports));
  }
  t.equal(bytes(table), before);
  t.ok(before > 64 * 40, 'its arrays were found');
  t.end();
});

t.test('an address that is lost takes its own with it, no others', (t) => {
  const table = new TimeWaitTable(new KeyedHash(random), 65_536, new PeerTable());
  for (let i = 0; i < 1000; i++) table.add({ ...waiting(i, TIME_WAIT), localAddress: i % 3 });
  table.addressLost(1);
  t.equal(table.size, 667);
  t.ok(table.take().every((one) => one.localAddress !== 1));
  t.end();
});
