/**
 * Moves a network card's IPv4 addresses and routes to the bridge that it becomes a port of, and back: a port of a
 * bridge has none of its own, and a machine that is reached through the card must stay reachable. By the `ip` program
 * of iproute2.
 */
import { execFileSync } from 'node:child_process';
import { UserError } from '../../errors/user-error.js';

interface Address {
  local: string;
  prefixlen: number;
  broadcast?: string;
  family: string;
  scope: string;
}

interface Route {
  dst: string;
  gateway?: string;
  metric?: number;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
}

function ip(...argv: string[]): string {
  try {
    return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new UserError('moving addresses needs the "ip" program; install iproute2');
    throw new UserError(`ip ${argv.join(' ')}: ${String(stderr).trim()}`);
  }
}

/** Moves what `from` has to `to`, in an order that loses no route. Yields a line for each address. */
export function* moveAddresses(from: string, to: string): Generator<string> {
  const links = JSON.parse(ip('-j', '-4', 'address', 'show', 'dev', from)) as { addr_info?: Address[] }[];
  const addresses = links.flatMap((link) => link.addr_info ?? []).filter((address) => address.scope === 'global');
  if (addresses.length === 0) return;
  // What the kernel made for an address it makes again.
  const routes = (JSON.parse(ip('-j', '-4', 'route', 'show', 'dev', from)) as Route[]).filter(
    (route) => route.protocol !== 'kernel',
  );
  for (const address of addresses) {
    const text = `${address.local}/${address.prefixlen}`;
    ip('address', 'delete', text, 'dev', from);
    const broadcast = address.broadcast === undefined ? [] : ['broadcast', address.broadcast];
    ip('address', 'replace', text, ...broadcast, 'dev', to);
    yield `moved ${text} from ${from} to ${to}`;
  }
  // Those on the link itself first: a gateway must be reachable when its route is made.
  const order = [...routes].sort((a, b) => Number(a.gateway !== undefined) - Number(b.gateway !== undefined));
  for (const route of order) {
    ip(
      ...['route', 'replace', route.dst],
      ...(route.gateway === undefined ? ['scope', 'link'] : ['via', route.gateway]),
      ...['dev', to],
      ...(route.metric === undefined ? [] : ['metric', String(route.metric)]),
      ...(route.prefsrc === undefined ? [] : ['src', route.prefsrc]),
    );
    yield `moved the route to ${route.dst} from ${from} to ${to}`;
  }
}
