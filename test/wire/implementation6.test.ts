/**
 * THC's implementation6, which sends 59 kinds of odd packets and says what came back: of us the same as of the Linux
 * beside us, but for what docs/ipv6.md lists.
 */
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import type { Namespace } from './lab.js';
import { skipWithout } from './needs.js';
import { SITE } from './server.js';

/** A tool that waits a second for each answer that does not come. */
const SECONDS = 300;
const US = '2001:db8:77::80';
const LINUX = '2001:db8:77::9';
/** Thousands of destination headers: work for a packet is bounded. */
const LISTED = ['2000 destination headers', '8172 destination headers'];

/** What it says of `address`, by the test's name. */
async function verdicts(from: Namespace, address: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await from.run('atk6-implementation6', ['eth0', address]);
  const lines = stdout.matchAll(/^Test +\d+: (.+?)\s*(PASSED|FAILED) - (.+?)\s*$/gm);
  return new Map([...lines].map(([, name, , what]) => [name as string, what as string]));
}

t.setTimeout(2 * SECONDS * 1000);

t.test(
  'implementation6 says of us what it says of Linux, or the difference is listed',
  { skip: skipWithout('atk6-implementation6') },
  async (t) => {
    const { lab, client, start } = bed(t);
    const spaces = [client, lab.client('10.77.0.4/24'), lab.client('10.77.0.9/24')] as const;
    const [, second, linux] = spaces;
    for (const [space, last] of [
      [second, '4'],
      [linux, '9'],
    ] as const) {
      space.ip(`addr add fe80::${last}/64 dev eth0 nodad`);
      space.ip(`addr add 2001:db8:77::${last}/64 dev eth0 nodad`);
    }
    const program = start(['--no-ipv4', '--ipv6', `${US}/64`, '--ipv6-gateway', 'fe80::1', SITE]);
    await program.says(IPV6_LINE);
    const differences = async (): Promise<string[]> => {
      const [us, reference] = await Promise.all([verdicts(client, US), verdicts(second, LINUX)]);
      t.ok(us.size >= 55, `${us.size} kinds`);
      t.same([...us.keys()], [...reference.keys()]);
      t.equal(us.get('normal ping6 (still alive?)'), 'we got a reply');
      const other = [...us].filter(([name, what]) => !LISTED.includes(name) && reference.get(name) !== what);
      return other.map(([name, what]) => `${name}: ${what}; Linux: ${reference.get(name)}`);
    };
    let seen = await differences();
    if (seen.length > 0) {
      t.comment(seen.join('\n'));
      // It takes an answer that comes after a second for that of its next test: a busy machine does so now and then.
      const again = await differences();
      seen = seen.filter((line) => again.includes(line));
    }
    t.same(seen, []);
    t.equal(await program.stop(), 0);
  },
);
