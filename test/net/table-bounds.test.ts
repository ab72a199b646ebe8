/**
 * What is remembered of strangers has the size that docs/bounds.md says, read from there: a table of another size fails
 * here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Drops } from '../../src/net/drops.js';
import { Datagram } from '../../src/net/ip/contracts/datagram.js';
import { PathMtus } from '../../src/net/ip/path-mtu.js';
import { IpReassembly } from '../../src/net/ip/reassembly.js';
import { RecentlySent } from '../../src/net/ip/recently-sent.js';
import { Budget } from '../../src/net/tcp/budget.js';
import type { TcpContext } from '../../src/net/tcp/state/connection.js';
import { DEFAULT_LIMITS } from '../../src/net/tcp/state/limits.js';

const LINK = 1500;

/** The first number of the row's second cell. */
function bound(row: string): number {
  const lines = readFileSync(join('docs', 'bounds.md'), 'utf8').split('\n');
  const cells = lines.find((line) => line.startsWith(`| ${row} |`))?.split('|') ?? [];
  return Number(/[\d,]+/.exec(cells[2] ?? '')?.[0].replaceAll(',', ''));
}

t.test('path MTUs: of those that routers told, the oldest is forgotten at the bound', async (t) => {
  const most = bound('path MTUs, ways');
  const mtus = new PathMtus();
  for (let i = 1; i <= 2 * most; i++) mtus.lower(i, 1400, LINK, LINK, 0);
  let known = 0;
  for (let i = 1; i <= 2 * most; i++) if (mtus.of(i, LINK, 0) < LINK) known++;
  t.equal(known, most);
  t.equal(mtus.of(2 * most, LINK, 0), 1400, 'the newest is known');
  t.equal(mtus.of(1, LINK, 0), LINK, 'the oldest is not');
});

t.test('datagrams of ours: an ICMP error may quote as many as there are places', async (t) => {
  const most = bound('datagrams of ours that an ICMP error may quote');
  const sent = new RecentlySent();
  const all = 20 * most;
  for (let i = 0; i < all; i++) sent.note(i, 53, 7, 0);
  let known = 0;
  for (let i = 0; i < all; i++) if (sent.has(i, 53, 7, 0)) known++;
  t.ok(known <= most, `${known} of ${all}`);
  // With so many more than there are places hardly a place is free.
  t.ok(known > most / 2, `${known} of ${all}`);
});

t.test('connections: at the bound a new one is refused when no other one can go', async (t) => {
  const most = bound('connections');
  const connections = { size: 0, places: 64, at: () => undefined };
  const none = { lent: 0, halfOpen: 0, size: 0, used: 0 };
  const budget = new Budget({
    limits: { ...DEFAULT_LIMITS, memory: Number.POSITIVE_INFINITY },
    connections,
    busyPool: none,
    listening: none,
    waiting: none,
    pool: none,
    steps: { taken: 0 },
    now: 0,
  } as unknown as TcpContext);
  connections.size = most - 1;
  t.ok(budget.admit(), 'there is room for one more');
  connections.size = most;
  t.notOk(budget.admit(), 'and for no other');
});

t.test(
  'fragments: of one datagram as many are kept as the table says, and of all no more than its bytes',
  async (t) => {
    const row = 'datagrams in fragments';
    const [most, parts, kib] = [64, 128, 512];
    t.equal(bound(row), most);
    t.ok(
      readFileSync(join('docs', 'bounds.md'), 'utf8').includes(
        `of ${parts} fragments each, ${kib} KiB of memory in all`,
      ),
    );
    const bytes = new Uint8Array(60_000);
    const add = (table: IpReassembly, id: number, offset: number, length: number): void => {
      const fragment = new Datagram().lies(bytes, 0, 20, 20 + length, 1).goes(1, 2, false, 0, 0);
      table.add(fragment, 17, id, offset, true);
    };
    const one = new Drops();
    const crumbs = new IpReassembly(one, () => {});
    for (let i = 0; i < parts; i++) add(crumbs, 1, i * 16, 8);
    t.equal(one.of('fragment-table-full'), 0);
    add(crumbs, 1, parts * 16, 8);
    t.equal(one.of('fragment-table-full'), 1);
    const all = new Drops();
    const large = new IpReassembly(all, () => {});
    const size = 32 * 1024;
    for (let i = 0; i < (kib * 1024) / size - 1; i++) add(large, i, 0, size);
    t.equal(all.of('fragment-table-full'), 0);
    for (let i = 0; i < 2; i++) add(large, 100 + i, 0, size);
    t.ok(all.of('fragment-table-full') > 0, 'the oldest give way');
  },
);
