/**
 * Connections move from program to program on a TAP: who replaced a program need not wait for the last download out of
 * it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab, type Program } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { LabSupervised } from './lab-supervised.js';
import { bundleOf } from './supervised.js';

t.setTimeout(300_000);

/** More than 8 MiB: its bundle is mapped. */
const LARGE = randomBytes(9_000_000);

/** Downloads to the file `$1`, but no more than a part of it before its standard input ends. */
const DOWNLOAD = `exec 3<&0
curl -sS http://10.77.0.7/large.bin < /dev/null | {
  head -c 1000000 > "$1"; echo a part is here; read -r <&3; cat >> "$1"
}`;

/** Asks for the home page once for each line that it reads, all on one connection. */
const KEPT = `exec 3<>/dev/tcp/10.77.0.7/80
while read -r; do
  printf 'GET / HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n' >&3
  while IFS= read -r line <&3 && [ "$line" != $'\\r' ]; do
    case $line in Content-Length:*) length=\${line//[^0-9]/} ;; esac
  done
  IFS= read -r -N "$length" body <&3; echo "$body"
done`;

/** Until that process is over. */
async function gone(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`)) await new Promise((done) => setTimeout(done, 20));
}

t.test(
  'downloads and a kept connection go on from program to program, each of which is gone before they are through',
  { skip: skipWithout('curl', 'tcpdump') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const client = lab.client('10.77.0.2/24');
    // What is read late must not lie acknowledged in the client's kernel.
    await client.run('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 65536 131072']);
    const files = { 'index.html': 'first', 'large.bin': LARGE };
    const site = await bundleOf(t, 'site', files);
    const argv = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '10.77.0.7/24', site];
    const server = new LabSupervised(lab, argv);
    await server.start();
    const dump = client.start('tcpdump', ['-n', '-l', '-i', 'eth0', 'src 10.77.0.7 and tcp[tcpflags] & tcp-rst != 0']);
    await dump.says(/listening on/);
    const download = async (name: string): Promise<Program> => {
      const one = client.start('bash', ['-c', DOWNLOAD, 'download', join(lab.folder, name)]);
      await one.says(/a part is here/);
      return one;
    };
    const kept = client.start('bash', ['-c', KEPT]);
    const ask = async (answers: string): Promise<void> => {
      kept.child.stdin?.write('ask\n');
      await kept.says(new RegExp(`^${answers.replaceAll(' ', '\n')}\n$`));
    };
    await ask('first');
    const downloads = [await download('one')];
    // The second one begins on another bundle. The next program serves only that, and has to open the first one's file.
    const next = await bundleOf(t, 'next', { ...files, 'index.html': 'second' });
    t.match(await server.ask({ do: 'swap', bundle: next }), { ok: true });
    await ask('first second');
    downloads.push(await download('two'));
    for (const answers of ['first second second', 'first second second second']) {
      const { pid } = await server.ask({ do: 'status' });
      t.match(await server.ask({ do: 'replace' }), { ok: true, state: 'serving' });
      await gone(pid);
      t.match(await server.ask({ do: 'status' }), { moved: 3, connections: 3 });
      await ask(answers);
    }
    for (const one of downloads) {
      t.equal(one.child.exitCode, null);
      one.child.stdin?.end();
      t.equal(await one.exit, 0, one.stderr);
    }
    for (const name of ['one', 'two']) {
      const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      t.equal(sha256(readFileSync(join(lab.folder, name))), sha256(LARGE), name);
    }
    kept.child.stdin?.end();
    t.equal(await kept.exit, 0, kept.stderr);
    await dump.stop();
    t.equal(dump.stdout.trim(), '', 'no reset came from the server');
    t.equal(await server.supervisor.stop(), 0);
  },
);
