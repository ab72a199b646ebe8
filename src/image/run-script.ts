/** `run` of an image for Node, and the arguments that it gives the program. */
import { join } from 'node:path';
import type { Manifest } from './manifest.js';

export interface Start extends Pick<Manifest, 'target' | 'network' | 'versions'> {
  /** Paths of zones in the image; missing: there are none. */
  readonly zones?: readonly { readonly path: string }[] | undefined;
}

/** Options of which there may be several. */
const SEVERAL: readonly string[] = ['anycast', 'host', 'ipv4', 'ipv6'];

/** Options of the host, and those of the image that they are instead of: addresses, and a family or none of it. */
const INSTEAD: readonly (readonly [option: string, of: readonly string[]])[] = [
  ['anycast', ['anycast']],
  ['host', ['host']],
  ['ipv4', ['ipv4', 'no-ipv4']],
  ['ipv6', ['ipv6', 'no-ipv6']],
  ['no-ipv4', ['ipv4', 'ipv4-gateway', 'ipv4-netmask']],
  ['no-ipv6', ['ipv6', 'ipv6-gateway']],
];

/** The arguments of the image in `folder` and of its host together: what the host gives wins. */
export function joinedArguments(
  image: Pick<Manifest, 'target' | 'network' | 'zones'>,
  host: readonly string[],
  folder = '',
): string[] {
  const given = (name: string): boolean => host.some((one) => one === `--${name}` || one.startsWith(`--${name}=`));
  const gone = new Set(INSTEAD.filter(([option]) => given(option)).flatMap(([, of]) => of));
  const network = Object.entries(image.network).filter(([name]) => !gone.has(name));
  const zones = (image.zones ?? []).flatMap(({ path }) => ['--zone', join(folder, path)]);
  return [...programArguments({ target: image.target, network: Object.fromEntries(network) }), ...zones, ...host];
}

/**
 * The program's arguments for a target, without the site. Several addresses stand in one value, with commas between
 * them.
 */
export function programArguments({ target, network }: Pick<Manifest, 'target' | 'network'>): string[] {
  const args = ['--net', target === 'socket' ? 'socket' : 'direct'];
  for (const [name, value] of Object.entries(network).sort(([a], [b]) => (a < b ? -1 : 1)))
    args.push(...optionOf(name, value));
  return args;
}

function optionOf(name: string, value: string | number | boolean): string[] {
  if (typeof value === 'boolean') return value ? [`--${name}`] : [];
  return valuesOf(name, value).flatMap((one) => [`--${name}`, one]);
}

function valuesOf(name: string, value: string | number): string[] {
  return SEVERAL.includes(name) ? String(value).split(',') : [String(value)];
}

/** A POSIX shell script: what the host passes on comes behind what the image says, and so wins. */
export function runScript(image: Start): string {
  const replaced = INSTEAD.flatMap(([, of]) => of);
  const names = Object.keys(image.network).sort();
  const ours = names.filter((name) => replaced.includes(name));
  const rest = Object.fromEntries(Object.entries(image.network).filter(([name]) => !ours.includes(name)));
  const zones = (image.zones ?? []).map(({ path }) => `--zone "$here/${path}"`);
  const args = [...programArguments({ target: image.target, network: rest }).map(quote), ...zones].join(' ');
  const own = ours.map((name) => {
    const words = optionOf(name, image.network[name]!).map(quote).join(' ');
    return `${variable(name)}='${words.replaceAll("'", "'\\''")}'`;
  });
  // Addresses of the host's are instead of the image's.
  const choose = INSTEAD.map(([option, of]) => ({ option, of: of.filter((name) => ours.includes(name)) }))
    .filter(({ of }) => of.length > 0)
    .map(({ option, of }) => `    --${option}|--${option}=*) ${of.map((name) => `${variable(name)}=`).join(' ')} ;;\n`)
    .join('');
  const chosen = ours.map((name) => `$${variable(name)} `).join('');
  const looks =
    ours.length === 0 ? '' : `${own.join('\n')}\nfor one in "$@"; do\n  case $one in\n${choose}  esac\ndone\n`;
  const { sitekernel, node } = image.versions;
  return `#!/bin/sh
# Starts this image of sitekernel ${sitekernel}, target ${image.target}; passes its arguments on. It needs Node ${node} or newer and nothing
# else: SITEKERNEL_NODE names it when it is not "node".
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
node=\${SITEKERNEL_NODE:-node}
if ! command -v "$node" >/dev/null 2>&1; then
  echo "sitekernel: there is no \\"$node\\"; install Node ${node} or newer, or name it in SITEKERNEL_NODE" >&2
  exit 1
fi
${looks}exec "$node" "$here/program/main.js" ${args} ${chosen}"$@" "$here/site.bundle"
`;
}

/** Of the shell. */
function variable(option: string): string {
  return option.replaceAll('-', '_');
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:=,%+@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
