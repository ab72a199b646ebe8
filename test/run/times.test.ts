import { join } from 'node:path';
import t from 'tap';
import { Times } from './times.js';

t.test('a run says which folders and files took longest', async (t) => {
  const times = new Times();
  for (let i = 1; i <= 12; i++) {
    times.add({
      name: join('build', 'test', i % 2 === 0 ? 'wire' : 'net', `file-${i}.test.js`),
      milliseconds: i * 1000,
    });
  }
  const [total, folders, files] = times.summary();
  t.match(total, /^\d+ s for files of 78 s; the cores were busy \d+ %$/);
  t.equal(folders, 'seconds by folder: wire 42, net 36');
  t.equal(files?.split(', ').length, 10, 'ten files');
  t.match(files, /^the slowest: wire\/file-12 12, net\/file-11 11, /);
});
