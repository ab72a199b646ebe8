import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN } from './server.js';

t.setTimeout(300_000);

t.test(
  'docs/hand-over.md: every command, in its order, as it stands there',
  { skip: skipWithout('curl', 'nc') },
  async (t) => {
    const lab = new Lab(t, '10.77.0.1/24');
    const text = readFileSync(resolve('docs', 'hand-over.md'), 'utf8');
    const blocks = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1]!);
    t.equal(blocks.length, 3);
    symlinkSync(resolve('site'), join(lab.folder, 'site'));
    const script = join(lab.folder, 'script');
    const before = ['set -euo pipefail', `cd '${lab.folder}'`, `sitekernel() { node '${MAIN}' "$@"; }`];
    // The supervisors were told to end, and do.
    writeFileSync(script, [...before, ...blocks, 'wait -n', 'wait -n', 'echo both ended', ''].join('\n'));
    const { status, stdout, stderr } = await lab.host.run('bash', [script]);
    t.equal(status, 0, `${stdout}\n${stderr}`);
    t.equal(stdout.match(/<title>/g)?.length, 2);
    t.match(stdout, /More words/);
    const answers = stdout.split('\n').filter((line) => line.startsWith('{'));
    t.equal(answers.length, 5, stdout);
    for (const answer of answers) t.match(JSON.parse(answer), { ok: true });
    t.match(stdout, /both ended\n$/);
  },
);
