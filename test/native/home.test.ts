/** Where a user's state and caches lie. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { home } from '../../src/native/home.js';

t.test('HOME says where it is', (t) => {
  const before = process.env['HOME'];
  t.teardown(() => {
    if (before === undefined) delete process.env['HOME'];
    else process.env['HOME'] = before;
  });
  process.env['HOME'] = '/srv/somebody';
  t.equal(home(), '/srv/somebody');
  t.end();
});

const skip = process.geteuid?.() !== 0 && 'needs root';

t.test(
  'a user whom no table has, as in a container, has the root folder, and its number as its name',
  { skip },
  (t) => {
    const script = `import(${JSON.stringify(pathToFileURL(resolve('build/src/native/home.js')).href)}).then(({ home, plainUser }) => {
    process.setuid(61234);
    console.log(home(), plainUser());
  })`;
    const { HOME: _, ...env } = process.env;
    t.equal(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', env }), '/ 61234\n');
    t.end();
  },
);
