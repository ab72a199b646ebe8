/**
 * Handshakes and records with octets changed, cut, repeated and left out: nothing is thrown, nothing is believed.
 * `TLS_RUNS` sets how many (default 1,000), `TLS_SEED` where they begin.
 */
import t from 'tap';
import { talk } from './joined-flows.js';
import { Setup, seeded, send } from './setup.js';

// A run of a million takes an hour.
t.setTimeout(7_200_000);

const RUNS = Number(process.env['TLS_RUNS'] ?? 1000);
const SEED = Number(process.env['TLS_SEED'] ?? Date.now() % 1_000_000);

/** Changes `bytes` in one place. */
function mutate(bytes: Uint8Array, random: ReturnType<typeof seeded>): Uint8Array {
  const at = random.next() % bytes.length;
  const size = 1 + (random.next() % 8);
  switch (random.next() % 6) {
    case 0:
      return bytes.map((octet, i) => (i === at ? octet ^ (1 << (random.next() % 8)) : octet));
    case 1:
      return bytes.map((octet, i) => (i === at ? random.next() & 255 : octet));
    case 2:
      return bytes.slice(0, at);
    case 3:
      return Uint8Array.of(...bytes.slice(0, at), ...random(size), ...bytes.slice(at));
    case 4:
      return Uint8Array.of(...bytes.slice(0, at), ...bytes.slice(at + size));
    default:
      return Uint8Array.of(...bytes.slice(0, at), ...bytes.slice(Math.max(0, at - size)));
  }
}

t.test(`handshakes, changed on their way (TLS_SEED=${SEED}, TLS_RUNS=${RUNS})`, (t) => {
  const setup = new Setup();
  let [established, refused, waiting] = [0, 0, 0];
  for (let run = 0; run < RUNS; run++) {
    const random = seeded(SEED + run);
    const outcome = setup.begin();
    const [client, server] = outcome.below;
    const victim = random.next() % 4;
    for (let step = 0; step < 200; step++) {
      // The flight of one side, the first or a later one, is changed.
      const side = step % 2 === 0 ? client : server;
      const changed = step === victim && side.out.length > 0;
      const moved = side.deliver(100_000, changed ? (bytes) => mutate(bytes, random) : undefined);
      if (!moved && step > 8) break;
    }
    if (outcome.server !== undefined) {
      established++;
      // The change was behind the handshake, or in what is not looked at; data is still what was sent.
      send(outcome.server, 'data');
      if (outcome.client !== undefined) talk(client, server);
      if (!['', 'data'].includes(outcome.clientHeard.received)) t.fail(`run ${run}: ${outcome.clientHeard.received}`);
    } else if (outcome.serverAlert !== undefined || outcome.clientFailure !== undefined) refused++;
    else {
      waiting++;
      setup.clock.advance(11_000);
      if (server.closed === undefined) t.fail(`run ${run}: a handshake that nothing ends`);
    }
    client.reset();
  }
  t.same(setup.errors, []);
  t.equal(setup.server.pending, 0);
  t.ok(refused > 0 && waiting > 0, `${established} established, ${refused} refused, ${waiting} waited for more`);
  t.end();
});

t.test(`records of application data, changed on their way (TLS_SEED=${SEED})`, (t) => {
  const setup = new Setup();
  let refused = 0;
  for (let run = 0; run < RUNS / 3; run++) {
    const random = seeded(SEED + run);
    const outcome = setup.connect();
    const [client] = outcome.below;
    const text = 'x'.repeat(1 + (random.next() % 300));
    send(outcome.client!, text);
    client.deliver(100_000, (bytes) => mutate(bytes, random));
    talk(...outcome.below);
    if (outcome.serverAlert !== undefined) refused++;
    // A record that is wrong is never given to the owner, nor a part of it.
    if (!['', text].includes(outcome.serverHeard.received)) t.fail(`run ${run}: ${outcome.serverHeard.received}`);
    client.reset();
  }
  t.same(setup.errors, []);
  t.ok(refused > RUNS / 6, `${refused} refused`);
  t.end();
});

t.test('a handshake cut at every octet, either way, ends with its deadline', (t) => {
  const setup = new Setup();
  const whole = setup.connect();
  const sizes = whole.below.map(({ sent }) => sent);
  for (const [side, size] of sizes.entries()) {
    for (let cut = 0; cut < size; cut += 3) {
      const outcome = setup.begin();
      let left = cut;
      for (let step = 0; step < 12; step++) {
        for (const [i, flow] of outcome.below.entries()) {
          if (i !== side) flow.deliver(100_000);
          else
            flow.deliver(100_000, (bytes) => {
              const part = bytes.slice(0, left);
              left -= part.length;
              return part;
            });
        }
      }
      setup.clock.advance(11_000);
      if (outcome.server === undefined && outcome.below[1].closed === undefined)
        t.fail(`cut at ${cut} of side ${side}`);
      outcome.below[0].reset();
    }
  }
  t.same(setup.errors, []);
  t.equal(setup.server.pending, 0);
  t.equal(setup.clock.pending, 0, 'no timer is left');
  t.end();
});
