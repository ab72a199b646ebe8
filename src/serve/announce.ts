/** The lines on standard output that say where a server serves. */
import type { Listener, Network } from '../net/flow.js';
import type { Front } from './door.js';
import type { Log } from './log.js';
import { addressOf, urlOf } from './url.js';

/** Places beside those of the site. */
interface Beside {
  /** Other addresses on which it listens. */
  readonly also?: readonly string[];
  /** The port on which names are answered at the same addresses. */
  readonly names?: number | undefined;
}

/**
 * `urls`: where it serves, one a line. A full disk or a closed pipe is reported in the log, and does not end the
 * server.
 */
export function announce(urls: readonly string[], log: Log, { also = [], names }: Beside = {}): void {
  const lost = (error: unknown): void =>
    log.warn(`serving on ${urls[0]}; standard output cannot be written (${(error as NodeJS.ErrnoException).code})`);
  process.stdout.once('error', lost);
  const lines = [...urls.map((one) => `listening on ${one}\n`), ...also.map((one) => `also listening on ${one}\n`)];
  if (names !== undefined) lines.push(...urls.map((one) => `answering names at ${new URL(one).hostname}:${names}\n`));
  try {
    process.stdout.write(lines.join(''));
  } catch (error) {
    // A file is written at once.
    lost(error);
  }
}

/** The URL of each address that a network serves on now. */
export function urlsOf(network: Network, front: Front, [main]: readonly Listener[]): string[] {
  const { address, port } = main!.endpoint;
  const all = network.addresses ?? [network.address ?? address];
  return all.map((one) => urlOf(one, port, front.scheme));
}

/** The same. `later` gets that of each one that is new after that. */
export function urlsFromNow(
  network: Network,
  front: Front,
  listeners: readonly Listener[],
  later: (url: string) => void,
): string[] {
  const { port } = listeners[0]!.endpoint;
  if ('onAddress' in network) network.onAddress = (one) => later(urlOf(one, port, front.scheme));
  return urlsOf(network, front, listeners);
}

/**
 * Prints where a network serves, a line for each address, and later a line for each new address; `names`: the port on
 * which it answers names there.
 */
export function announceAll(
  network: Network,
  front: Front,
  listeners: readonly Listener[],
  log: Log,
  names?: number,
): void {
  const urls = urlsFromNow(network, front, listeners, (url) => announce([url], log, { names }));
  announce(urls, log, { also: listeners.slice(1).map((one) => addressOf(network, one)), names });
}
