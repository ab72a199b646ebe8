import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import t from 'tap';
import { Memory } from '../../../../src/memory/memory.js';
import { interfaceExists } from '../../../../src/native/interfaces.js';
import { RX_CHECKSUM_OK } from '../../../../src/net/device/device.js';
import { TapDevice } from '../../../../src/net/device/linux/tap.js';
import { makePersistentTap, removePersistentTap } from '../../../../src/net/device/linux/tap-open.js';
import { HEADROOM } from '../../../../src/net/device/tx-frame.js';
import { frames, ip, KERNEL, MAC, OURS, openDevice, resolve, writeArpRequest, writeUdpHead } from './setup.js';

async function kernelSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, KERNEL.join('.'));
  await once(socket, 'listening');
  return socket;
}

t.test('offers what the kernel takes: checksums and segments of 64 KiB, a long queue, set up', (t) => {
  const device = openDevice('tap0');
  t.same(device.offload, { checksum: true, segmentation: 65535 });
  t.equal(device.mtu, 1500);
  t.match(ip('link show tap0'), /UP.* qlen 10000/s);
  device.close();
  t.notOk(interfaceExists('tap0'), 'it is gone when it is closed');
  t.end();
});

for (const offload of [true, false]) {
  t.test(`${offload ? 'with' : 'without'} offloads the kernel answers an ARP request`, async (t) => {
    const device = openDevice('tap0', offload);
    t.teardown(() => device.close());
    if (!offload) t.same(device.offload, { checksum: false, segmentation: 0 });
    const kernel = await resolve(device);
    t.equal(kernel.length, 6);
    t.not(Buffer.from(kernel).toString('hex'), Buffer.from(MAC).toString('hex'));
  });
}

t.test(
  'gathers pieces with and without a fixed address into one frame, and the kernel finishes its checksum',
  async (t) => {
    const device = openDevice('tap0');
    t.teardown(() => device.close());
    const kernel = await resolve(device);
    const socket = await kernelSocket();
    t.teardown(() => socket.close());
    const plain = new Memory(Uint8Array.from({ length: 500 }, (_, i) => i & 255));
    const resizable = Reflect.construct(ArrayBuffer, [400, { maxByteLength: 800 }]) as ArrayBuffer;
    const unaddressed = new Memory(new Uint8Array(resizable).fill(7));
    const inSlab = new Memory(new Uint8Array(new ArrayBuffer(1000), 100, 300).fill(9));
    writeUdpHead(device, kernel, socket.address().port, 490 + 400 + 17 + 300);
    device.tx.push(plain, 10, 500);
    device.tx.push(unaddressed, 0, 400);
    device.tx.push(Memory.of('seventeen letters'), 0, 17);
    device.tx.push(inSlab, 0, 300);
    t.ok(device.transmit());
    const [message, remote] = (await once(socket, 'message')) as [Buffer, { address: string }];
    const expected = Buffer.concat([
      plain.bytes.subarray(10, 500),
      unaddressed.bytes,
      Buffer.from('seventeen letters'),
      inSlab.bytes,
    ]);
    t.ok(message.equals(expected));
    t.equal(remote.address, OURS.join('.'));
    t.not(plain.address, 0, 'its address is kept for the next frame');
    t.equal(unaddressed.address, 0);
  },
);

for (const offload of [true, false]) {
  const with_ = offload ? 'with' : 'without';
  t.test(`a payload with headroom goes out again and again, whole and in part, ${with_} offloads`, async (t) => {
    const device = openDevice('tap0', offload);
    t.teardown(() => device.close());
    const kernel = await resolve(device);
    const socket = await kernelSocket();
    t.teardown(() => socket.close());
    const memory = Memory.withHeadroom(600);
    for (let i = 0; i < 600; i++) memory.bytes[i] = i & 255;
    const before = Buffer.from(memory.bytes);
    for (const [start, end] of [
      [0, 600],
      [0, 600],
      [0, 400],
      [100, 600],
    ] as const) {
      writeUdpHead(device, kernel, socket.address().port, end - start);
      // No checksum at all (RFC 768), where the kernel does not finish one.
      if (!offload) device.tx.head.fill(0, HEADROOM + 40, HEADROOM + 42);
      device.tx.push(memory, start, end);
      t.ok(device.transmit());
      const [message] = (await once(socket, 'message')) as [Buffer];
      t.ok(message.equals(before.subarray(start, end)), `${start}..${end}`);
    }
    t.ok(before.equals(memory.bytes), 'and its own bytes stay as they were');
  });
}

