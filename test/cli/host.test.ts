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
