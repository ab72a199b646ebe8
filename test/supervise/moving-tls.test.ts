/**
 * Connections over TLS move from program to program on a TAP, over each family: downloads and kept connections of curl,
 * OpenSSL and Node, with HTTP/1.1 and HTTP/2, on a link that loses frames.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab, type Program } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf } from './supervised.js';

t.setTimeout(600_000);

/** More than 8 MiB: its bundle is mapped. */
const LARGE = randomBytes(9_000_000);
const SHA256 = createHash('sha256').update(LARGE).digest('hex');
const FAMILIES = [
  {
    name: 'IPv4',
    host: '10.77.0.7',
    address: ['--ipv4', '10.77.0.7/24', '--no-ipv6'],
    resets: 'src 10.77.0.7 and tcp[tcpflags] & tcp-rst != 0',
  },
  {
    name: 'IPv6',
    host: '[2001:db8:77::80]',
    address: ['--ipv6', '2001:db8:77::80/64', '--no-ipv4'],
    resets: 'ip6 src 2001:db8:77::80 and ip6[6] == 6 and ip6[53] & 4 != 0',
  },
] as const;

/** Downloads to the file `$1` with `$2`, but no more than a part of it before its standard input ends. */
const downloadFrom = (host: string): string => `exec 3<&0
curl -sSgk "$2" https://${host}/large.bin < /dev/null | {
  head -c 1000000 > "$1"; echo a part is here; read -r <&3; cat >> "$1"
}`;

/** Asks for the home page once for each line that it reads, all on one connection of \`openssl s_client\`. */
const keptWith = (
  host: string,
): string => `coproc openssl s_client -quiet -alpn http/1.1 -connect ${host}:443 2> /dev/null
while read -r; do
  printf 'GET / HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n' >&\${COPROC[1]}
  while IFS= read -r line <&\${COPROC[0]} && [ "$line" != $'\\r' ]; do
    case $line in Content-Length:*) length=\${line//[^0-9]/} ;; esac
  done
  IFS= read -r -N "$length" body <&\${COPROC[0]}; echo "page $body"
done`;

/** Until that process is over. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((done) => setTimeout(done, 20));
}

for (const { name, host, address, resets } of FAMILIES) {
  t.test(
    `downloads and kept connections go on over ${name} from program to program, each gone before they are through`,
    { skip: skipWithout('curl', 'openssl', 'tcpdump') },
    async (t) => {
      const lab = new Lab(t, '10.77.0.1/24');
      const client = lab.client('10.77.0.2/24');
      client.ip('addr add 2001:db8:77::3/64 dev eth0 nodad');
      // What is read late must not lie acknowledged in the client's kernel.
      await client.run('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 65536 131072']);
      const site = await bundleOf(t, 'site', { 'index.html': 'the page', 'large.bin': LARGE });
      const argv = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', ...address, '--faults', 'loss=1%'];
      const tls = ['--tls', 'self-signed', '--state', join(lab.folder, 'state')];
      const server = new LabSupervised(lab, [...argv, ...tls, site], 443);
      await server.start();
      const dump = client.start('tcpdump', ['-n', '-l', '-i', 'eth0', resets]);
      await dump.says(/listening on/);
      const kept = client.start('bash', ['-c', keptWith(host)]);
      const h2 = client.start(process.execPath, [resolve('build/test/supervise/http2-main.js'), host, '2', '400000']);
      const downloads: Program[] = [];
      for (const [file, version] of [
        ['one', '--http1.1'],
        ['two', '--http2'],
      ] as const)
        downloads.push(client.start('bash', ['-c', downloadFrom(host), 'download', join(lab.folder, file), version]));
      for (const one of [...downloads, h2]) await one.says(/a part is here/, 120);
      let answers = 0;
      const ask = async (): Promise<void> => {
        answers++;
        for (const one of [kept, h2]) {
          one.child.stdin?.write('ask\n');
          await one.says(new RegExp(`(page the page\n[^]*){${answers}}`), 120);
        }
      };
      await ask();
      for (let i = 0; i < 3; i++) {
        const { pid } = await server.ask({ do: 'status' });
        t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
        await gone(pid);
        t.match(await server.ask({ do: 'status' }), { moved: 4, connections: 4 }, 'the program before has ended');
        await ask();
      }
      for (const one of [...downloads, h2]) {
        t.equal(one.child.exitCode, null);
        one.child.stdin?.end();
        t.equal(await one.exit, 0, one.stderr + one.stdout);
      }
      for (const file of ['one', 'two'])
        t.equal(
          createHash('sha256')
            .update(readFileSync(join(lab.folder, file)))
            .digest('hex'),
          SHA256,
          file,
        );
      t.equal(h2.stdout.trim().split('\n').at(-1), `${SHA256} ${SHA256}`, 'streams of one connection');
      kept.child.stdin?.end();
      await kept.exit;
      await dump.stop();
      t.equal(dump.stdout.trim(), '', 'no reset came from the server');
      t.equal(await server.supervisor.stop(), 0, server.supervisor.stderr);
    },
  );
}