t.test('a frame whose checksum the kernel left unfinished is marked as verified', async (t) => {
  const device = openDevice('tap0');
  t.teardown(() => device.close());
  await resolve(device);
  ip(`neigh replace ${OURS.join('.')} lladdr 02:00:00:00:00:09 dev tap0`);
  const socket = await kernelSocket();
  t.teardown(() => socket.close());
  socket.send('hello', 4242, OURS.join('.'));
  let seen = -1;
  const frame = await frames(device, (bytes, marks) => {
    seen = marks;
    return bytes[12] === 8 && bytes[13] === 0 && bytes[23] === 17;
  });
  t.equal(seen, RX_CHECKSUM_OK);
  t.equal(Buffer.from(frame).toString('latin1', 42), 'hello');
});

t.test('receive takes no more than its budget', async (t) => {
  const device = openDevice('tap0');
  t.teardown(() => device.close());
  await resolve(device);
  ip(`neigh replace ${OURS.join('.')} lladdr 02:00:00:00:00:09 dev tap0`);
  const socket = await kernelSocket();
  t.teardown(() => socket.close());
  for (let i = 0; i < 5; i++) await new Promise((done) => socket.send('x', 4242, OURS.join('.'), done));
  // The kernel says things of its own, too (IPv6 multicast): only the datagrams are counted.
  let datagrams = 0;
  const count = (bytes: Uint8Array, start: number): void => {
    if (bytes[start + 12] === 8 && bytes[start + 13] === 0 && bytes[start + 23] === 17) datagrams += 1;
  };
  t.equal(device.receive(count, 3), 3);
  for (let taken = 3; taken > 0; ) {
    taken = device.receive(count, 3);
    t.ok(taken <= 3);
  }
  t.equal(datagrams, 5);
});

t.test('a write to an interface that is down is refused and does not throw', (t) => {
  const device = openDevice('tap0');
  t.teardown(() => device.close());
  ip('link set tap0 down');
  writeArpRequest(device);
  t.equal(device.transmit(), false);
  t.equal(device.transmitFailures, 1);
  ip('link set tap0 up');
  t.equal(device.transmit(), true);
  t.end();
});

t.test('an interface that was removed is noticed by reading and by writing', (t) => {
  const device = openDevice('tap0');
  t.teardown(() => device.close());
  ip('link del tap0');
  t.equal(
    device.receive(() => {}, 1),
    0,
  );
  t.equal(device.gone, true);
  writeArpRequest(device);
  t.equal(device.transmit(), false);
  t.end();
});

t.test('a TAP joins its bridge, and is gone when it is closed', (t) => {
  ip('link add br7 type bridge');
  t.teardown(() => ip('link del br7'));
  const device = new TapDevice({ name: 'tap7', offload: true, mac: MAC, bridge: 'br7' });
  t.match(ip('link show tap7'), /master br7/);
  device.close();
  t.notOk(interfaceExists('tap7'));
  t.end();
});

t.test('what stands in the way is one sentence that says what to do', (t) => {
  const open = (name: string, bridge?: string) => () =>
    new TapDevice({ name, offload: true, mac: MAC, bridge }).close();
  const device = openDevice('tap0');
  t.throws(open('tap0'), {
    message: /^TAP tap0 is in use by another process; stop that one, or choose another .* --tap$/,
  });
  device.close();
  t.throws(open('lo'), { message: /^lo exists and is not a TAP; choose another name with --tap$/ });
  t.throws(open('a-name-that-is-too-long'), { message: /has 23 bytes; Linux takes at most 15$/ });
  t.throws(open('a b'), { message: /is not a name for a network interface/ });
  t.throws(open(''), { message: /is empty/ });
  t.throws(open('tap0', 'br9'), {
    message: /^there is no bridge br9; make it with "sudo sitekernel host up --bridge br9"/,
  });
  t.throws(open('tap0', 'lo'), { message: /^lo is not a bridge/ });
  t.notOk(interfaceExists('tap0'), 'what failed leaves nothing behind');
  t.end();
});

t.test('a TAP that was prepared for a user stays, and is used as it is', (t) => {
  makePersistentTap('tap3', 12345);
  t.match(ip('-d link show tap3'), /persist on.*user 12345/s);
  const device = new TapDevice({ name: 'tap3', offload: true, mac: MAC });
  t.same(device.offload, { checksum: true, segmentation: 65535 });
  device.close();
  t.ok(interfaceExists('tap3'));
  removePersistentTap('tap3');
  t.notOk(interfaceExists('tap3'));
  t.end();
});
