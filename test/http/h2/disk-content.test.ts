/** Content that comes from the disk: how much of it one connection holds at a time. */
import t from 'tap';
import { DiskContent } from '../../../src/http/h2/disk-content.js';
import { Memory } from '../../../src/memory/memory.js';
import type { ContentSource } from '../../../src/store/store.js';
import { bound } from '../../documented.js';

t.test('all streams of a connection hold as much as docs/http2.md says, read or being read', async (t) => {
  const most = bound('docs/http2.md', 'content read from the disk, or being read, and not sent');
  const held = { diskBytes: 0 };
  const asked: number[] = [];
  const source: ContentSource = {
    open: async () => ({
      read: async (start, end) => {
        asked.push(end - start);
        return { memory: new Memory(new Uint8Array(end - start)), start: 0, end: end - start };
      },
      close: () => {},
    }),
  };
  const all = Array.from({ length: 100 }, () => new DiskContent(held));
  const read = (): Promise<unknown> =>
    Promise.all(
      all
        .filter((one) => one.here === undefined)
        .slice(0, 4)
        .map(
          (one) =>
            new Promise((done) => {
              one.read(source, 0, 1e9, done);
              if (!one.reading) done(false);
            }),
        ),
    );
  for (let i = 0; i < 25; i++) await read();
  t.equal(held.diskBytes, most);
  t.equal(
    asked.reduce((sum, one) => sum + one, 0),
    most,
  );
  const [first] = all;
  first!.sent(1000);
  t.equal(held.diskBytes, most - 1000);
  await read();
  t.equal(held.diskBytes, most, 'what is sent makes room for as much');
  for (const one of all) one.end();
  t.equal(held.diskBytes, 0);
});
