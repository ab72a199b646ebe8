/** A machine whose program hands over in another way than that of the next one. */
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { LINK_HEAD, SAY } from '../../src/net/direct/peer-link/link.js';
import { Lab } from './lab.js';
import { BOOT, build, imageFolder, onePage, skip } from './machine.js';

t.test('a machine that does not hand over ends first, and the next one serves', { skip }, async (t) => {
  const images = imageFolder(t);
  const old = build(images, onePage(t, 'old'));
  const newer = build(images, onePage(t, 'new'));
  const lab = new Lab(t, '46.43.42.129/25');
  const host = join(lab.folder, 'host');
  const args = ['--accel', 'tcg', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', '46.43.42.137/25'];
  const runner = lab.host.start(process.execPath, [join('build', 'test', 'wire', 'vm-runner.js'), host, ...args]);
  const title = async (): Promise<string | undefined> => {
    const page = await lab.host.run('curl', ['-sS', '--max-time', '30', 'http://46.43.42.137/']);
    return /<title>(.*)<\/title>/.exec(page.stdout)?.[1];
  };
  runner.child.stdin!.write(`replace ${old}\n`);
  await runner.says(/^replaced by .*/m, BOOT);
  t.equal(await title(), 'old');

  // Where the old machine waits for the next one, a program of another version answers.
  const link = join(host, 'run', 'tap0.link');
  rmSync(link);
  let asked = '';
  const other = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      asked += bytes.toString('latin1');
      const answer = Buffer.from(JSON.stringify({ version: 99, tcp: {} }));
      const message = Buffer.alloc(LINK_HEAD + answer.length);
      message.writeUInt32BE(answer.length + 1, 0);
      message[4] = SAY;
      answer.copy(message, LINK_HEAD);
      socket.write(message);
    });
  });
  t.teardown(() => other.close());
  await new Promise<void>((resolve) => other.listen(link, resolve));
  runner.child.stdin!.write(`replace ${newer}\n`);
  await runner.says(/^replaced by .*\nstatus .*\n(?:.*\n)*replaced by .*$/m, 2 * BOOT);
  t.match(asked, /"do":"take"/, 'the new machine asked');
  t.match(
    runner.stderr,
    /the machine ends before the next begins: the machine before this one does not hand over: the program that runs hands over in another way/,
  );
  t.equal(await title(), 'new');
  t.match(readFileSync(join(host, 'run', 'tap0.log'), 'utf8'), /the kernel is up/);
  const links = await lab.host.run('ip', ['-o', 'link']);
  t.match(links.stdout, /tap0:/, 'on the same TAP');
  t.notMatch(links.stdout, /tap0n/, 'that which was refused has left none');
  runner.child.stdin!.write('stop\n');
  await runner.says(/^stopped$/m, BOOT);
  runner.child.stdin!.end();
  t.equal(await runner.exit, 0, runner.stderr);
});
