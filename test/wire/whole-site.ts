/** Fetches every URL of a built site with curl and compares what comes with what lies on disk, by hash. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace } from './lab.js';

export interface Page {
  /** Percent-encoded, from the root. */
  readonly path: string;
  readonly file: string;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Every file of the tree by its own URL, and every index page by its folder's too. */
export function pagesOf(site: string): Page[] {
  const names = readdirSync(site, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(site.length + 1))
    .filter((name) => !name.split('/').some((part) => part.startsWith('.') && part !== '.well-known'))
    .sort();
  return names.flatMap((name) => {
    const path = `/${name.split('/').map(encodeURIComponent).join('/')}`;
    const file = join(site, name);
    const own = { path, file };
    return name === 'index.html' || name.endsWith('/index.html')
      ? [own, { path: path.slice(0, -'index.html'.length), file }]
      : [own];
  });
}

export interface Fetched {
  readonly urls: number;
  /** One sentence for each URL that was not what it should be. */
  readonly wrong: readonly string[];
}

/**
 * All pages over a few connections of one curl that are kept alive. `patience`: seconds that one URL may take.
 */
export async function fetchSite(client: Namespace, base: string, site: string, patience = 60): Promise<Fetched> {
  const pages = pagesOf(site);
  const folder = mkdtempSync(join(client.lab.folder, 'fetched-'));
  const config = pages
    .map(({ path }, i) => `url = "${new URL(path, base).href}"\noutput = "${join(folder, String(i))}"`)
    .join('\n');
  const result = await client.run(
    'curl',
    [
      ...[
        '--silent',
        '--show-error',
        '--globoff',
        '--path-as-is',
        '--parallel',
        '--parallel-max',
        '6',
        '--max-time',
        String(patience * 5),
      ],
      ...['--connect-timeout', String(patience), '--speed-time', String(patience), '--speed-limit', '1'],
      ...['--write-out', '%{http_code} %{url_effective}\\n', '--config', '-'],
    ],
    config,
  );
  const wrong: string[] = [];
  if (result.status !== 0) wrong.push(`curl ended with ${result.status}: ${result.stderr.trim()}`);
  for (const line of result.stdout.split('\n')) {
    if (line !== '' && !line.startsWith('200 ')) wrong.push(`answered ${line}`);
  }
  pages.forEach(({ path, file }, i) => {
    let got: Buffer | undefined;
    try {
      got = readFileSync(join(folder, String(i)));
    } catch {
      wrong.push(`${path} did not come`);
      return;
    }
    const wanted = readFileSync(file);
    if (sha256(got) !== sha256(wanted))
      wrong.push(`${path}: ${got.length} bytes differ from the ${wanted.length} on disk`);
  });
  rmSync(folder, { recursive: true, force: true });
  return { urls: pages.length, wrong };
}
