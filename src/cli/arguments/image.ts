/** `image build`, `image verify`, and what a host calls to make a bundle again. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { badUsage } from '../../errors/user-error.js';
import type { BundleChoices, ImageTarget } from '../../image/manifest.js';
import type { SiteArguments } from '../../serve/options/site.js';
import { quiet } from '../values/quiet.js';
import { ipv4Of, refuseBoth, several } from './direct.js';
import { anycastAddresses } from './ipv4.js';
import { ipv6Arguments } from './ipv6.js';
import { addSiteOptions, type SiteFlags, siteArguments } from './site.js';
import { socketHost } from './socket-host.js';

export type ImageOptions = ImageBuildOptions | ImageVerifyOptions | ImageAssembleOptions | ImageStateOptions;

export interface ImageBuildOptions {
  readonly kind: 'image';
  readonly action: 'build';
  /** A directory; undefined: the project's own site. */
  readonly site: string | undefined;
  readonly target: ImageTarget;
  /** By the names of the options, without dashes. */
  readonly network: Readonly<Record<string, string | number | boolean>>;
  readonly choices: BundleChoices;
  /** Zone files for the name server. */
  readonly zones: readonly string[];
  /** vm: an unpacked kernel package; undefined: Debian's newest. */
  readonly kernel: string | undefined;
  /** vm: a disk that boots by itself, beside the image. */
  readonly format: 'raw' | 'qcow2' | undefined;
  readonly output: string;
  readonly serial: number;
  readonly sources: Readonly<Record<string, string>>;
  readonly builder: string | undefined;
}

interface ImageVerifyOptions {
  readonly kind: 'image';
  readonly action: 'verify';
  readonly folder: string;
}

/** The disk with a machine's state. */
export interface ImageStateOptions {
  readonly kind: 'image';
  readonly action: 'state';
  readonly file: string;
  /** A folder whose files are all that is on the disk then. */
  readonly from: string | undefined;
  /** A folder that gets what is on the disk. */
  readonly to: string | undefined;
}

interface ImageAssembleOptions {
  readonly kind: 'image';
  readonly action: 'assemble';
  readonly repository: string;
  /** A tree of git: a hash, or `COMMIT:site`. */
  readonly tree: string;
  readonly manifest: string;
  readonly output: string;
  readonly cache: string | undefined;
}

interface BuildFlags extends SiteFlags {
  readonly target: ImageTarget;
  readonly output: string;
  readonly host?: string;
  readonly port?: number;
  /** `false`: `--no-ipv4`. */
  readonly ipv4?: string[] | false;
  readonly ipv4Netmask?: string;
  readonly ipv4Gateway?: string;
  /** `false`: `--no-ipv6`. */
  readonly ipv6?: string[] | false;
  readonly ipv6Gateway?: string;
  readonly zone?: string[];
  readonly anycast?: string[];
  readonly hostname?: string;
  readonly kernel?: string;
  readonly format?: 'raw' | 'qcow2';
  readonly compression: BundleChoices['compression'];
  readonly serial?: number;
  readonly source?: Readonly<Record<string, string>>;
  readonly builder?: string;
}

