/** A packet socket on one end of a veth, with frames by hand on the other; run in a network namespace of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { PacketDevice } from '../../../../src/net/device/linux/packet.js';
import { HEADROOM } from '../../../../src/net/device/tx-frame.js';
import { ip, linksUp } from './setup.js';

const OURS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const OTHER = Uint8Array.of(2, 0, 0, 0, 0, 2);
const EVERYBODY = new Uint8Array(6).fill(255);

async function pair(t: Test): Promise<void> {
  ip('link add name left address 02:00:00:00:00:01 type veth peer name right address 02:00:00:00:00:02');
  t.teardown(() => ip('link del left'));
  for (const name of ['left', 'right']) {
    ip(`link set ${name} addrgenmode none`);
    ip(`link set ${name} up`);
  }
  await linksUp('left', 'right');
}

function open(t: Test, name: string, mac?: Uint8Array): PacketDevice {
  const device = new PacketDevice({ name, offload: true, mac });
  t.teardown(() => device.close());
  return device;
}

/** A frame of an experimental type (0x88b5) with one byte that tells it from others. */
function send(device: PacketDevice, to: Uint8Array, mark: number, tag: readonly number[] = []): void {
  const { tx } = device;
  tx.reset();
  const frame = new Uint8Array(60);
  frame.set(to);
  frame.set(device.mac, 6);
  frame.set([...tag, 0x88, 0xb5, mark], 12);
  tx.head.set(frame, HEADROOM);
  tx.length = frame.length;
  if (!device.transmit()) throw new Error(`a frame was refused: errno ${device.lastError}`);
}

/** The marks of what arrives until `last` did. */
async function marks(device: PacketDevice, last: number): Promise<number[]> {
  const seen: number[] = [];
  for (const end = Date.now() + 3000; !seen.includes(last); await sleep(1)) {
    if (Date.now() > end) throw new Error(`frame ${last} did not come; came: ${seen}`);
    device.receive((bytes, start) => {
      if (bytes[start + 12] === 0x88 && bytes[start + 13] === 0xb5) seen.push(bytes[start + 14]!);
    }, 64);
  }
  return seen;
}

t.test('what is for us and for everybody arrives; what is for others does not', async (t) => {
  await pair(t);
  const left = open(t, 'left');
  const right = open(t, 'right');
  t.same(left.mac, OURS, "the card's own address");
  send(right, Uint8Array.of(2, 0, 0, 0, 0, 7), 1);
  send(right, OURS, 2);
  send(right, EVERYBODY, 3);
  t.same(await marks(left, 3), [2, 3]);
});

t.test('what we send does not come back to us', async (t) => {
  await pair(t);
  const left = open(t, 'left');
  const right = open(t, 'right');
  send(left, EVERYBODY, 1);
  send(right, OURS, 2);
  t.same(await marks(left, 2), [2]);
});

t.test('another address than the card has is heard', async (t) => {
  await pair(t);
  const own = Uint8Array.of(2, 0, 0x5e, 0x10, 0, 1);
  const left = open(t, 'left', own);
  const right = open(t, 'right');
  send(right, OURS, 1);
  send(right, own, 2);
  t.same(await marks(left, 2), [2]);
});

t.test('a frame of a VLAN is not for us, one that carries a priority only is', async (t) => {
  await pair(t);
  const left = open(t, 'left');
  const right = open(t, 'right');
  // The kernel takes the tag off as it arrives, as cards do.
  send(right, OURS, 1, [0x81, 0, 0, 5]);
  send(right, OURS, 2, [0x81, 0, 0x60, 0]);
  t.same(await marks(left, 2), [2]);
});

t.test('an interface that is down refuses frames, and takes them when it is up again', async (t) => {
  await pair(t);
  const left = open(t, 'left');
  const right = open(t, 'right');
  ip('link set left down');
  t.throws(() => send(left, OTHER, 1));
  left.receive(() => undefined, 1);
  t.equal(left.gone, false);
  ip('link set left up');
  await linksUp('left', 'right');
  send(left, OTHER, 2);
  send(right, OURS, 3);
  t.same(await marks(left, 3), [3]);
});

t.test('an interface that was removed is noticed by reading and by writing', async (t) => {
  ip('link add name left type veth peer name right');
  const left = open(t, 'left');
  const right = open(t, 'right');
  ip('link del left');
  left.receive(() => undefined, 4);
  left.receive(() => undefined, 4);
  t.equal(left.gone, true);
  t.throws(() => send(right, OURS, 1));
  t.equal(right.gone, true);
});
