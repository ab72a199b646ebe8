/** Options of the command line about how a site is read: the same for serving a directory and for bundling it. */
import { type Command, InvalidArgumentError } from 'commander';
import type { SiteArguments, TreeArguments } from '../../serve/options/site.js';
import { oneOf } from '../values/option-values.js';

export interface TreeFlags {
  strict?: boolean;
  follow?: readonly string[];
  mtime: 'git' | 'file' | 'none';
}

export function addTreeOptions(command: Command): Command {
  return command
    .option(
      '--strict',
      'refuse a directory in which there is what cannot be served, such as a link to nothing, or a rule that cannot be read',
    )
    .option(
      '--follow <dir>',
      'let links of the site lead into this directory, too; may be given several times',
      several,
    )
    .option(
      '--mtime <what>',
      'Last-Modified: git (last commit), file, or none',
      oneOf('--mtime', ['git', 'file', 'none']),
      'none',
    );
}

export function treeArguments({ strict = false, follow = [], mtime }: TreeFlags): TreeArguments {
  return { strict, follow, mtime };
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export interface SiteFlags {
  spa?: boolean;
  hidden?: boolean;
  mime?: Readonly<Record<string, string>>;
  listing?: boolean;
  metaRefresh?: boolean;
  languages?: readonly string[];
  preload?: 'link' | 'early-hints';
  securityFields?: boolean;
  immutable?: readonly string[];
}

export function addSiteOptions(command: Command): Command {
  return command
    .option('--spa', 'answer every path without a file with /index.html')
    .option('--hidden', 'take in names that begin with a dot')
    .option('--mime <ext=type>', 'type of an extension, such as foo=text/x-foo; may be given several times', mimeType)
    .option('--listing', 'list what is in a directory that has no index page')
    .option('--meta-refresh', 'answer pages that only send their reader elsewhere as redirects')
    .option(
      '--languages <list>',
      'page.en.html and page.de.html are one page in two languages: en,de, the default first',
      languages,
    )
    .option('--preload <how>', 'tell browsers what a page needs: link, or early-hints (103 before it)', preload)
    .option('--immutable <pattern>', 'files like /assets/* never change; may be given several times', immutable)
    .option('--no-security-fields', 'send no X-Frame-Options and Referrer-Policy by default');
}

export function siteArguments(flags: SiteFlags): SiteArguments {
  return {
    spa: flags.spa ?? false,
    hidden: flags.hidden ?? false,
    mime: flags.mime ?? {},
    listing: flags.listing ?? false,
    metaRefresh: flags.metaRefresh ?? false,
    languages: flags.languages ?? [],
    preload: flags.preload,
    security: flags.securityFields ?? true,
    immutable: flags.immutable ?? [],
  };
}

function mimeType(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const match =
    /^\.?([A-Za-z0-9][A-Za-z0-9._+-]*)=([A-Za-z0-9!#$&^_.+-]+\/[A-Za-z0-9!#$&^_.+-]+(?:; ?[\x20-\x7e]+)?)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('An extension and its type look like foo=text/x-foo.');
  return { ...before, [match[1]!.toLowerCase()]: match[2]! };
}

function immutable(text: string, before: readonly string[] = []): readonly string[] {
  if (!text.startsWith('/')) throw new InvalidArgumentError('A pattern looks like /assets/*.');
  return [...before, text];
}

function languages(text: string): readonly string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  const wrong = tags.find((tag) => !/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/.test(tag));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is not a language tag like en or pt-BR.`);
  return tags;
}

function preload(text: string): 'link' | 'early-hints' {
  if (text !== 'link' && text !== 'early-hints') throw new InvalidArgumentError('It is link or early-hints.');
  return text;
}
