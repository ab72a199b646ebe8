/**
 * Long pieces of a mapped bundle leave by `sendfile`: the same bytes, in the same order, whatever happens to the file.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { mapFile } from '../../../src/native/memory/map.js';
import { fileBehind } from '../../../src/native/memory/mapped-file.js';
import type { Flow, FlowHandler } from '../../../src/net/flow.js';
import { openKind } from './kinds.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';
const SIZE = 9_000_001;
const BYTES = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);

function mapped(t: Test): { memory: Memory; path: string } | undefined {
  const path = join(t.testdir({}), 'file');
  writeFileSync(path, BYTES);
  const fd = openSync(path, 'r');
  const bytes = mapFile(fd, statSync(path).size);
  closeSync(fd);
  return bytes === undefined ? undefined : { memory: new Memory(bytes), path };
}

/** Serves one connection by `answer`; resolves with the port, and the flow once there is one. */
async function serve(t: Test, answer: (flow: Flow) => void): Promise<number> {
  const network = await openKind('libc');
  t.teardown(() => network.close(0));
  const handler: FlowHandler = { data: answer, ended: (flow) => flow.end(), drained() {}, closed() {} };
  const listener = await network.listen(0, (flow) => {
    flow.handler = handler;
  });
  return listener.endpoint.port;
}

function fetchAll(port: number, slow = false): Promise<Buffer> {
  return new Promise((done, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end('go'));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (!slow) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on('end', () => done(Buffer.concat(chunks)));
    socket.on('error', reject);
  });
}

for (const slow of [false, true]) {
  t.test(
    `small and long pieces of memory and of the file arrive in order (slow reader: ${slow})`,
    { skip },
    async (t) => {
      const file = mapped(t);
      if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
      t.ok((fileBehind(file.memory.bytes.buffer)?.fd ?? -1) >= 0);
      const other = new Memory(new Uint8Array(100_000).fill(7));
      const pieces: [Memory, number, number][] = [
        [Memory.of('head'), 0, 4],
        [file.memory, 1, SIZE],
        [file.memory, 100, 200],
        [file.memory, 70_000, 170_001],
        [other, 0, 100_000],
        [file.memory, SIZE - 40_000, SIZE],
        [Memory.of('tail'), 0, 4],
      ];
      const port = await serve(t, (flow) => {
        for (const piece of pieces) flow.write(...piece);
        flow.end();
      });
      const expected = Buffer.concat(pieces.map(([memory, start, end]) => memory.bytes.subarray(start, end)));
      t.ok((await fetchAll(port, slow)).equals(expected));
    },
  );
}

t.test(
  'whoever overwrites the file waits until what was sent has arrived, and changes nothing of it',
  { skip },
  async (t) => {
    const file = mapped(t);
    if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
    const order: string[] = [];
    const port = await serve(t, (flow) => {
      flow.write(file.memory, 0, SIZE);
      flow.end();
    });
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write('go'));
    await new Promise((done) => socket.once('readable', done));
    // It stops reading: the kernel holds pages of the file for it.
    const writer = spawn('sh', ['-c', 'printf overwritten > "$1"', 'sh', file.path]);
    const written = new Promise<void>((done) =>
      writer.on('exit', () => {
        order.push('written');
        done();
      }),
    );
    // Until the server has heard of the writer: it then lends no more.
    while ((fileBehind(file.memory.bytes.buffer)?.fd ?? -1) >= 0) await new Promise((done) => setImmediate(done));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((done) => socket.on('end', done));
    order.push('read');
    t.ok(Buffer.concat(chunks).equals(Buffer.from(BYTES)));
    socket.end();
    await written;
    t.same(order, ['read', 'written']);
    t.equal(readFileSync(file.path, 'utf8'), 'overwritten');
  },
);
