/** `host up` and `host down`, in a network namespace of their own. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import t from 'tap';

const MAIN = resolve('build', 'src', 'main.js');

function obstacle(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a network namespace needs root on Linux';
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  if (spawnSync('unshare', ['--net', 'ip', 'link']).status !== 0) return 'needs unshare and ip';
  return false;
}

/** Runs a script in a fresh namespace with a card `eth9` that has an address and routes; answers what it printed. */
function inNamespace(script: string): string {
  const setup = `set -e
ip link add eth9 type veth peer name far9
ip addr add 10.55.0.7/24 dev eth9
ip link set eth9 up
ip link set far9 up
ip route add default via 10.55.0.1
ip route add 10.66.0.0/16 via 10.55.0.2 metric 7
sitekernel() { "${process.execPath}" "${MAIN}" "$@"; }
`;
  const result = spawnSync('unshare', ['--net', 'sh', '-c', setup + script], { encoding: 'utf8' });
  return result.stdout + result.stderr;
}

const skip = obstacle();

t.test('up makes a bridge and a TAP for a user; addresses and routes of the card move along', { skip }, (t) => {
  const out = inNamespace(`sitekernel host up --bridge br5 --uplink eth9 --tap tap5 --user 12345
ip -4 addr; ip route; ip -d link show tap5; ip link show eth9`);
  t.match(out, /made the bridge br5/);
  t.match(out, /inet 10\.55\.0\.7\/24 .*br5/);
  t.notMatch(out, /inet 10\.55\.0\.7\/24 .*eth9/);
  t.match(out, /default via 10\.55\.0\.1 dev br5/);
  t.match(out, /10\.66\.0\.0\/16 via 10\.55\.0\.2 dev br5 metric 7/);
  t.match(out, /tap5: .* master br5 /);
  t.match(out, /persist on.*user 12345/);
  t.match(out, /eth9@far9: .* master br5 /);
  t.end();
});

t.test('up a second time changes nothing', { skip }, (t) => {
  const out = inNamespace(`sitekernel host up --bridge br5 --uplink eth9 --tap tap5 > /dev/null
echo again; sitekernel host up --bridge br5 --uplink eth9 --tap tap5; echo done`);
  t.match(out, /again\ndone\n/);
  t.end();
});

t.test('down gives everything back', { skip }, (t) => {
  const out = inNamespace(`sitekernel host up --bridge br5 --uplink eth9 --tap tap5 > /dev/null
sitekernel host down --bridge br5 --uplink eth9 --tap tap5
ip -4 addr; ip route; ip link`);
  t.match(out, /inet 10\.55\.0\.7\/24 .*eth9/);
  t.match(out, /default via 10\.55\.0\.1 dev eth9/);
  t.notMatch(out.slice(out.indexOf('inet ')), /br5|tap5/);
  t.end();
});

t.test('a card or a user that is not there is one sentence', { skip }, (t) => {
  t.match(
    inNamespace('sitekernel host up --bridge br5 --uplink eth77 2>&1 || echo status $?'),
    /no network card eth77.*\nstatus 1/s,
  );
  t.match(
    inNamespace('sitekernel host up --bridge br5 --tap tap5 --user nobody-at-all 2>&1 || echo status $?'),
    /no user nobody-at-all .*\nstatus 1/s,
  );
  t.end();
});

/** Runs `host` with `words` after `setup`; answers its output, its status, and `unchanged` if the network is so. */
function refused(setup: string, words: string): string {
  // A carrier comes some time after its link is set up.
  const settled = "sed -E 's/ (qdisc|state) [a-zA-Z]+| linkdown|NO-CARRIER,|,LOWER_UP//g'";
  return inNamespace(`state() { { ip -o link; ip -o -4 addr; ip route; } | ${settled}; }
ip link set lo up
${setup}
before=$(state)
sitekernel host ${words} 2>&1 || echo status $?
[ "$before" = "$(state)" ] && echo unchanged`);
}

const BRIDGE = 'ip link add br5 type bridge';
const OTHER = 'ip link add br6 type bridge';

/** Setup, words, and what is said. */
const REFUSALS: readonly (readonly [string, string, RegExp])[] = [
  ['', 'down --bridge lo', /lo exists and is not a bridge; /],
  ['', 'down --bridge eth9', /eth9 exists and is not a bridge; /],
  [BRIDGE, 'down --bridge br5 --tap eth9', /eth9 exists and is not a TAP; /],
  ['ip tuntap add tun5 mode tun', 'down --bridge br5 --tap tun5', /tun5 exists and is not a TAP; /],
  [`${BRIDGE}; ip tuntap add tap5 mode tap`, 'down --bridge br5 --uplink eth9 --tap tap5', /eth9 is not on br5; /],
  ['', 'up --bridge lo', /lo exists and is not a bridge; choose another name with --bridge/],
  ['', 'up --bridge eth9 --tap tap5', /eth9 exists and is not a bridge; /],
  ['', 'up --bridge br5 --tap eth9', /eth9 exists and is not a TAP; choose another name with --tap/],
  [BRIDGE, 'up --bridge br7 --uplink br5', /br5 cannot be put on a bridge; name a network card/],
  ['', 'up --bridge br5 --uplink lo', /lo cannot be put on a bridge; name a network card/],
  [
    `${OTHER}; ip link set eth9 master br6`,
    'up --bridge br5 --tap tap5 --uplink eth9',
    /made TAP tap5.*removed TAP tap5.*removed the bridge br5.*eth9 belongs to another bridge or bond/s,
  ],
  [
    `${OTHER}; ip tuntap add tap5 mode tap; ip link set tap5 master br6`,
    'up --bridge br5 --tap tap5 --uplink eth9',
    /tap5 belongs to another bridge or bond/,
  ],
];

for (const [setup, words, said] of REFUSALS) {
  t.test(`host ${words}: a name that is none of its kind is refused, and nothing changes`, { skip }, (t) => {
    const out = refused(setup, words);
    t.match(out, said);
    t.match(out, /\nstatus 1\nunchanged\n$/);
    t.notMatch(out, /\b(EPERM|ELOOP|ENOTSUP|EINVAL)\b/);
    t.end();
  });
}

t.test('one name for two interfaces is bad usage', { skip }, (t) => {
  for (const words of ['--bridge br5 --uplink br5', '--bridge br5 --tap br5', '--bridge br5 --uplink eth9 --tap eth9'])
    t.match(refused(BRIDGE, `up ${words}`), /is named twice; .*\nstatus 2\nunchanged\n$/s, words);
  t.match(refused('', 'up --bridge br5 --tap a-name-that-is-too-long'), /at most 15\nstatus 1\nunchanged\n$/);
  t.end();
});
