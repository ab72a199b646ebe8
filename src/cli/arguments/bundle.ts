/** `bundle` and `inspect`. */

import type { Command } from 'commander';
import type { SiteArguments, TreeArguments } from '../../serve/options/site.js';
import { basePath, oneOf } from '../values/option-values.js';
import { quiet } from '../values/quiet.js';
import {
  addSiteOptions,
  addTreeOptions,
  type SiteFlags,
  siteArguments,
  type TreeFlags,
  treeArguments,
} from './site.js';

export interface BundleOptions {
  readonly kind: 'bundle';
  readonly dir: string;
  readonly output: string;
  readonly compression: 'none' | 'fast' | 'full';
  readonly site: SiteArguments;
  readonly tree: TreeArguments;
  /** Where it will be served, `/docs`. */
  readonly base: string | undefined;
}

export interface InspectOptions {
  readonly kind: 'inspect';
  readonly file: string;
  readonly json: boolean;
  readonly check: boolean;
  /** Where the site lies on its host; undefined: what its links say. */
  readonly base: string | undefined;
}

interface BundleFlags extends SiteFlags, TreeFlags {
  output: string;
  compression: 'full';
  base?: string;
}

export function addBundle(program: Command, found: (options: BundleOptions) => void): void {
  const command = quiet(program.command('bundle'))
    .description('Makes one file out of a directory, the same bytes from the same tree.')
    .argument('<DIR>', 'directory')
    .requiredOption('-o, --output <FILE>', 'bundle file to write')
    .option('--compression <level>', 'none, fast or full', oneOf('--compression', ['none', 'fast', 'full']), 'full');
  command.option('--base <path>', 'the path below which it will be served, such as /docs', basePath);
  addTreeOptions(addSiteOptions(command)).action((dir: string, flags: BundleFlags) => {
    const { output, compression, base } = flags;
    found({ kind: 'bundle', dir, output, compression, site: siteArguments(flags), tree: treeArguments(flags), base });
  });
}

export function addInspect(program: Command, found: (options: InspectOptions) => void): void {
  quiet(program.command('inspect'))
    .description('Shows what is in a bundle.')
    .argument('<FILE>', 'bundle file, or a directory')
    .option('--json', 'as JSON', false)
    .option('--check', 'verify every byte; fail on damage, dead links, missing images and links in a wrong case', false)
    .option('--base <path>', 'where the site is served, such as /docs (default: what most of its links say)', basePath)
    .action((file: string, flags: { json: boolean; check: boolean; base?: string }) =>
      found({ kind: 'inspect', file, base: undefined, ...flags }),
    );
}
