import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

t.setTimeout(120_000);

t.test('docs/dns.md: every command, in its order, as it stands there', { skip: skipWithout('dig') }, async (t) => {
  const lab = new Lab(t, '10.77.0.1/24');
  const text = readFileSync(resolve('docs', 'dns.md'), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!);
  t.equal(blocks.length, 8);
  symlinkSync(resolve('site'), join(lab.folder, 'site'));
  const script = join(lab.folder, 'script');
  // A command, and no function: a signal to the job is one to the program.
  const command = join(lab.folder, 'sitekernel');
  writeFileSync(command, `#!/bin/sh\nexec node '${MAIN}' "$@"\n`, { mode: 0o755 });
  const before = [
    'set -euo pipefail',
    `cd '${lab.folder}'`,
    'PATH=$PWD:$PATH',
    "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT",
  ];
  const after = 'kill %1 %2 %3; wait %1; wait %2; wait %3; echo all ended';
  writeFileSync(script, [...before, ...blocks.map((block, i) => `echo "== ${i}"\n${block}`), after, ''].join('\n'));
  const { status, stdout, stderr } = await lab.host.run('bash', [script]);
  t.equal(status, 0, `${stdout}\n${stderr}`);
  const said = stdout.split(/^== \d\n/m);
  t.match(said[1], /^example\.org\.zone: example\.org\. serial 2026112901, 6 records, and what @SELF stands for\n$/);
  t.match(said[2], /^broken\.zone:1:7: "192\.0\.2\.300" is not an address/);
  t.match(said[3], /127\.0\.0\.1\n[\s\S]*example\.org\.\n127\.0\.0\.1\n/);
  t.match(said[4], /^20 mail\.example\.net\./m);
  t.match(said[5], /zone\.bin: example\.org\. serial 2026112902[\s\S]*next\.bin: example\.org\. serial 2026112903/);
  t.match(said[6], /^"name":"example\.org\."/);
  t.match(said[7], /^example\.org\. DS \d+ 13 2 [0-9A-F]{64}$/m);
  t.match(said[7], /RRSIG\s+CNAME 13 3/);
  t.match(said[8], /SOA\s+ns1\.example\.org\.[\s\S]*TXT[\s\S]*SOA\s+ns1\.example\.org\./);
  t.match(stdout, /all ended\n$/);
});
