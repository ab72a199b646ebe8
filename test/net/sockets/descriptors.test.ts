/** A server that runs out of descriptors goes on for those that it has. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { SOCKET_KINDS } from './kinds.js';

// The program that users run, one file: loading it as single modules takes more descriptors at once than there are.
const MAIN = resolve('dist', 'main.js');
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const LIMIT = 64;
const CONNECTIONS = 80;
const LARGE = 16 << 20;

async function start(t: Test, kind: string): Promise<{ port: number; pid: number }> {
  const site = join(t.testdir({}), 'site');
  mkdirSync(site);
  writeFileSync(join(site, 'index.html'), 'few');
  writeFileSync(join(site, 'large.webp'), Buffer.alloc(LARGE));
  const command = `ulimit -n ${LIMIT}; exec "$0" "$@"`;
  const args = [MAIN, '--port', '0', '--sockets', kind, site];
  const child = spawn('sh', ['-c', command, process.execPath, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const line = await new Promise<string>((done, reject) => {
    child.stdout.setEncoding('utf8').once('data', done);
    child.once('close', () => reject(new Error('it ended')));
  });
  return { port: Number(/:(\d+)\//.exec(line)?.[1]), pid: child.pid as number };
}

/** Ticks of CPU time (a hundredth of a second each) that the process has used. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function ask(socket: Socket): Promise<string> {
  return new Promise((done, reject) => {
    const over = (error?: Error): void => reject(error ?? new Error('it was closed'));
    if (socket.destroyed) return over();
    socket.once('error', over);
    socket.once('close', () => over());
    socket.once('data', (chunk) => {
      socket.removeListener('error', over);
      done(chunk.toString('latin1'));
    });
    socket.write(REQUEST);
  });
}

/** The server closes what its clients closed a moment later. */
async function untilServed(port: number): Promise<string> {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = await ask(socket).catch(() => '');
    socket.destroy();
    if (answer !== '') return answer;
  }
}

for (const kind of SOCKET_KINDS) {
  t.test(
    `${kind}: without descriptors new connections are closed, open ones are served, and it neither spins nor ends`,
    { skip: process.platform === 'linux' ? false : 'needs /proc' },
    async (t) => {
      const { port, pid } = await start(t, kind);
      const sockets: Socket[] = [];
      let closed = 0;
      for (let i = 0; i < CONNECTIONS; i++) {
        const socket = connect({ port, host: '127.0.0.1' });
        socket.on('error', () => undefined);
        socket.on('close', () => {
          closed += 1;
        });
        await new Promise((done) => socket.once('connect', done));
        sockets.push(socket);
      }
      // Those that have been idle longest give way to the new ones; of many at once some are closed themselves.
      let [other] = sockets as [Socket, ...Socket[]];
      for (const socket of sockets) if ((await ask(socket).catch(() => '')) !== '') other = socket;
      const before = ticks(pid);
      for (let i = 0; i < 20; i++) t.match(await ask(other), /few$/);
      const used = ticks(pid) - before;
      t.ok(used < 50, `${used} hundredths of a second for 20 requests`);
      t.ok(closed > 0, 'some were closed');
      for (const socket of sockets) socket.destroy();
      t.match(await untilServed(port), /few$/, 'and when there are descriptors again, others are served');
    },
  );
}

for (const kind of SOCKET_KINDS) {
  t.test(
    `${kind}: without descriptors, and no connection that rests, a new one is closed: a sealed server has one to spare`,
    { skip: process.platform === 'linux' ? false : 'needs /proc' },
    async (t) => {
      const { port, pid } = await start(t, kind);
      const sockets: Socket[] = [];
      t.teardown(() => {
        for (const socket of sockets) socket.destroy();
      });
      for (let i = 0; i < CONNECTIONS; i++) {
        const socket = connect({ port, host: '127.0.0.1' });
        socket.on('error', () => undefined);
        sockets.push(socket);
        await new Promise((done) => socket.once('connect', done));
        // More than the kernel takes; nobody reads it.
        socket.pause().write('GET /large.webp HTTP/1.1\r\nHost: a\r\n\r\n');
      }
      const last = sockets.at(-1) as Socket;
      const came = await new Promise<number>((done) => {
        let length = 0;
        last.on('data', (chunk) => {
          length += chunk.length;
        });
        last.on('close', () => done(length)).resume();
      });
      t.equal(came, 0);
      const atFirst = ticks(pid);
      for (let i = 0; i < 20; i++) {
        const socket = connect({ port, host: '127.0.0.1' });
        sockets.push(socket);
        await ask(socket).catch(() => '');
      }
      const spun = ticks(pid) - atFirst;
      t.ok(spun < 50, `each further one ends soon: ${spun} hundredths of a second for 20 of them`);
      const before = ticks(pid);
      for (const socket of sockets.splice(0)) socket.destroy();
      for (let i = 0; i < 20; i++) t.match(await untilServed(port), /few$/);
      const used = ticks(pid) - before;
      t.ok(used < 50, `${used} hundredths of a second for 20 requests`);
    },
  );
}

for (const kind of SOCKET_KINDS) {
  t.test(
    `${kind}: with connections open and nothing to do it uses no processor time`,
    { skip: process.platform === 'linux' ? false : 'needs /proc' },
    async (t) => {
      const { port, pid } = await start(t, kind);
      const sockets = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }));
      for (const socket of sockets) t.match(await ask(socket), /few$/);
      // It comes to rest a moment after its last answer. A loop that never sleeps would use all of each tenth of a
      // second.
      for (let before = ticks(pid); ; before = ticks(pid)) {
        await new Promise((done) => setTimeout(done, 200));
        if (ticks(pid) === before) break;
      }
      t.match(await ask(sockets[0]), /few$/, 'and it wakes up');
      for (const socket of sockets) socket.destroy();
    },
  );
}