export function addImage(program: Command, found: (task: ImageOptions) => void): void {
  const image = quiet(program.command('image')).description(
    'Makes and verifies images: a site and the program, sealed.',
  );
  addBuild(image, found);
  quiet(image.command('verify'))
    .description('Hashes every file of an image.')
    .argument('<FOLDER>', 'images/<id>')
    .action((folder: string) => found({ kind: 'image', action: 'verify', folder }));
  quiet(image.command('state'))
    .description(
      "Says what is on the disk with a machine's state (run-qemu --state-disk), puts it there, or takes it out.",
    )
    .argument('<FILE>', 'the disk; made with --from where there is none')
    .option('--from <dir>', 'put the files of this state folder on it, in the place of what is there')
    .option('--to <dir>', 'take all files out, into this folder')
    .action((file: string, { from, to }: { from?: string; to?: string }) => {
      if (from !== undefined && to !== undefined) throw badUsage('--from and --to do not go together; leave one out');
      found({ kind: 'image', action: 'state', file, from, to });
    });
  quiet(image.command('assemble', { hidden: true }))
    .description("Makes a site's bundle out of a tree of git; what a host runs.")
    .requiredOption('--repository <dir>', 'directory of git')
    .requiredOption('--tree <tree>', 'the site')
    .requiredOption('--manifest <file>', 'manifest.json of the image')
    .option('--cache <dir>', 'remembers what was compressed')
    .requiredOption('-o, --output <file>', 'bundle to write')
    .action((flags: Omit<ImageAssembleOptions, 'kind' | 'action'>) =>
      found({
        kind: 'image',
        action: 'assemble',
        repository: flags.repository,
        tree: flags.tree,
        manifest: flags.manifest,
        output: flags.output,
        cache: flags.cache,
      }),
    );
}

function addBuild(image: Command, found: (task: ImageOptions) => void): void {
  const build = addSiteOptions(quiet(image.command('build')))
    .description('Makes images/<id>/ out of a directory: the same id from the same inputs, on any machine.')
    .argument('[SITE]', "directory (default: the project's own site)")
    .addOption(
      new Option('--target <name>', 'what carries it; direct: address by DHCP')
        .choices(['socket', 'direct', 'static', 'vm'])
        .makeOptionMandatory(),
    )
    .option('-o, --output <dir>', 'folder of images', 'images')
    .option('--host <address>', 'socket: address to listen on')
    .option('--port <n>', 'port to serve', whole(65535))
    .option('--ipv4 <address/size>', 'static: the address; may be repeated', several)
    .option('--ipv4-netmask <mask>', 'static: the size of the network as a netmask')
    .option('--ipv4-gateway <address>', 'static: the router')
    .option('--no-ipv4', 'direct, static, vm: IPv6 alone')
    .option('--ipv6 <address/size>', 'static: an IPv6 address; may be repeated', several)
    .option('--ipv6-gateway <address>', 'static: the IPv6 router')
    .option('--no-ipv6', 'direct, static, vm: IPv4 alone')
    .option('--anycast <address>', 'static: an address that is served and never announced; may be repeated', several)
    .option('--hostname <name>', 'direct: name to tell the DHCP server')
    .addOption(
      new Option('--compression <level>', 'how hard to compress').choices(['none', 'fast', 'full']).default('full'),
    )
    .option(
      '--zone <file>',
      'a zone that the image answers for as a name server; serial 0 is derived; may be repeated',
      several,
    )
    .option('--kernel <dir>', "vm: an unpacked kernel package (default: Debian's newest, fetched by apt-get)")
    .addOption(new Option('--format <name>', 'vm: a disk that boots by itself, too').choices(['raw', 'qcow2']))
    .option('--serial <n>', 'serial number to begin with (default: that of the deployment before, and one)', whole())
    .option('--source <name=commit>', 'what it was made of, for people; may be given several times', source)
    .option('--builder <name>', 'who made it, for people')
    .action((site: string | undefined, flags: BuildFlags) =>
      found({
        kind: 'image',
        action: 'build',
        site,
        target: flags.target,
        network: networkOf(flags),
        choices: choicesOf(flags.compression, siteArguments(flags)),
        zones: flags.zone ?? [],
        kernel: vmOnly(flags, 'kernel'),
        format: vmOnly(flags, 'format'),
        output: flags.output,
        serial: flags.serial ?? 0,
        sources: flags.source ?? {},
        builder: flags.builder,
      }),
    );
  for (const family of ['ipv4', 'ipv6'] as const) refuseBoth(build, family);
}

