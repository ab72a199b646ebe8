import type { Udp, UdpPort } from '../ip/udp.js';
import type { Random } from '../random.js';
import { formatIpv4 } from '../wire/address.js';
import { checkedAddress, checkedPort } from './arguments.js';

/** RFC 6335 6: where a UDP port is chosen when the program names none. */
const FIRST_DYNAMIC_PORT = 49_152;

/** A datagram that came: `bytes[start..end)` is valid during the call. */
export type DatagramHandler = (
  bytes: Uint8Array,
  start: number,
  end: number,
  from: { readonly address: string; readonly port: number },
) => void;

export interface UdpSocket {
  readonly port: number;
  /**
   * Sends at most 65,507 bytes. False: there is no route, or the payload is larger. Throws when `to` is no endpoint.
   */
  send(payload: Uint8Array, to: { readonly address: string; readonly port: number }): boolean;
  close(): void;
}

/**
 * Binds a UDP port; 0: a free one of the dynamic range. Throws a `RangeError` when `port` is none, an `Error` when it
 * is bound. `enter` runs a call as an entry of the stack.
 */
export function udpSocket(
  udp: Udp,
  random: Random,
  port: number,
  handler: DatagramHandler,
  enter: (work: () => void) => void,
): UdpSocket {
  checkedPort(port, 'port', 0);
  const bound = bind(udp, random, port, handler);
  return {
    port: bound.port,
    send: (payload, to) => {
      const address = checkedAddress(to.address);
      checkedPort(to.port);
      let sent = false;
      enter(() => {
        sent = bound.send(payload, address, to.port);
      });
      return sent;
    },
    close: () => bound.close(),
  };
}

function bind(udp: Udp, random: Random, port: number, handler: DatagramHandler): UdpPort {
  const bindAt = (number: number): UdpPort =>
    udp.bind(number, ({ bytes, start, end, source, sourcePort }) =>
      handler(bytes, start, end, { address: formatIpv4(source), port: sourcePort }),
    );
  if (port !== 0) return bindAt(port);
  const size = 65_536 - FIRST_DYNAMIC_PORT;
  // RFC 6056 3.3.1: begins anywhere, and takes the next that is free.
  const first = (random.random32() >>> 0) % size;
  for (let i = 0; i < size; i++) {
    const number = FIRST_DYNAMIC_PORT + ((first + i) % size);
    if (!udp.isBound(number)) return bindAt(number);
  }
  throw new Error('no UDP port is free');
}
