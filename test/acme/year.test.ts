import t from 'tap';
import { factsOf } from '../../src/acme/der/certificate.js';
import { DAY, HOUR, MINUTE, startHost, World } from './setup.js';

/** How long, from now, what is in use is still valid; ms. */
function left(world: World, chain: string | undefined): number {
  return chain === undefined ? 0 : factsOf(chain)!.notAfter - world.time.wallClock();
}

/** Runs a day at a time; calls `each` with the number of the day. */
async function days(world: World, count: number, each: (day: number) => void = () => undefined): Promise<void> {
  for (let day = 0; day < count; day++) {
    each(day);
    await world.run(DAY);
  }
}

t.test('a year of certificates of 90 days: an order each sixty days, and never one that has expired', async (t) => {
  const world = new World();
  const host = await startHost(world);
  let least = Number.POSITIVE_INFINITY;
  await days(world, 365, (day) => {
    if (day > 0) least = Math.min(least, left(world, host.used.at(-1)));
  });
  t.ok(least > 20 * DAY, `${least / DAY} days at least`);
  const orders = world.ca.newOrders.length;
  t.ok(orders >= 6 && orders <= 7, `${orders} orders`);
  t.same(host.notices, []);
  t.equal(world.ca.registered.length, 1);
});

t.test('a year of certificates of six days: renewed at half of their life, never twice', async (t) => {
  const world = new World();
  world.ca.life = 160 * HOUR;
  const host = await startHost(world);
  let least = Number.POSITIVE_INFINITY;
  await days(world, 365, (day) => {
    if (day > 0) least = Math.min(least, left(world, host.used.at(-1)));
  });
  t.ok(least > 2 * DAY, `${least / DAY} days at least`);
  const times = world.ca.newOrders.map(({ at }) => at);
  t.ok(times.length > 105 && times.length < 118, `${times.length} orders`);
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  t.ok(Math.min(...gaps) > 3 * DAY);
  t.equal(host.used.length, times.length, 'each was put in use once');
});

t.test(
  'the CA is down for three weeks when the renewal is due: the attempts are few, and the first one after it is soon',
  async (t) => {
    const world = new World();
    const host = await startHost(world);
    await days(world, 58);
    world.ca.down = true;
    await days(world, 21);
    world.ca.down = false;
    const back = world.time.wallClock();
    await days(world, 2);
    t.equal(world.ca.newOrders.length, 2);
    t.ok(world.ca.newOrders[1]!.at - back <= 1.2 * DAY);
    t.ok(host.notices.length > 5 && host.notices.length < 40, `${host.notices.length} notices`);
  },
);

t.test(
  'the CA is down until the certificate ends: it is served, and the attempts come hourly towards the end',
  async (t) => {
    const world = new World();
    world.ca.life = 160 * HOUR;
    const host = await startHost(world);
    await world.run(HOUR);
    world.ca.down = true;
    await days(world, 10);
    t.equal(host.used.length, 1, 'what expired is still in use');
    t.ok(host.notices.some((one) => one.includes('expired')));
    world.ca.down = false;
    await world.run(1.2 * DAY);
    t.equal(host.used.length, 2);
  },
);

t.test('the window of renewal information is kept, and a new window is obeyed at once', async (t) => {
  const world = new World();
  world.ca.renewalWindow = (from, to) => [from + 0.5 * (to - from), from + 0.52 * (to - from)];
  const host = await startHost(world);
  await days(world, 44);
  t.equal(world.ca.newOrders.length, 1);
  await days(world, 4);
  t.equal(world.ca.newOrders.length, 2);
  t.ok(world.ca.newOrders[1]!.payload['replaces'], 'the order says what it replaces');
  // All certificates are to be replaced: the CA says so by a window that is over (RFC 9773 4.2).
  await days(world, 3);
  world.ca.renewalWindow = (from, to) =>
    from < Date.UTC(2026, 1, 20) ? [from, from + DAY] : [from + 0.5 * (to - from), from + 0.52 * (to - from)];
  const before = world.time.wallClock();
  await world.run(7 * HOUR + HOUR);
  t.equal(world.ca.newOrders.length, 3);
  t.ok(world.ca.newOrders[2]!.at - before < 7.5 * HOUR);
  t.equal(host.used.length, 3);
  const asked = world.ca.renewalAsked;
  t.ok(Math.min(...asked.slice(1).map((time, i) => time - asked[i]!)) >= MINUTE);
  t.ok(asked.length < 51 * 6, `${asked.length} questions`);
});

t.test('a year with everything at once: storms of bad nonces, outages, limits, restarts and clock steps', async (t) => {
  const world = new World();
  world.ca.life = 160 * HOUR;
  world.ca.renewalWindow = (from, to) => [from + 0.49 * (to - from), from + 0.51 * (to - from)];
  let host = await startHost(world);
  let draws = 0;
  world.ca.badNonce = () => draws++ % 3 === 0;
  let served = '';
  let least = Number.POSITIVE_INFINITY;
  await days(world, 365, (day) => {
    world.ca.down = day % 40 === 30 || day % 40 === 31;
    world.ca.refuseOrder = () =>
      day % 50 === 20
        ? (world.ca.constructor as typeof import('./fake-ca.js').FakeCa).refused('rateLimited', 429, 7200)
        : undefined;
    host.skew = day % 60 === 45 ? 10 * 365 * DAY : day % 60 === 46 ? -10 * 365 * DAY : 0;
    served = host.used.at(-1) ?? served;
    if (day > 2) least = Math.min(least, left(world, served));
    if (day % 25 === 24) {
      host.keeper.stop();
      const { storage, accountStorage } = host;
      void startHost(world, { seed: day }, storage, accountStorage).then((next) => {
        host = next;
      });
    }
  });
  t.ok(least > DAY, `${least / DAY} days at least`);
  const orders = world.ca.newOrders.length;
  t.ok(orders > 100 && orders < 125, `${orders} orders`);
  t.equal(world.ca.registered.length, 1, 'one account');
  let week = 0;
  for (const { at } of world.ca.newOrders) {
    const near = world.ca.newOrders.filter((one) => one.at >= at && one.at < at + 7 * DAY).length;
    week = Math.max(week, near);
  }
  t.ok(week <= 5, `${week} certificates in a week at most`);
});
