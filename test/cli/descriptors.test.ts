/** A server without descriptors left: it says so, idle connections give way, and each new request is answered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import t from 'tap';

// The program that users run, one file: loading it as single modules takes more descriptors at once than there are.
const MAIN = resolve('dist', 'main.js');
const LIMIT = 64;

async function ask(port: number): Promise<{ socket: Socket; answer: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])])) as [
    Buffer | string,
  ];
  return { socket, answer: String(first) };
}

t.test('idle connections give way to new ones', { skip: process.platform !== 'linux' && 'own sockets' }, async (t) => {
  const site = t.testdir({ 'index.html': 'small' });
  writeFileSync(join(site, 'a.html'), 'a');
  const words = `ulimit -n ${LIMIT}; exec "$@"`;
  const child = spawn('/bin/sh', ['-c', words, 'sh', process.execPath, MAIN, '--port', '0', site]);
  t.teardown(() => child.kill('SIGKILL'));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(/:(\d+)\//.exec(line.toString())?.[1]);
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  let answered = 0;
  let reset = 0;
  for (let i = 0; i < 3 * LIMIT; i++) {
    const { socket, answer } = await ask(port);
    socket.once('close', () => reset++);
    sockets.push(socket);
    if (answer.startsWith('HTTP/1.1 200')) answered++;
  }
  t.equal(answered, 3 * LIMIT, 'every one is answered');
  t.ok(reset >= 2 * LIMIT, `${reset} idle ones were ended`);
  t.notOk(sockets.at(-1)?.destroyed, 'the youngest is open');
  t.equal(errors.match(/no descriptors are left \(ulimit -n\): idle connections give way/g)?.length, 1, errors);
  for (const socket of sockets.splice(0)) socket.destroy();
  const again = await ask(port);
  again.socket.destroy();
  t.match(again.answer, /^HTTP\/1.1 200/);
  child.kill('SIGTERM');
  const [status] = await once(child, 'exit');
  t.equal(status, 0);
});
