import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { mapFile } from '../../src/native/memory/map.js';

const dir = mkdtempSync(join(tmpdir(), 'sitekernel-map-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

function mapped(file: string): Uint8Array | undefined {
  const fd = openSync(file, 'r');
  try {
    return mapFile(fd, statSync(file).size);
  } finally {
    closeSync(fd);
  }
}

t.test('a map shows the bytes of the file', async (t) => {
  const file = join(dir, 'a');
  writeFileSync(
    file,
    Uint8Array.from({ length: 300_001 }, (_, i) => i * 31),
  );
  const bytes = mapped(file);
  if (!bytes) return void t.pass('a map of the file', { skip: 'no leases here' });
  t.equal(Buffer.compare(bytes, readFileSync(file)), 0);
});

t.test('a map of a file that somebody writes to is refused', async (t) => {
  const file = join(dir, 'b');
  writeFileSync(file, 'x'.repeat(9999));
  const writer = openSync(file, 'r+');
  t.equal(mapped(file), undefined);
  closeSync(writer);
});

t.test('a file that is truncated under its map changes nothing and kills nobody', async (t) => {
  const file = join(dir, 'c');
  writeFileSync(file, 'y'.repeat(3_000_000));
  const script = `
    import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
    import { spawn } from 'node:child_process';
    const { mapFile } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../src/native/memory/map.js')).href)});
    const file = ${JSON.stringify(file)};
    const fd = openSync(file, 'r');
    const bytes = mapFile(fd, statSync(file).size);
    closeSync(fd);
    if (!bytes) { console.log('none'); process.exit(0); }
    spawn('sh', ['-c', 'echo short > "$1"', 'sh', file]).on('exit', (code) => {
      const same = bytes.length === 3000000 && bytes.every((b) => b === 121);
      console.log(code, readFileSync(file, 'utf8').trim(), same);
    });`;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 30_000 });
  t.equal(ran.stderr, '');
  t.same({ status: ran.status, signal: ran.signal }, { status: 0, signal: null });
  t.match(ran.stdout, /^(?:0 short true|none)\n$/);
});
