/** `run` of an image for Node, and the arguments that it gives the program. */
import type { Manifest } from './manifest.js';

type Start = Pick<Manifest, 'target' | 'network' | 'versions'>;

/** The program's arguments for a target, without the site. */
export function programArguments({ target, network }: Pick<Manifest, 'target' | 'network'>): string[] {
  const args = ['--net', target === 'socket' ? 'socket' : 'direct'];
  for (const [name, value] of Object.entries(network).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === true) args.push(`--${name}`);
    else if (value !== false) args.push(`--${name}`, String(value));
  }
  return args;
}

/** A POSIX shell script: what the host passes on comes behind what the image says, and so wins. */
export function runScript(image: Start): string {
  const args = programArguments(image).map(quote).join(' ');
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
exec "$node" "$here/program/main.js" ${args} "$@" "$here/site.bundle"
`;
}

function quote(text: string): string {
  return /^[A-Za-z0-9_./:=,%+@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
