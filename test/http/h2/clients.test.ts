/** Clients that others wrote, over the kernel's sockets: Node's nghttp2, curl, nghttp, h2load, python-h2. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { promisify } from 'node:util';
import t from 'tap';
import { HttpServer } from '../../../src/http/index.js';
import type { Network } from '../../../src/net/flow.js';
import { openSocketNetwork } from '../../../src/net/sockets/open.js';
import { HandMadeStore } from '../hand-made-store.js';

const run = promisify(execFile);
const LARGE = Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * 29) & 0xff);
const files = Object.fromEntries(
  Array.from({ length: 120 }, (_, i) => [
    `/${i}.txt`,
    { type: 'text/plain', content: `file ${i} `.repeat(i * 40 + 1) },
  ]),
);
const store = new HandMadeStore({ ...files, '/large.bin': { type: 'application/octet-stream', content: LARGE } });

let network: Network;
let server: HttpServer;
let port = 0;
t.before(async () => {
  network = await openSocketNetwork({});
  server = new HttpServer({ store: () => store, clock: network.clock });
  port = (await network.listen(0, server.accept)).endpoint.port;
});
t.teardown(() => network.close(0));

function missing(program: string, ...args: string[]): string | false {
  return spawnSync(program, args).status === 0 ? false : `${program} is not installed`;
}

t.test("Node's client: a hundred answers at once, a long one, a cancelled one, HEAD, a range", async (t) => {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1_000_000 } });
  const ask = (path: string, fields: Readonly<Record<string, string>> = {}): Promise<readonly [number, Buffer]> =>
    new Promise((resolve, reject) => {
      const request = session.request({ ':path': path, ...fields });
      const chunks: Buffer[] = [];
      let status = 0;
      request.on('response', (head) => {
        status = head[':status'] ?? 0;
      });
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => resolve([status, Buffer.concat(chunks)]));
      request.on('error', reject);
    });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`/${i}.txt`)));
  t.ok(answers.every(([status, body], i) => status === 200 && body.toString() === `file ${i} `.repeat(i * 40 + 1)));
  const [[, large], [status, part], [, none]] = await Promise.all([
    ask('/large.bin'),
    ask('/large.bin', { range: 'bytes=1000-1999' }),
    ask('/large.bin', { ':method': 'HEAD' }),
  ]);
  t.equal(Buffer.compare(large!, LARGE), 0);
  t.equal(status, 206);
  t.equal(Buffer.compare(part!, LARGE.subarray(1000, 2000)), 0);
  t.equal(none!.length, 0);
  const cancelled = session.request({ ':path': '/large.bin' });
  await once(cancelled, 'data');
  cancelled.close(8);
  t.equal((await ask('/3.txt'))[0], 200);
  session.close();
  await once(session, 'close');
});

t.test('curl: a page and a download', { skip: missing('curl', '--version') }, async (t) => {
  const options = { encoding: 'buffer', maxBuffer: 1e7 } as const;
  const args = ['-sS', '--http2-prior-knowledge', '-w', '%{http_version}'];
  const { stdout } = await run('curl', [...args, `http://127.0.0.1:${port}/2.txt`], options);
  t.equal(stdout.toString(), `${'file 2 '.repeat(81)}2`);
  const large = await run('curl', [...args, `http://127.0.0.1:${port}/large.bin`], options);
  t.equal(Buffer.compare(large.stdout.subarray(0, LARGE.length), LARGE), 0);
});

t.test(
  'nghttp: several at once, with a dependency and trailers',
  { skip: missing('nghttp', '--version') },
  async (t) => {
    const urls = [1, 50, 100].map((i) => `http://127.0.0.1:${port}/${i}.txt`);
    const { stdout } = await run('nghttp', ['-v', '-n', '--trailer', 'x-sum: 1', '-d', '/dev/null', ...urls]);
    t.equal(stdout.match(/:status: 405/g)?.length, 3, 'POST with trailers');
    const got = await run('nghttp', ['-nv', '--no-dep', ...urls]);
    t.equal(got.stdout.match(/:status: 200/g)?.length, 3);
  },
);

t.test('h2load: ten thousand requests, a hundred at once', { skip: missing('h2load', '--version') }, async (t) => {
  for (const streams of ['1', '10', '100']) {
    const args = ['-n', '10000', '-c', '4', '-m', streams, `http://127.0.0.1:${port}/30.txt`];
    const { stdout } = await run('h2load', args);
    t.match(stdout, /10000 succeeded, 0 failed, 0 errored/, `${streams} streams`);
  }
});

/** An engine that checks what it reads: it raises where the server breaks a rule of RFC 9113 or RFC 7541. */
const PYTHON = `
import socket, sys, h2.connection, h2.config, h2.events
from h2.settings import SettingCodes
sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding='utf-8'))
c.initiate_connection()
c.update_settings({SettingCodes.HEADER_TABLE_SIZE: 0, SettingCodes.INITIAL_WINDOW_SIZE: 3000})
for i in range(40):
    c.send_headers(i * 2 + 1, [(':method', 'GET'), (':scheme', 'http'), (':path', '/%d.txt' % i), (':authority', 'a'), ('x-%d' % i, 'v' * i)], end_stream=True)
c.ping(b'12345678')
sock.sendall(c.data_to_send())
bodies, ended, ponged = {}, 0, False
while ended < 40:
    data = sock.recv(65536)
    assert data, 'closed'
    for event in c.receive_data(data):
        if isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] = bodies.get(event.stream_id, b'') + event.data
            c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded): ended += 1
        elif isinstance(event, h2.events.PingAckReceived): ponged = True
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)): raise Exception(event)
    sock.sendall(c.data_to_send())
for i in range(40): assert bodies[i * 2 + 1] == (b'file %d ' % i) * (i * 40 + 1), i
assert ponged
print('right')
`;
const PYTHON_PATH = ['python3', '/usr/bin/python3'].find((one) => spawnSync(one, ['-c', 'import h2']).status === 0);

t.test(
  'python-h2: no table, small windows, forty at once',
  { skip: PYTHON_PATH === undefined && 'python-h2 is not installed' },
  async (t) => {
    const { stdout } = await run(PYTHON_PATH!, ['-c', PYTHON, String(port)]);
    t.equal(stdout, 'right\n');
  },
);
