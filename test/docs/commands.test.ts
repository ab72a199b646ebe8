/**
 * Every command that README, docs/, the site and help texts show is run, in the order of its page, in a scratch folder
 * and a network namespace of its own: how is in `how.ts`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { Dnsmasq } from '../wire/dnsmasq.js';
import { Lab, type Program } from '../wire/lab.js';
import { skipWithout } from '../wire/needs.js';
import { MAIN } from '../wire/server.js';
import { type Block, blocksOf, commandsOf, helpExamples, isShell, pages } from './blocks.js';
import { HOW, type How, WHOLE_PAGES } from './how.js';

t.setTimeout(180_000);

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/**
 * What `npm run NAME -- WORDS`, `npm start` or two of them in a row run when all is built: the end of the last script.
 */
function scriptOf(command: string): string {
  const [, name, words = ''] = /npm (?:run )?([\w:-]+)(?: -- (.*))?$/.exec(command) ?? [];
  const script = scripts[name ?? ''];
  if (script === undefined) throw new Error(`package.json has no script for "${command}"`);
  // A script may replace its shell itself, as is done here with each command.
  const last = script
    .split('&&')
    .at(-1)!
    .trim()
    .replace(/^exec /, '');
  return `${last} ${words}`.trim();
}

/** Chains and keys that pages name. */
const CERTIFICATES = [
  ['fullchain.pem', 'key.pem'],
  ['a.pem', 'a.key'],
  ['b.pem', 'b.key'],
] as const;

class Scratch {
  private readonly lab: Lab;
  readonly folder: string;

  private constructor(t: Test) {
    // The bridge is there already, with a DHCP server on it: `host up` makes what is missing.
    this.lab = new Lab(t, '10.77.0.1/24');
    this.folder = join(this.lab.folder, 'clone');
    this.fill();
    const { host } = this.lab;
    for (const address of ['46.43.42.129/25', '192.0.2.1/24']) host.ip(`addr add ${address} dev br0`);
    host.ip('link add eth0 type veth peer name cable');
  }

  static async make(t: Test): Promise<Scratch> {
    const scratch = new Scratch(t);
    const range = { from: '10.77.0.50', to: '10.77.0.60', netmask: '255.255.255.0', lease: '2m' };
    await Dnsmasq.start(scratch.lab, range);
    return scratch;
  }

