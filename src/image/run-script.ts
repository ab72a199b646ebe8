/** `run` of an image for Node, and the arguments that it gives the program. */
import { join } from 'node:path';
import type { Manifest } from './manifest.js';

export interface Start extends Pick<Manifest, 'target' | 'network' | 'versions'> {
  /** Paths of zones in the image; missing: there are none. */
  readonly zones?: readonly { readonly path: string }[] | undefined;
}

/**
 * Options of which there may be several: a host that gives one of them means these instead of the image's, not beside
 * them.
 */
const SEVERAL: readonly string[] = ['anycast', 'host', 'ipv4', 'ipv6'];

/** The arguments of the image in `folder` and of its host together: what the host gives wins. */
export function joinedArguments(
  image: Pick<Manifest, 'target' | 'network' | 'zones'>,
  host: readonly string[],
  folder = '',
): string[] {
  const given = (name: string): boolean => host.some((one) => one === `--${name}` || one.startsWith(`--${name}=`));
  const network = Object.entries(image.network).filter(([name]) => !SEVERAL.includes(name) || !given(name));
  const zones = (image.zones ?? []).flatMap(({ path }) => ['--zone', join(folder, path)]);
  return [...programArguments({ target: image.target, network: Object.fromEntries(network) }), ...zones, ...host];
}

/**
 * The program's arguments for a target, without the site. Several addresses stand in one value, with commas between
 * them.
 */
export function programArguments({ target, network }: Pick<Manifest, 'target' | 'network'>): string[] {
  const args = ['--net', target === 'socket' ? 'socket' : 'direct'];
  for (const [name, value] of Object.entries(network).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === true) args.push(`--${name}`);
    else if (value !== false) for (const one of valuesOf(name, value)) args.push(`--${name}`, one);
  }
  return args;
}

function valuesOf(name: string, value: string | number): string[] {
  return SEVERAL.includes(name) ? String(value).split(',') : [String(value)];
}

/** A POSIX shell script: what the host passes on comes behind what the image says, and so wins. */
export function runScript(image: Start): string {
  const several = Object.keys(image.network)
    .filter((name) => SEVERAL.includes(name))
    .sort();
  const rest = Object.fromEntries(Object.entries(image.network).filter(([name]) => !several.includes(name)));
  const zones = (image.zones ?? []).map(({ path }) => `--zone "$here/${path}"`);
  const args = [...programArguments({ target: image.target, network: rest }).map(quote), ...zones].join(' ');
  const own = several.map((name) => {
    const values = valuesOf(name, image.network[name] as string).map((one) => `--${name} ${quote(one)}`);
    return `${name}='${values.join(' ').replaceAll("'", "'\\''")}'`;
  });
  // Addresses of the host's are instead of the image's.
  const choose = several.map((name) => `    --${name}|--${name}=*) ${name}= ;;\n`).join('');
  const chosen = several.map((name) => `$${name} `).join('');
  const looks =
    several.length === 0 ? '' : `${own.join('\n')}\nfor one in "$@"; do\n  case $one in\n${choose}  esac\ndone\n`;
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

function quote(text: string): string {
  return /^[A-Za-z0-9_./:=,%+@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
