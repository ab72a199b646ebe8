/** What a queue says of bytes that wait in it, wherever its pieces are cut. */
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { SendQueue } from '../../../src/net/sockets/libc/send-queue.js';

const SEED = Number(process.env['QUEUE_SEED'] ?? Date.now() % 1_000_000);

t.test(`a range is whole where one piece has all of it, and has the bytes of a copy (QUEUE_SEED=${SEED})`, (t) => {
  let state = SEED;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  const memory = new Memory(Uint8Array.from({ length: 10_000 }, () => draw(256)));
  const wrong: string[] = [];
  let found = 0;
  for (let run = 0; run < 2000; run++) {
    const queue = new SendQueue();
    const cuts: number[] = [];
    for (let pieces = 1 + draw(6); pieces > 0; pieces--) {
      const start = draw(9000);
      queue.push(memory, start, start + 1 + draw(400));
    }
    if (queue.bytes > 1) queue.taken(draw(queue.bytes - 1));
    let sum = 0;
    for (let i = queue.head; i < queue.tail; i++) {
      sum += queue.ends[i]! - queue.starts[i]!;
      cuts.push(sum);
    }
    const skip = draw(queue.bytes);
    const length = 1 + draw(queue.bytes - skip);
    const range = queue.whole(skip, length);
    const copy = new Uint8Array(length);
    queue.copy(skip, copy, 0, length);
    const cut = cuts.some((place) => skip < place && place < skip + length);
    if ((range === undefined) !== cut) wrong.push(`run ${run}: ${skip} and ${length} of ${cuts.join(' ')}`);
    if (range === undefined) continue;
    found += 1;
    if (Buffer.compare(range.memory.bytes.subarray(range.start, range.end), copy) !== 0)
      wrong.push(`bytes of run ${run}`);
  }
  t.same(wrong, []);
  t.ok(found > 200 && found < 1800, `${found} of 2000 are whole`);
  t.end();
});
