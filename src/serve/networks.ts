/** Makes the network that the command line selects. Unneeded modules are not loaded. */

import { hostname } from 'node:os';
import { UserError } from '../errors/user-error.js';
import { stateFolder } from '../native/home.js';
import type { OpenTap } from '../net/device/linux/tap-open.js';
import type { DirectNetwork, DirectOptions } from '../net/direct/network.js';
import type { WorkerOptions } from '../net/direct/workers/worker.js';
import type { Network } from '../net/flow.js';
import { gatewayNotice } from './gateway-notice.js';
import type { Log } from './log.js';
import type { DirectArguments } from './options/direct.js';
import type { ServeOptions } from './options/serve.js';
import { packageVersion } from './program-files.js';

/** `failed` is called when an open network has failed. Throws a `UserError` when the network cannot be opened. */
export async function openNetwork(
  options: ServeOptions,
  log: Log,
  failed: (failure: UserError) => void,
): Promise<Network> {
  // It begins when the process is sealed.
  if (options.net === 'direct') return openDirect(options, log, failed, { held: true });
  const { activatedSockets } = await import('../supervise/socket-activation.js');
  return openSockets(options, log, activatedSockets(options.tls === undefined ? 1 : 2));
}

/** `fds`: sockets that listen already, in the order of the front's doors. */
export async function openSockets(
  options: ServeOptions,
  log: Log,
  fds: readonly number[],
  portOption = '--port',
): Promise<Network> {
  const { openSocketNetwork } = await import('../net/sockets/open.js');
  const { host, furtherHosts: further } = options;
  return openSocketNetwork({ host, further, fds, portOption, onFault: log.contained }, options.sockets);
}

/** How a direct network comes to its device and begins. */
export interface DirectStart {
  /** A TAP that another process has opened. */
  readonly inherited?: OpenTap;
  /** It begins on a call. Default: with an inherited TAP. */
  readonly held?: boolean;
  /** Called when a successor has the traffic. */
  readonly given?: () => void;
  /** It is one queue of the TAP. */
  readonly worker?: WorkerOptions;
}

export async function openDirect(
  options: ServeOptions,
  log: Log,
  failed: (failure: UserError) => void,
  { inherited, given, held = inherited !== undefined, worker }: DirectStart = {},
): Promise<DirectNetwork> {
  const { DirectNetwork } = await import('../net/direct/network.js');
  const { formatMac } = await import('../net/wire/address.js');
  const { DROP_NAMES } = await import('../net/drops.js');
  const { direct } = options;
  const slip = direct.static === undefined ? undefined : gatewayNotice(direct.static);
  if (slip !== undefined && worker === undefined) log.warn(slip);
  const network = new DirectNetwork({
    device: await deviceOf(direct, inherited),
    held,
    memories: inherited === undefined ? undefined : (await import('../store/open/shared-bundles.js')).sharedBundles,
    onGiven: given,
    worker,
    static: direct.static,
    anycast: direct.anycast,
    noIpv4: direct.noIpv4,
    ipv6: direct.ipv6,
    hostname: direct.hostname ?? hostname(),
    state: options.state ?? stateFolder(),
    congestion: direct.congestion,
    spin: direct.spin,
    pcap: direct.pcap,
    record: direct.record === undefined ? undefined : { ...direct.record, version: packageVersion() },
    faults: direct.faults,
    onNotice: (sentence) => log.warn(sentence),
    onEvent: (sentence) => log.event('net', sentence),
    onFailure: (sentence) => failed(new UserError(sentence)),
    onFault: log.contained,
    onDrop: log.wants('drops')
      ? (reason, _bytes, start, end) => log.event('drops', `${DROP_NAMES[reason]}, ${end - start} bytes`)
      : undefined,
  });
  if (worker === undefined || worker.number === 1)
    log.event('net', `${network.deviceName} is open, our MAC address is ${formatMac(network.mac)}`);
  return network;
}

async function deviceOf(direct: DirectArguments, opened: OpenTap | undefined): Promise<DirectOptions['device']> {
  const { interface: card, tap, bridge, offload, mac, static: given } = direct;
  const ipv6 = direct.ipv6 !== undefined;
  if (card !== undefined) return { kind: 'card', name: card, offload, mac, address: given?.address, ipv6, opened };
  const ours = mac ?? (await import('../net/direct/host/derived-mac.js')).derivedMac(tap);
  return { kind: 'tap', name: tap, bridge, offload, mac: ours, opened };
}
