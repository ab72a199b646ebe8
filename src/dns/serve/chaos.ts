/** Questions of class CH about the server itself (RFC 4892), in the names of the RFC and in those of BIND. */
import type { Query } from '../wire/query.js';

interface Names {
  readonly identity?: Uint8Array | undefined;
  readonly version?: Uint8Array | undefined;
}

/** The text that the question's name stands for; undefined: there is none, or it is not disclosed. */
export function chaosText(query: Query, { identity, version }: Names): Uint8Array | undefined {
  if (isNamed(query, ID_SERVER) || isNamed(query, HOSTNAME_BIND)) return identity;
  return isNamed(query, VERSION_SERVER) || isNamed(query, VERSION_BIND) ? version : undefined;
}

const ID_SERVER = wire('id', 'server');
const HOSTNAME_BIND = wire('hostname', 'bind');
const VERSION_SERVER = wire('version', 'server');
const VERSION_BIND = wire('version', 'bind');

function wire(...labels: string[]): Uint8Array {
  return Uint8Array.from([...labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]), 0]);
}

function isNamed(query: Query, name: Uint8Array): boolean {
  if (query.nameLength !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (query.name[i] !== name[i]) return false;
  return true;
}