/** What is as by default is left out: an image's id hangs on the others alone. */
function choicesOf(compression: BundleChoices['compression'], site: SiteArguments): BundleChoices {
  const { hidden, spa, mime, listing, metaRefresh, languages, preload, security, immutable } = site;
  return {
    compression,
    hidden,
    spa,
    ...(Object.keys(mime).length > 0 && { mime }),
    ...(listing && { listing }),
    ...(metaRefresh && { metaRefresh }),
    ...(languages.length > 0 && { languages }),
    ...(preload !== undefined && { preload }),
    ...(!security && { security }),
    ...(immutable.length > 0 && { immutable }),
  };
}

function vmOnly<K extends 'kernel' | 'format'>(flags: BuildFlags, name: K): BuildFlags[K] {
  if (flags[name] !== undefined && flags.target !== 'vm') throw badUsage(`--${name} is for --target vm`);
  return flags[name];
}

function networkOf(flags: BuildFlags): Record<string, string | number | boolean> {
  const { target, host, port, hostname } = flags;
  const address = ipv4Of(flags);
  const { ipv6, anycast } = sixOf(flags);
  if (target === 'static' && address === undefined && ipv6.length === 0)
    throw badUsage('--target static needs its address: --ipv4 192.0.2.7/24 --ipv4-gateway 192.0.2.1');
  const given =
    address !== undefined ? '--ipv4' : ipv6.length > 0 ? '--ipv6' : anycast.length > 0 ? '--anycast' : undefined;
  if (given !== undefined && (target === 'socket' || target === 'direct'))
    throw badUsage(
      `${given} is for --target static; ${target === 'direct' ? 'direct asks DHCP' : 'a socket has --host'}`,
    );
  const left = flags.ipv4 === false ? '--no-ipv4' : flags.ipv6 === false ? '--no-ipv6' : undefined;
  if (left !== undefined && target === 'socket')
    throw badUsage(`${left} is for our own stack, --target direct, static or vm; a socket has --host`);
  if (host !== undefined && target !== 'socket') throw badUsage('--host is for --target socket');
  if (host !== undefined) socketHost(host);
  if (hostname !== undefined && target !== 'direct' && target !== 'vm')
    throw badUsage('--hostname is for --target direct: a DHCP server is told it');
  return {
    ...(address && { ipv4: withSizes([address, ...(address.further ?? [])]).join(',') }),
    ...(address?.gateway !== undefined && { 'ipv4-gateway': address.gateway }),
    ...(ipv6.length > 0 && { ipv6: ipv6.join(',') }),
    ...(flags.ipv6Gateway !== undefined && { 'ipv6-gateway': flags.ipv6Gateway }),
    ...(anycast.length > 0 && { anycast: anycast.join(',') }),
    // A static image asks no DHCP server.
    ...((flags.ipv4 === false || (target === 'static' && address === undefined)) && { 'no-ipv4': true }),
    ...(flags.ipv6 === false && { 'no-ipv6': true }),
    ...(host !== undefined && { host }),
    ...(port !== undefined && { port }),
    ...(hostname !== undefined && { hostname }),
  };
}

function withSizes(all: readonly { readonly address: string; readonly prefix: number }[]): string[] {
  return all.map(({ address, prefix }) => `${address}/${prefix}`);
}

/** IPv6 addresses with their sizes, and anycast addresses of both families, checked. */
function sixOf({ ipv6 = [], ipv6Gateway, anycast = [] }: BuildFlags): { ipv6: string[]; anycast: string[] } {
  const six = ipv6Arguments({ ipv6, anycast, ...(ipv6Gateway !== undefined && { ipv6Gateway }) });
  const four = anycastAddresses(anycast.filter((one) => !one.includes(':')));
  return { ipv6: withSizes(six?.addresses ?? []), anycast: [...four, ...(six?.anycast ?? [])] };
}

function whole(most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
    if (value < 0 || value > most) throw new InvalidArgumentError(`It is a whole number of 0 to ${most}.`);
    return value;
  };
}

function source(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const match = /^([a-z][a-z0-9-]*)=(\S+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write a name, "=" and a commit: site=4f1e2d.');
  return { ...before, [match[1]!]: match[2]! };
}
