/**
 * A mistake while connections move ends the connection that it happened to, at most. No connection has two owners, and
 * none waits for ever for a word about it.
 */
import t from 'tap';
import type { Connection } from '../../../src/net/tcp/index.js';
import { Mover, type MoverEvents } from '../../../src/net/tcp/moving/mover.js';
import { CLOSED } from '../../../src/net/tcp/state/states.js';
import { Swap } from './moving-swap.js';

const injected = (): never => {
  throw new Error('injected');
};

const PLAN = { paths: ['/page', '/page', '/page'], think: 400 };
const CLIENTS = 4;

/** Some idle connections; the owner of the second one fails when it is asked `what`. */
async function swapWith(what: 'freeze' | 'thaw' | 'moved' | 'none', where: 'old' | 'young' = 'old') {
  const swap = new Swap();
  const faults = { old: 0, young: 0 };
  swap.old.host.faults.onFault = () => faults.old++;
  swap.young.host.faults.onFault = () => faults.young++;
  const askers = Array.from({ length: CLIENTS }, () => swap.ask(PLAN));
  await swap.run(200);
  const spoil = (c: Connection | undefined): void => {
    if (c !== undefined && what !== 'none') c.handler = { ...bound(c), [what]: injected };
  };
  if (where === 'old') spoil([...swap.old.host.tcp.connections][1]);
  else {
    const { tcp } = swap.young.host;
    const attach = tcp.attach.bind(tcp);
    let n = 0;
    tcp.attach = (c) => {
      if (++n === 2) spoil(c);
      attach(c);
    };
  }
  return { swap, askers, faults };
}

/** Handlers are objects of classes: what is not replaced goes on as it was. */
function bound({ handler }: Connection): Connection['handler'] {
  return Object.create(handler) as Connection['handler'];
}

t.test('an owner that fails ends its connection; the others have moved, or go on', async (t) => {
  for (const [what, where] of [
    ['freeze', 'old'],
    ['moved', 'old'],
    ['thaw', 'young'],
  ] as const) {
    const { swap, askers, faults } = await swapWith(what, where);
    swap.handOver();
    await swap.run(20_000, () => askers.every((one) => one.done));
    const whole = askers.filter((one) => one.content).length;
    t.ok(whole >= CLIENTS - 1, `${what}: ${whole} of ${CLIENTS} clients had all of their answers`);
    t.ok(faults[where] > 0, what);
    t.equal(swap.old.host.tcp.connections.size, 0);
    t.equal((swap.old as unknown as { mover?: Mover }).mover?.undecided ?? 0, 0, 'none is frozen');
  }
});

/** A mover of the old program's connections whose other side is a list. */
async function moverWith(events: Partial<MoverEvents>) {
  const { swap, faults, askers } = await swapWith('none');
  const { tcp } = swap.old.host;
  const connections = [...tcp.connections];
  const nothing = { move() {}, open() {}, forward() {}, deliver() {} };
  const mover = new Mover(tcp, swap.old.memories, { ...nothing, ...events });
  swap.old.host.enter(() => undefined);
  return { swap, faults, askers, tcp, connections, mover };
}

t.test('records that cannot be sent have not left: their connections go on where they are, for good', async (t) => {
  const { swap, faults, askers, tcp, mover } = await moverWith({ move: injected });
  swap.old.host.enter(() => mover.sweep());
  t.equal(mover.undecided, 0);
  t.equal(tcp.connections.size, CLIENTS);
  t.equal(faults.old, 1);
  let asked = 0;
  (mover as unknown as { events: MoverEvents }).events.move = () => asked++;
  swap.old.host.enter(() => mover.sweep());
  t.equal(asked, 0, 'they are not tried again');
  await swap.run(20_000, () => askers.every((one) => one.done));
  t.ok(askers.every((one) => one.content));
});

t.test('after a word that cannot be read what is frozen is let go, without a segment', async (t) => {
  const { swap, tcp, mover, connections } = await moverWith({});
  swap.old.host.enter(() => mover.sweep());
  t.equal(mover.undecided, CLIENTS);
  const sent = swap.sent.length;
  swap.old.host.enter(() => mover.forsaken());
  await swap.run(swap.now + 50);
  t.equal(mover.undecided, 0);
  t.equal(tcp.connections.size, 0, 'it may be the other program’s');
  t.ok(connections.every((c) => c.state === CLOSED));
  t.equal(swap.sent.length, sent);
});

t.test('a batch in which one record makes our code fail is adopted but for that one', async (t) => {
  const { swap, askers, faults } = await swapWith('none');
  const { budget } = swap.young.host.tcp;
  const admit = budget.admit.bind(budget);
  let n = 0;
  budget.admit = () => (++n === 2 ? injected() : admit());
  swap.handOver();
  await swap.run(260);
  t.equal(swap.young.host.tcp.connections.size, CLIENTS - 1);
  t.equal(swap.old.host.tcp.connections.size, 1, 'it stays with the old program');
  t.equal(faults.young, 1);
  await swap.run(20_000, () => askers.every((one) => one.done));
  t.ok(askers.every((one) => one.content));
});
