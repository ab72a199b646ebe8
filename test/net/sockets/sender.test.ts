/** What leaves by which call: by `sendmsg`, copied by the kernel, or by `sendfile`, the file's own pages. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { koffi } from '../../../src/native/libc/koffi.js';
import { pinned } from '../../../src/native/libc/slab.js';
import { mapFile } from '../../../src/native/memory/map.js';
import {
  IPPROTO_TCP,
  MSG_MORE,
  type SocketCalls,
  socketCalls,
  TCP_INFO,
  TCP_INFO_PART,
  TCP_NOTSENT_LOWAT,
} from '../../../src/native/sockets/sockets.js';
import { NearPeers } from '../../../src/net/sockets/libc/near.js';
import { SendQueue } from '../../../src/net/sockets/libc/send-queue.js';
import { Sender } from '../../../src/net/sockets/libc/sender.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';
const SIZE = 3_000_000;
const HEAD = Memory.of('HTTP/1.1 200 OK\r\n\r\n');

function mapped(t: Test): Memory | undefined {
  const path = join(t.testdir({}), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  const fd = openSync(path, 'r');
  const bytes = mapFile(fd, SIZE);
  closeSync(fd);
  return bytes === undefined ? undefined : new Memory(bytes);
}

/** Takes what it is offered, and notes how. */
class Taking {
  readonly made: string[] = [];
  readonly sender = new Sender({
    sendmsg: (_fd: number, _message: number, flags: number): number => this.note('copied', (flags & MSG_MORE) !== 0),
    sendfile: (): number => this.note('sendfile', false),
  } as unknown as SocketCalls);

  private note(how: string, more: boolean): number {
    this.made.push(`${how} ${this.sender.offered}${more ? ', more follows' : ''}`);
    return this.sender.offered;
  }

  /** Sends a head and `length` bytes of `file`. */
  answer(file: Memory, length: number, nearby: boolean, copies = 0): { copies: number } {
    const queue = new SendQueue();
    queue.push(HEAD, 0, HEAD.bytes.length);
    queue.push(file, 0, length);
    const flow = { fd: 0, nearby, copies };
    while (queue.bytes > 0) queue.taken(this.sender.send(flow, queue, false));
    return flow;
  }
}

t.test('a short piece of a file is copied together with its head', { skip }, async (t) => {
  const file = mapped(t);
  if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
  const taking = new Taking();
  taking.answer(file, 20_000, false);
  t.same(taking.made, ['copied 20019']);
});

t.test('to a far peer a head waits for its body, which leaves by sendfile, also after a wait', { skip }, async (t) => {
  const file = mapped(t);
  if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
  for (const copies of [0, 4]) {
    const taking = new Taking();
    taking.answer(file, 2_000_000, false, copies);
    t.same(taking.made, ['copied 19, more follows', 'sendfile 1048576', 'sendfile 951424']);
  }
});

t.test('a near peer has a head before its body', { skip }, async (t) => {
  const file = mapped(t);
  if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
  const taking = new Taking();
  taking.answer(file, 102_400, true);
  t.same(taking.made, ['copied 19', 'sendfile 102400']);
});

t.test('after a wait for a near peer some calls copy, and then sendfile has its turn', { skip }, async (t) => {
  const file = mapped(t);
  if (file === undefined) return void t.pass('a map of the file', { skip: 'no leases here' });
  const taking = new Taking();
  const flow = taking.answer(file, SIZE, true, 2);
  t.same(taking.made, ['copied 19', 'copied 1048576', 'copied 1048576', `sendfile ${SIZE - 2 * 1_048_576}`]);
  t.equal(flow.copies, 0);
});

t.test('a peer over loopback is near, and the kernel then takes less of what cannot leave', { skip }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((done) => server.once('listening', done));
  const calls = socketCalls();
  const near = new NearPeers(calls);
  let fd = -1;
  // A busy machine may hold up a handshake: the next one then.
  for (let tries = 0; tries < 10; tries++) {
    const client = connect((server.address() as { port: number }).port, '127.0.0.1');
    t.teardown(() => client.destroy());
    await new Promise((done) => client.once('connect', done));
    fd = (client as unknown as { _handle: { fd: number } })._handle.fd;
    if (near.ask(fd)) break;
    fd = -1;
  }
  t.not(fd, -1);
  const value = pinned(8);
  const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, 8);
  view.setUint32(4, 4, true);
  t.equal(calls.getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, value.address, value.address + 4), 0);
  t.equal(view.getUint32(0, true), 131_072);
});

t.test('a peer whose round trip is long, unknown or not told is not near, and nothing is set', { skip }, async (t) => {
  const answers: [string, number, number][] = [
    ['100 µs', 100, TCP_INFO_PART.size],
    ['never measured', 0xffffffff, TCP_INFO_PART.size],
    ['a kernel that tells less', 0, 104],
  ];
  for (const [name, rtt, length] of answers) {
    const near = new NearPeers({
      getsockopt: (_fd: number, _level: number, option: number, at: number, lengthAt: number): number => {
        t.equal(option, TCP_INFO);
        put(at + TCP_INFO_PART.minRtt, rtt);
        put(lengthAt, length);
        return 0;
      },
      setsockopt: () => t.fail('set'),
    } as unknown as SocketCalls);
    t.equal(near.ask(0), false, name);
  }
});

/** Writes a number of 32 bits to an address. */
function put(address: number, value: number): void {
  const copy = koffi().load(null).func('uint64_t memcpy(uint64_t to, uint64_t from, uint64_t length)');
  const source = pinned(4);
  new DataView(source.bytes.buffer, source.bytes.byteOffset, 4).setUint32(0, value, true);
  copy(address, source.address, 4);
}
