/**
 * A certificate authority that is down when a renewal is due, and comes back with nothing in mind: Pebble itself, which
 * is stopped and started, in a time that is sixty times as fast. Three weeks of it in virtual time: test/acme/year.
 */
import { resolve } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { startPebble } from './pebble.js';

t.setTimeout(240_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');
const KEEPER = resolve('build', 'test', 'wire', 'acme-keeper.js');
/** Of certificates, s: they are renewed after half of it. */
const LIFE = 1800;

t.test(
  'the authority is down when the renewal is due: tried again by itself, until it is back',
  { skip },
  async (t) => {
    const lab = new Lab(t);
    const pebble = await startPebble(lab, { validity: LIFE });
    const env = { NODE_EXTRA_CA_CERTS: pebble.ca };
    const keeper = lab.host.start(process.execPath, [KEEPER, 'www.example.test', '60'], env);
    await keeper.says(/^used \w+ \d+$/m, 60);
    await pebble.program.stop();
    // The renewal is due after 900 s, which are 15 here; the attempts after it wait for one minute, and then for ten.
    const down =
      /no new certificate for www\.example\.test: 127\.0\.0\.1:14000 cannot be asked: .*; the next attempt is at/;
    await keeper.says(down, 60);
    await keeper.says(/the next attempt is at [^\n]*; the one in use is valid until/, 60);
    t.equal(keeper.stdout.match(/^used /gm)?.length, 1, 'what there was is in use still');
    const again = await pebble.start();
    // It knows the account no more, nor its order: both are made anew.
    await keeper.says(/^used [\s\S]*^used /m, 90);
    const [first, second] = [...keeper.stdout.matchAll(/^used (\w+) (\d+)$/gm)];
    t.not(second?.[1], first?.[1]);
    t.ok(Number(second?.[2]) > Number(first?.[2]), 'it ends later');
    t.match(again.stdout + again.stderr, /There are now 1 accounts/);
    t.ok(keeper.running);
  },
);
