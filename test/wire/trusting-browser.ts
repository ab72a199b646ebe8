/**
 * Chromium in a namespace, that finds hosts by one name server, and trusts one root beside its own: by the user's
 * database of certificates, as an administrator puts one there.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { Test } from 'tap';
import { findCommand } from '../run/packages.js';
import type { Namespace } from './lab.js';

export interface BrowserPlace {
  readonly place: Namespace;
  /** Address of the name server. */
  readonly nameServer: string;
  /** File of the root's certificate; undefined: none is trusted beside those of everybody. */
  readonly root: string | undefined;
}

/** What `skipWithout` is asked for. */
export const BROWSER_NEEDS = ['chromium', 'certutil'] as const;

let browsers = 0;

export async function openBrowser(t: Test, { place, nameServer, root }: BrowserPlace): Promise<Browser> {
  const home = join(place.lab.folder, `browser${browsers++}`);
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...words: string[]): void => {
    execFileSync('certutil', ['-d', `sql:${database}`, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  certutil('-N', '--empty-password');
  if (root !== undefined) certutil('-A', '-t', 'C,,', '-n', 'root of the lab', '-i', root);
  const [names, script] = [join(home, 'resolv.conf'), join(home, 'chromium')];
  writeFileSync(names, `nameserver ${nameServer}\n`);
  const inside = `mount --bind ${names} /etc/resolv.conf && exec ${findCommand('chromium')} "$@"`;
  writeFileSync(script, `#!/bin/sh\nexec ip netns exec ${place.name} sh -c '${inside}' chromium "$@"\n`, {
    mode: 0o755,
  });
  const browser = await chromium.launch({
    executablePath: script,
    args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'],
    env: { ...process.env, HOME: home } as Record<string, string>,
    timeout: 60_000,
  });
  t.teardown(() => browser.close());
  return browser;
}
