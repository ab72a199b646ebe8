/** What OpenSSL's stream is given of an answer: each write becomes records of its own (RFC 5246 6.2.1). */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { OpensslFlow } from '../../src/tls/openssl/openssl-flow.js';
import { joinedFlows } from './joined-flows.js';

/** Takes each write at once, and keeps it. */
class Stream extends Duplex {
  readonly writes: Buffer[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes.push(chunk);
    done();
  }
}

/** The writes that pieces of these lengths become; and whether their bytes are what was written, in order. */
async function written(...pieces: number[]): Promise<{ lengths: number[]; same: boolean; shared: boolean[] }> {
  const stream = new Stream();
  const flow = new OpensslFlow(
    joinedFlows()[1],
    stream as unknown as TLSSocket,
    { protocol: 'TLSv1.2', cipher: 'any', alpn: undefined, serverName: undefined },
    (error) => t.fail(String(error)),
  );
  const memories = pieces.map((length, i) => new Memory(new Uint8Array(length).fill(i + 1)));
  for (const memory of memories) flow.write(memory, 0, memory.bytes.length);
  flow.end();
  await new Promise((done) => stream.once('finish', done));
  return {
    lengths: stream.writes.map(({ length }) => length),
    same: Buffer.concat(stream.writes).equals(Buffer.concat(memories.map(({ bytes }) => bytes))),
    shared: stream.writes.map(({ buffer }) => memories.some(({ bytes }) => bytes.buffer === buffer)),
  };
}

t.test('a head, its date and a short body are one record', async (t) => {
  t.match(await written(300, 58, 500), { lengths: [858], same: true });
});

t.test('short pieces fill a record, and no more', async (t) => {
  t.match(await written(...new Array(10).fill(4000)), { lengths: [16_384, 16_384, 7232], same: true });
});

t.test('a long piece is given by reference, 64 KiB at a time', async (t) => {
  t.match(await written(200_000), {
    lengths: [65_536, 65_536, 65_536, 3392],
    same: true,
    shared: [true, true, true, true],
  });
});

t.test('a head before a long piece takes its beginning along', async (t) => {
  t.match(await written(300, 100_000), { lengths: [16_384, 65_536, 18_380], same: true, shared: [false, true, true] });
});
