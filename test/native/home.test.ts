/** Where a user's state and caches lie. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { cacheFolder, home, stateFolder } from '../../src/native/home.js';

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

t.test('XDG Base Directory Specification: a variable says where, unless it is empty or a relative path', (t) => {
  const names = ['HOME', 'XDG_STATE_HOME', 'XDG_CACHE_HOME'];
  const before = names.map((name) => [name, process.env[name]] as const);
  t.teardown(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  process.env['HOME'] = '/srv/somebody';
  const usual = ['/srv/somebody/.local/state/sitekernel', '/srv/somebody/.cache/sitekernel'];
  for (const value of [undefined, '', 'relative', './relative']) {
    for (const name of names.slice(1)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    t.same([stateFolder(), cacheFolder()], usual, String(value));
  }
  process.env['XDG_STATE_HOME'] = '/var/state';
  process.env['XDG_CACHE_HOME'] = '/var/caches';
  t.same([stateFolder(), cacheFolder()], ['/var/state/sitekernel', '/var/caches/sitekernel']);
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
