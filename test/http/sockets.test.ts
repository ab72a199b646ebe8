import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type HttpOptions, HttpServer } from '../../src/http/index.js';
import type { SocketKind } from '../../src/net/sockets/open.js';
import { openStore, type Store } from '../../src/store/index.js';
import { openKind, SOCKET_KINDS } from '../net/sockets/kinds.js';
import { MemoryFlow } from './memory-flow.js';
import { parseResponses } from './responses.js';
import { request } from './setup.js';
import { VirtualClock } from './virtual-clock.js';

const BIG = Buffer.alloc(5 * 1024 * 1024, 'sitekernel ');
const NEXT = request('GET', '/docs/');

/** A site on disk through the bundler, served over sockets. */
async function serve(
  t: Test,
  kind: SocketKind,
  options: Partial<HttpOptions> = {},
): Promise<{ port: number; store: Store; server: HttpServer }> {
  const dir = t.testdir({
    'index.html': `<!doctype html><title>Home</title>${'<p>Hello, reader.</p>'.repeat(100)}`,
    '404.html': '<!doctype html><title>Nothing</title>',
    'about.html': '<!doctype html><title>About</title>',
    docs: { 'index.html': '<!doctype html><title>Docs</title>' },
  });
  writeFileSync(join(dir, 'big.bin'), BIG);
  mkdirSync(join(dir, 'cache'), { recursive: true });
  const store = await openStore(dir, { cache: false });
  const network = await openKind(kind);
  const server = new HttpServer({ store: () => store, clock: network.clock, ...options });
  const listener = await network.listen(0, server.accept);
  t.teardown(() => network.close(0));
  return { port: listener.endpoint.port, store, server };
}

/**
 * Sends pieces, one after the other, and FIN unless told otherwise; everything that comes back until the server's FIN.
 */
async function exchange(port: number, pieces: readonly (string | Uint8Array)[], fin = true): Promise<Uint8Array> {
  const socket: Socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('end', () => {
      socket.end();
      resolve(Buffer.concat(chunks));
    });
    const next = (i: number): void => {
      if (i < pieces.length) socket.write(pieces[i]!, () => setImmediate(next, i + 1));
      else if (fin) socket.end();
    };
    socket.on('connect', () => next(0));
  });
}

