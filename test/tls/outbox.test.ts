import t from 'tap';
import type { Flow } from '../../src/net/flow.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Target } from '../../src/tls/primitives/primitives.js';
import { Outbox, type OutboxUser } from '../../src/tls/record/outbox.js';

const CHUNK = 65_536;

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
  readonly inner = this as unknown as Flow;

  /** Writes `size` bytes with `mark` in them; where they lie. */
  write(outbox: Outbox, size: number, mark: number): Uint8Array {
    const at = outbox.reserve(size);
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
  let most = 0;
  for (let i = 0; i < 5000; i++) {
    const user = i % 3 === 0 ? two : one;
    const mark = i & 255;
    const size = 1 + ((i * 7919) % 16_000);
    places.push({ bytes: user.write(outbox, size, mark), mark, user });
    most = Math.max(most, one.queued + two.queued);
    // Acknowledged in order, the later the more there is.
    while (places.length > 20) {
      const first = places.shift()!;
      if (!first.bytes.every((octet) => octet === first.mark)) t.fail(`piece ${i}`);
      first.user.queued -= first.bytes.length;
    }
  }
  t.ok(
    primitives.made <= 3 + Math.ceil(most / (CHUNK - 16_000)),
    `${primitives.made} chunks for ${most} bytes at once`,
  );
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
  for (let i = 0; i < 128 * 200; i++) {
    const user = new User();
    user.write(outbox, 7, i & 255);
    users.push(user);
  }
  t.equal(primitives.made, 200, 'no chunk has more than 128');
  for (const user of users) user.queued = 0;
  const before = primitives.made;
  for (let i = 0; i < 128 * 65; i++) new User().write(outbox, 7, 0);
  t.equal(primitives.made, before, '64 of them were kept, and the one that was being filled');
  for (let i = 0; i < 128; i++) new User().write(outbox, 7, 0);
  t.equal(primitives.made, before + 1, 'and no more');
  t.end();
});
