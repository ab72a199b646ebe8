/** TLS 1.2 of OpenSSL's stream: what it is given of an answer, and how it ends a connection. */
import { once } from 'node:events';
import { connect as tcpConnect } from 'node:net';
import { Duplex } from 'node:stream';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { OpensslFlow } from '../../src/tls/openssl/openssl-flow.js';
import { joinedFlows } from './joined-flows.js';
import { REQUEST, serving } from './serving.js';

/** Each write becomes records of its own (RFC 5246 6.2.1): takes each one at once, and keeps it. */
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

for (const sockets of ['libc', 'node'] as const) {
  t.test(
    `RFC 5246 7.2.2: a record that nobody sealed ends the connection, behind its alert (${sockets})`,
    async (t) => {
      const { port, network } = await serving(t, sockets);
      // With a request before it the alert waits behind an answer that is being written.
      for (const before of ['', REQUEST.replace('close', 'keep-alive')]) {
        const below = tcpConnect(port, '127.0.0.1');
        const socket = tlsConnect({ socket: below, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
        await once(socket, 'secureConnect');
        t.equal(socket.getProtocol(), 'TLSv1.2');
        const failed = once(socket, 'error');
        socket.resume();
        if (before !== '') socket.write(before);
        below.write(Buffer.from([23, 3, 3, 0, 40, ...new Array(40).fill(7)]));
        const [error] = await failed;
        // OpenSSL 3.5 has another name for it.
        t.match(error.code, /ALERT_BAD_RECORD_MAC$/);
        if (!below.closed) await once(below, 'close');
        while (network.counters()['connections-open'] !== 0) await new Promise((done) => setTimeout(done, 10));
      }
    },
  );
}

/** The first flight of a client of TLS 1.2. */
async function firstFlight(): Promise<Buffer> {
  const stream = new Stream();
  tlsConnect({ socket: stream, maxVersion: 'TLSv1.2' }).on('error', () => undefined);
  while (stream.writes.length === 0) await new Promise((done) => setImmediate(done));
  return Buffer.concat(stream.writes);
}

t.test('what comes in one read with a ClientHello of TLS 1.2 is for OpenSSL, too', async (t) => {
  const { port } = await serving(t);
  const socket = tcpConnect(port, '127.0.0.1');
  const heard: Buffer[] = [];
  socket.on('data', (part: Buffer) => heard.push(part));
  // A record of a type that is not due ends the handshake, if somebody reads it.
  socket.write(Buffer.concat([await firstFlight(), Buffer.from([24, 3, 3, 0, 1, 1])]));
  // At the deadline of a handshake it would be a reset.
  await once(socket, 'end');
  const all = Buffer.concat(heard);
  t.equal(all[0], 22, 'behind an answer to the ClientHello');
  // RFC 5246 7.2.2: unexpected_message, although the answer was under way.
  t.same([...all.subarray(-7)], [21, 3, 3, 0, 2, 2, 10]);
  socket.destroy();
});
