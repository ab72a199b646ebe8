import t from 'tap';
import { fetchOnce } from './exchange.js';

const body = Buffer.alloc(300_000);
for (let i = 0; i < body.length; i++) body[i] = (i * 31 + (i >> 8)) & 255;

for (const congestion of ['reno', 'cubic'] as const) {
  t.test(`${congestion}: a download arrives whole, and both sides forget the connection`, async (t) => {
    const got = fetchOnce(body, 1, 0, congestion);
    t.equal(got.reason, 'finished');
    t.ok(got.bytes.equals(body));
    t.equal(got.retransmissions, 0);
  });
  t.test(`${congestion}: with loss, repetition and reordering every byte arrives, for each seed`, async (t) => {
    let whole = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const got = fetchOnce(body, seed * 7919, 0.05, congestion);
      whole++;
      if (got.reason !== 'finished' || !got.bytes.equals(body)) {
        t.fail(
          `seed ${seed}: ${got.reason || 'stuck'}, ${got.bytes.length} of ${body.length} bytes after ${got.ms} ms`,
        );
      }
    }
    t.equal(whole, 40);
  });
}
