/** `bundle` and `inspect`. */

import type { Command } from 'commander';
import type { SiteArguments } from '../../serve/options/site.js';
import { oneOf } from './option-values.js';
import { quiet } from './quiet.js';
import { addSiteOptions, type SiteFlags, siteArguments } from './site.js';

export interface BundleOptions {
  readonly kind: 'bundle';
  readonly dir: string;
  readonly output: string;
  readonly compression: 'none' | 'fast' | 'full';
  readonly site: SiteArguments;
}

export interface InspectOptions {
  readonly kind: 'inspect';
  readonly file: string;
  readonly json: boolean;
  readonly check: boolean;
}

export function addBundle(program: Command, found: (options: BundleOptions) => void): void {
  const command = quiet(program.command('bundle'))
    .description('Makes one file out of a directory, the same bytes from the same tree.')
    .argument('<DIR>', 'directory')
    .requiredOption('-o, --output <FILE>', 'bundle file to write')
    .option('--compression <level>', 'none, fast or full', oneOf('--compression', ['none', 'fast', 'full']), 'full');
  addSiteOptions(command).action((dir: string, flags: SiteFlags & { output: string; compression: 'full' }) => {
    const { output, compression } = flags;
    found({ kind: 'bundle', dir, output, compression, site: siteArguments(flags) });
  });
}

export function addInspect(program: Command, found: (options: InspectOptions) => void): void {
  quiet(program.command('inspect'))
    .description('Shows what is in a bundle.')
    .argument('<FILE>', 'bundle file, or a directory')
    .option('--json', 'as JSON', false)
    .option('--check', 'verify every byte; fail on damage, dead links, missing images and links in a wrong case', false)
    .action((file: string, flags: { json: boolean; check: boolean }) => found({ kind: 'inspect', file, ...flags }));
}