  /**
   * A clone in which everything is built, without the places where commands write; `sudo` and `sitekernel` on the path.
   */
  private fill(): void {
    mkdirSync(join(this.folder, 'build', 'api'), { recursive: true });
    for (const name of ['dist', 'site', 'node_modules', 'package.json', 'test'])
      symlinkSync(resolve(name), join(this.folder, name));
    for (const name of readdirSync('build').filter((name) => name !== 'api'))
      symlinkSync(resolve('build', name), join(this.folder, 'build', name));
    for (const name of ['_site', 'SITE']) symlinkSync(resolve('site', '_site'), join(this.folder, name));
    for (const [chain, key] of CERTIFICATES) this.certify(chain, key);
    writeFileSync(join(this.folder, 'build', 'api', 'index.html'), '<!doctype html><title>API reference</title>');
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'sudo'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
    writeFileSync(join(bin, 'sitekernel'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`, { mode: 0o755 });
  }

  private certify(chain: string, key: string): void {
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
    const files = ['-keyout', join(this.folder, key), '-out', join(this.folder, chain)];
    const name = ['-subj', `/CN=${chain}.example`, '-addext', `subjectAltName=DNS:${chain}.example`];
    execFileSync('openssl', ['req', ...kind, ...files, ...name], { stdio: 'ignore' });
  }

  private start(command: string): Program {
    const env = { PATH: `${join(this.folder, 'bin')}:${process.env['PATH']}`, XDG_STATE_HOME: this.folder };
    return this.lab.host.start('bash', ['-c', `cd '${this.folder}' && exec ${command}`], env);
  }

  async runs(t: Test, command: string, output: RegExp = /(?:)/): Promise<void> {
    const program = this.start(command);
    program.child.stdin?.end();
    t.equal(await program.exit, 0, `${command}: ${program.stderr}`);
    t.match(program.stdout, output, command);
  }

  async serves(t: Test, command: string, asked: boolean): Promise<void> {
    const program = this.start(command);
    const [, url] = await program.says(/^listening on (https?:\S+)$/m, 30);
    if (asked) {
      const words = ['--fail', '--silent', '--show-error', '--insecure', '--max-time', '10', url!];
      const { status, stdout, stderr } = await this.lab.host.run('curl', words);
      t.equal(status, 0, `${command}: ${stderr}`);
      t.match(stdout, /<title>/, command);
    }
    t.equal(await program.stop(), 0, `${command}: ${program.stderr}`);
  }

  async run(t: Test, command: string, how: How): Promise<void> {
    if (how.kind === 'runs') await this.runs(t, command, how.output);
    else if (how.kind === 'serves') await this.serves(t, command, how.asked ?? true);
    else if (how.kind === 'script' && how.serves) await this.serves(t, scriptOf(command), true);
    else if (how.kind === 'script') await this.runs(t, scriptOf(command));
    else if (how.kind === 'elsewhere') t.ok(existsSync(how.file), `${command}: ${how.file} runs it`);
  }
}

/** Pages with commands, and what they show. */
const shown = new Map<string, string[]>();
const programs: Block[] = [];
for (const page of pages()) {
  const blocks = blocksOf(page);
  programs.push(...blocks.filter(({ language }) => /^(?:js|mjs|javascript)$/.test(language)));
  const commands = blocks.filter(isShell).flatMap(({ text }) => commandsOf(text));
  if (commands.length > 0) shown.set(page, commands);
}
shown.set('help', helpExamples());

t.test('each command that is shown has its way to be run, and each way is of a command that is shown', (t) => {
  t.ok(shown.size >= 8, [...shown.keys()].join(', '));
  for (const [page, commands] of shown) {
    const test = WHOLE_PAGES[page];
    if (test !== undefined) {
      t.ok(readFileSync(test, 'utf8').includes(page.split('/').at(-1)!), `${test} runs ${page}`);
      continue;
    }
    const without = commands.filter((command) => HOW[page]?.[command] === undefined);
    t.same(without, [], `${page}: commands that test/docs/how.ts has no entry for`);
  }
  for (const [page, table] of Object.entries(HOW)) {
    const stale = Object.keys(table).filter((command) => !shown.get(page)?.includes(command));
    t.same(stale, [], `test/docs/how.ts: entries that ${page} does not show`);
  }
  t.end();
});

t.test('each npm script that a page names is there', (t) => {
  for (const page of pages()) {
    for (const [, name] of readFileSync(page, 'utf8').matchAll(/\bnpm run (?:-s )?([\w:-]+)/g))
      t.ok(scripts[name!], `${page}: npm run ${name}`);
  }
  t.end();
});

for (const [page, commands] of shown) {
  const table = HOW[page];
  if (table === undefined) continue;
  t.test(`${page}: every command, in its order`, { skip: skipWithout('curl', 'dnsmasq', 'openssl') }, async (t) => {
    const scratch = await Scratch.make(t);
    for (const command of commands) {
      const how = table[command];
      if (how !== undefined) await scratch.run(t, command, how);
    }
  });
}

t.test('each program in JavaScript that a page shows runs with the package', (t) => {
  const folder = t.testdir({ node_modules: {} });
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'sitekernel'));
  for (const { page, text } of programs) {
    writeFileSync(join(folder, 'program.mjs'), text);
    t.doesNotThrow(() => execFileSync(process.execPath, ['program.mjs'], { cwd: folder, timeout: 30_000 }), page);
  }
  t.ok(programs.length >= 1);
  t.end();
});
