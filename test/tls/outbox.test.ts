import t from 'tap';
import type { Flow } from '../../src/net/flow.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Target } from '../../src/tls/primitives/primitives.js';
import { Outbox, type OutboxUser, type OwnChunk } from '../../src/tls/record/outbox.js';

const CHUNK = 16_512;

/** Counts what it hands out. */
class Counting extends NodePrimitives {
  made = 0;

  override target(size: number): Target {
    this.made += 1;
    return super.target(size);
  }
}

class User implements OutboxUser {
  handed = 0;
  queued = 0;
  places = 0;
  own: OwnChunk | undefined = undefined;
  /** Memory that its bytes lie in. */
  readonly held = new Set<Target>();
  readonly inner = this as unknown as Flow;

  /** Writes `size` bytes with `mark` in them; where they lie. */
  write(outbox: Outbox, size: number, mark: number): Uint8Array {
    const at = outbox.reserve(size, this);
    this.held.add(outbox.target);
    const bytes = outbox.target.bytes.subarray(at, at + size).fill(mark);
    this.handed += size;
    this.queued += size;
    outbox.filled(at + size, this);
    return bytes;
  }
}

t.test('what a flow below still has a use for is not written over; what it has not, is', (t) => {
  const primitives = new Counting();
  const outbox = new Outbox(primitives);
  const [one, two] = [new User(), new User()];
  const places: { bytes: Uint8Array; mark: number; user: User }[] = [];
  for (let i = 0; i < 5000; i++) {
    const user = i % 3 === 0 ? two : one;
    const mark = i & 255;
    const size = 4097 + ((i * 7919) % 12_000);
    places.push({ bytes: user.write(outbox, size, mark), mark, user });
    // Acknowledged in order, the later the more there is.
    while (places.length > 20) {
      const first = places.shift()!;
      if (!first.bytes.every((octet) => octet === first.mark)) t.fail(`piece ${i}`);
      first.user.queued -= first.bytes.length;
    }
  }
  t.ok(primitives.made <= 32, `${primitives.made} chunks for 20 pieces at once`);
  t.end();
});

t.test('alone with its bytes gone, a flow begins a chunk again', (t) => {
  const primitives = new Counting();
  const outbox = new Outbox(primitives);
  const user = new User();
  for (let i = 0; i < 1000; i++) {
    user.write(outbox, 16_000, i & 255);
    user.queued = 0;
  }
  t.equal(primitives.made, 1);
  t.end();
});

t.test('a peer that never reads keeps its own chunk from use, and few others', (t) => {
  const primitives = new Counting();
  const outbox = new Outbox(primitives);
  const slow = new User();
  slow.write(outbox, 100, 1);
  for (let i = 0; i < 10_000; i++) {
    const user = new User();
    user.write(outbox, 2000, 2);
    user.queued = 0;
  }
  t.ok(primitives.made <= 4, `${primitives.made} chunks`);
  t.end();
});

t.test('bounds: chunks that wait, and connections that a chunk knows', (t) => {
  const primitives = new Counting();
  const outbox = new Outbox(primitives);
  const users: User[] = [];
  for (let i = 0; i < 128 * 300; i++) {
    const user = new User();
    user.write(outbox, 7, i & 255);
    users.push(user);
  }
  t.equal(primitives.made, 300, 'no chunk has more than 128');
  for (const user of users) user.queued = 0;
  const before = primitives.made;
  for (let i = 0; i < 128 * 257; i++) new User().write(outbox, 7, 0);
  t.equal(primitives.made, before, '256 of them were kept, and the one that was being filled');
  for (let i = 0; i < 128; i++) new User().write(outbox, 7, 0);
  t.equal(primitives.made, before + 1, 'and no more');
  t.end();
});

t.test('a client that reads nothing keeps what waits for it, and little beside, whatever others do in between', (t) => {
  for (const size of [22, 130, 1400, 4096, 5000, 16_406]) {
    const outbox = new Outbox(new Counting());
    const [slow, busy] = [new User(), new User()];
    while (slow.queued < 65_536) {
      slow.write(outbox, size, 1);
      for (let i = 0; i < 8; i++) busy.write(outbox, 16_000, 2);
      busy.queued = 0;
    }
    const kept = [...slow.held].reduce((sum, { bytes }) => sum + bytes.length, 0);
    // Beside what waits: 16 places of its first short records, and half of each chunk of its own.
    const most = size > 4096 ? Math.ceil(65_536 / size) * CHUNK : 16 * CHUNK + 2 * 65_536;
    t.ok(kept <= most, `${kept} octets for records of ${size}`);
  }
  t.end();
});

t.test('what waits is not written over in chunks of its own either', (t) => {
  const outbox = new Outbox(new Counting());
  const [slow, busy] = [new User(), new User()];
  const places: Uint8Array[] = [];
  for (let i = 0; i < 500; i++) {
    places.push(slow.write(outbox, 22 + ((i * 797) % 4000), i & 255));
    busy.write(outbox, 16_000, 0);
    busy.queued = 0;
  }
  t.ok(places.every((bytes, i) => bytes.every((octet) => octet === (i & 255))));
  t.end();
});

t.test('short records have places again when nothing waits any more', (t) => {
  const primitives = new Counting();
  const outbox = new Outbox(primitives);
  const [one, other] = [new User(), new User()];
  for (let i = 0; i < 1000; i++) {
    one.write(outbox, 100, 1);
    other.write(outbox, 100, 2);
    one.queued = 0;
    other.queued = 0;
  }
  t.ok(primitives.made <= 3, `${primitives.made} chunks`);
  t.end();
});
