/**
 * `npm run bench:deploy`: what a hundred deployments cost when one page changes each time: the repository's size, the
 * bytes of a pull, the disk of a host. On the project's site, and on a generated one of 125 MB. Sizes only: how busy
 * the machine is does not matter.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Deployer } from '../src/deploy/apply.js';
import { Journal } from '../src/deploy/host/journal.js';
import { initHost } from '../src/deploy/init.js';
import { pull } from '../src/deploy/poll.js';
import { commitImage } from '../src/deploy/repository/commit.js';
import { buildImage } from '../src/image/build-image.js';
import { ScriptedGates, ScriptedRunner } from '../test/deploy/setup.js';

/** Deployments, and of which site: `node build/bench/deploy.js 20 large`. */
const COUNT = Number(process.argv[2] ?? 100);
const ONLY = process.argv[3];
const FILES = 2349;
const PAGE_BYTES = 12_000;
const MEDIA_BYTES = 99e6;

const work = mkdtempSync(join(tmpdir(), 'sitekernel-bench-deploy-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8', maxBuffer: 2 ** 30 });
const disk = (path: string): number =>
  Number(execFileSync('du', ['-s', '-B1', path], { encoding: 'utf8' }).split('\t')[0]);
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Text of a page: the same for the same number, and no two alike. */
function words(seed: string, bytes: number): string {
  let text = '';
  for (let i = 0; text.length < bytes; i++) {
    const hash = createHash('sha256').update(`${seed} ${i}`).digest();
    for (const byte of hash) text += `word${byte} `;
  }
  return text.slice(0, bytes);
}

/** As a real site of 125 MB: a fifth of it pages, the rest pictures that do not compress. */
function generated(folder: string): void {
  const media = 300;
  const pages = FILES - media;
  for (let i = 0; i < pages; i++) {
    const dir = join(folder, `section-${i % 40}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(
      join(dir, `page-${i}.html`),
      `<!doctype html><title>${i}</title><p>${words(`page ${i}`, PAGE_BYTES)}`,
    );
  }
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Home</title>');
  mkdirSync(join(folder, 'media'));
  for (let i = 0; i < media; i++) {
    const blocks: Buffer[] = [];
    for (let at = 0; at < MEDIA_BYTES / media; at += 32)
      blocks.push(createHash('sha256').update(`${i} ${at}`).digest());
    writeFileSync(join(folder, 'media', `picture-${i}.webp`), Buffer.concat(blocks));
  }
}

async function measure(name: string, site: string, page: string): Promise<void> {
  const folder = join(work, name);
  mkdirSync(folder);
  const repository = join(folder, 'site.git');
  git('init', '--quiet', '--bare', '--initial-branch=main', repository);
  const deploy = async (): Promise<void> => {
    const { folder: image } = await buildImage({
      site,
      target: 'socket',
      network: {},
      choices: { compression: 'fast', hidden: false, spa: false },
      output: join(folder, 'images'),
      labels: { serial: 0, sources: {}, builder: 'bench' },
      version: '0.1.0',
    });
    await commitImage({ folder: image, repository, branch: 'main', keep: 10 });
    rmSync(join(folder, 'images'), { recursive: true, force: true });
  };
  await deploy();
  const host = (await initHost({ folder: join(folder, 'host'), repository, branch: 'main', args: [], gate: 5 })).host;
  const runner = new ScriptedRunner();
  const journal = new Journal(host.journalFile);
  const take = async (): Promise<void> => {
    await pull(host, journal);
    const outcome = await new Deployer(host, runner, journal, new ScriptedGates()).apply();
    if (outcome !== 'good') throw new Error(`${name}: ${outcome}`);
  };
  await take();
  const first = { repository: disk(repository), git: disk(host.gitDir), host: disk(host.folder) };
  const pulls: number[] = [];
  for (let i = 1; i <= COUNT; i++) {
    appendFileSync(page, `<p>Change ${i}: ${words(`change ${i}`, 60)}</p>\n`);
    const before = git('-C', repository, 'rev-parse', 'main').trim();
    await deploy();
    const range = `main\n^${before}\n`;
    const pack = ['-C', repository, 'pack-objects', '--quiet', '--revs', '--thin', '--delta-base-offset', '--stdout'];
    pulls.push(execFileSync('git', pack, { input: range, maxBuffer: 2 ** 30 }).length);
    await take();
  }
  pulls.sort((a, b) => a - b);
  const last = { repository: disk(repository), git: disk(host.gitDir), host: disk(host.folder) };
  execFileSync('git', ['-C', repository, 'gc', '--quiet'], { stdio: 'inherit' });
  const grown = (last.git - first.git) / COUNT / 1000;
  const rows = [
    ['site', `${mb(Number(execFileSync('du', ['-sb', site], { encoding: 'utf8' }).split('\t')[0]))}`],
    ['repository after the first deployment', mb(first.repository)],
    [`repository after ${COUNT} more`, `${mb(last.repository)}; after git gc ${mb(disk(repository))}`],
    ['bytes of a pull', `${pulls[pulls.length >> 1]} (median), ${pulls.at(-1)} (most)`],
    ["the host's clone", `${mb(first.git)}, then ${mb(last.git)}: ${grown.toFixed(0)} kB a deployment`],
    ['the host in all', `${mb(first.host)}, then ${mb(last.host)} (two bundles, ours and the one before)`],
    ['of it, checked out', `${disk(join(host.work, 'latest'))} bytes`],
  ];
  console.log(`\n${name}\n${rows.map(([what, value]) => `  ${what!.padEnd(40)} ${value}`).join('\n')}`);
  rmSync(folder, { recursive: true, force: true });
}

if (ONLY !== 'large') {
  const own = join(work, 'own');
  cpSync(resolve('site', '_site'), own, { recursive: true });
  await measure("the project's site", own, join(own, 'index.html'));
}
if (ONLY !== 'own') {
  const large = join(work, 'large');
  mkdirSync(large);
  generated(large);
  await measure('a generated site', large, join(large, 'section-7', 'page-7.html'));
}
process.exit();