for (const kind of SOCKET_KINDS) {
  t.test(
    `Over sockets (${kind}), out of a bundled directory: pages, redirects, 404, big files, cut anywhere`,
    async (t) => {
      const { port } = await serve(t, kind);
      const all =
        request('GET', '/') +
        request('GET', '/about') +
        request('GET', '/docs?x=1') +
        request('HEAD', '/big.bin') +
        request('GET', '/nothing/here') +
        request('GET', '/big.bin', 'Range: bytes=11-21, -4') +
        request('GET', '/', 'Accept-Encoding: br');
      const methods = ['GET', 'GET', 'GET', 'HEAD'];
      const whole = await exchange(port, [all]);
      const answers = parseResponses(whole, methods);
      t.same(
        answers.map((a) => a.status),
        [200, 200, 301, 200, 404, 206, 200],
      );
      t.equal(answers[2]!.fields.get('location'), '/docs/?x=1');
      t.equal(answers[3]!.fields.get('content-length'), String(BIG.length));
      t.equal(answers[6]!.fields.get('content-encoding'), 'br');
      t.match(answers[5]!.text, /\r\n\r\nsitekernel \r\n--/);
      const cut = parseResponses(
        await exchange(
          port,
          Array.from({ length: 40 }, (_, i) => all.slice(i * 20, i === 39 ? undefined : i * 20 + 20)),
        ),
        methods,
      );
      t.same(
        cut.map((a) => a.text),
        answers.map((a) => a.text),
      );
    },
  );

  t.test(`Over sockets (${kind}): a half-closed client gets 5 MiB in full`, async (t) => {
    const { port } = await serve(t, kind);
    const [answer] = parseResponses(await exchange(port, [request('GET', '/big.bin')]));
    t.equal(Buffer.compare(answer!.body, BIG), 0);
  });

  t.test(
    `Over sockets (${kind}): 3,000 pipelined requests are answered in order, without waiting for time-outs`,
    async (t) => {
      const { port } = await serve(t, kind);
      const answers = parseResponses(await exchange(port, [NEXT.repeat(1500) + request('GET', '/').repeat(1500)]));
      t.equal(answers.length, 3000);
      t.ok(answers.every((a, i) => a.status === 200 && a.text.includes(i < 1500 ? 'Docs' : 'Home')));
    },
  );

  t.test(`Over sockets (${kind}): pipelined requests for big files wait for each other`, async (t) => {
    const { port } = await serve(t, kind);
    const answers = parseResponses(await exchange(port, [request('GET', '/big.bin').repeat(4) + NEXT]));
    t.same(
      answers.map((a) => a.body.length),
      [BIG.length, BIG.length, BIG.length, BIG.length, answers[4]!.body.length],
    );
  });

  t.test(`Over sockets (${kind}): an error answer is not lost to a reset while the client still sends`, async (t) => {
    const { port } = await serve(t, kind);
    const upload = Buffer.alloc(500000, 'x');
    const answer = parseResponses(await exchange(port, [request('POST', '/', 'Content-Length: 99999999'), upload]));
    t.equal(answer[0]!.status, 405);
    const reply = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: Buffer.alloc(30_000_000) });
    t.equal(reply.status, 405, 'be it 30 MB');
  });

  t.test(`Over sockets (${kind}) and in memory the same requests are answered with the same bytes`, async (t) => {
    const clock = new VirtualClock();
    const { port, store } = await serve(t, kind, { clock });
    const server = new HttpServer({ store: () => store, clock });
    for (const bytes of [
      NEXT.repeat(3),
      request('GET', '/', 'Range: bytes=0-9'),
      'NONSENSE\r\n',
      request('GET', '/%zz') + NEXT,
    ]) {
      const flow = MemoryFlow.connect(server.accept);
      flow.send(bytes);
      flow.finish();
      t.equal(Buffer.from(await exchange(port, [bytes])).toString('latin1'), flow.text);
    }
  });
}

for (const kind of SOCKET_KINDS) {
  t.test(`${kind}: a slow reader is not cut off while the kernel holds bytes for it`, async (t) => {
    const clock = new VirtualClock();
    const { port, server } = await serve(t, kind, { clock });
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.write(request('GET', '/big.bin', 'Range: bytes=0-999999', 'Connection: close'));
    // Until the kernel has taken all of the answer.
    const taken = (): boolean => server.describe(1).some((one) => one.requests === 1 && one.queued === 0);
    for (let i = 0; i < 1000 && !taken(); i++) await new Promise((done) => setTimeout(done, 1));
    t.ok(taken());
    // Longer than the server waits for the peer's FIN.
    clock.advance(6000);
    let length = 0;
    socket.on('data', (chunk) => {
      length += chunk.length;
    });
    socket.resume();
    await new Promise<void>((done, reject) => socket.on('end', done).on('error', reject));
    t.ok(length > 1_000_000, `${length} bytes`);
  });
}

t.test(
  'a peer that has the last answer and our FIN is not reset when the wait for its own is over',
  { skip: !SOCKET_KINDS.includes('libc') && 'needs our own calls' },
  async (t) => {
    const { port, server } = await serve(t, 'libc', { timeouts: { linger: 50 } });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.teardown(() => socket.destroy());
    let over: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      over = resolve;
    });
    const inner = server.closed.bind(server);
    server.closed = (flow, reason) => {
      inner(flow, reason);
      t.equal(reason, 'reset-by-us');
      over();
    };
    await new Promise<void>((resolve) => socket.on('connect', resolve));
    socket.write(request('GET', '/docs/', 'Connection: close'));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await new Promise<void>((resolve) => socket.on('end', resolve));
    await closed;
    // A reset would have made it a closed one, which the kernel lists no more. proc(5): 08 is CLOSE_WAIT.
    const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
    const row = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .find((line) => line.includes(`:${hex(socket.localPort!)} 0100007F:${hex(port)} `));
    t.equal(row?.trim().split(/\s+/)[3], '08');
    t.equal(parseResponses(Buffer.concat(chunks))[0]!.status, 200);
  },
);
