/**
 * A network on our own stack for programs that use the library: a TAP by name, an address in text, defaults for the
 * rest.
 */

import { checkedAddress, checkedPrefix } from '../host/arguments.js';
import type { HostAddress } from '../host/stack-host.js';
import type { CongestionName } from '../tcp/congestion/index.js';
import { derivedMac } from './host/derived-mac.js';
import { DirectNetwork } from './network.js';

export interface DirectNetworkOptions {
  /** The TAP's name, made unless it exists; default `tap0`. Needs root, or a TAP that the user owns. */
  readonly tap?: string | undefined;
  /** The bridge to put it on. */
  readonly bridge?: string | undefined;
  /** Default: by DHCP. */
  readonly address?: HostAddress | 'dhcp' | undefined;
  /** Six bytes; default: derived from machine and TAP, always the same. */
  readonly mac?: Uint8Array | undefined;
  /** The host name in messages to the DHCP server. */
  readonly hostname?: string | undefined;
  readonly congestion?: CongestionName | undefined;
  /** A capture file. */
  readonly pcap?: string | undefined;
  /** `polling` for a process that is a server and little else; default `watched`: libuv waits for the device, too. */
  readonly loop?: 'polling' | 'watched' | undefined;
  /** Something that the operator should know, and the end of the network (the device is gone). */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly onFailure?: ((message: string) => void) | undefined;
}

/**
 * Opens the TAP and starts. Throws a `TypeError` or `RangeError` that names the argument, or an `Error` for people when
 * the device cannot be had. `listen` resolves once there is an address.
 */
export function openDirectNetwork(options: DirectNetworkOptions = {}): DirectNetwork {
  const { tap = 'tap0', bridge, address = 'dhcp', mac, loop = 'watched', ...rest } = options;
  if (mac !== undefined && mac.length !== 6) throw new RangeError(`mac: six bytes are expected, not ${mac.length}`);
  if (address !== 'dhcp') {
    checkedAddress(address.address);
    checkedPrefix(address.prefix);
    if (address.gateway !== undefined) checkedAddress(address.gateway, 'gateway');
  }
  return new DirectNetwork({
    ...rest,
    loop,
    device: { kind: 'tap', name: tap, bridge, offload: true, mac: mac ?? derivedMac(tap) },
    static: address === 'dhcp' ? undefined : address,
  });
}
