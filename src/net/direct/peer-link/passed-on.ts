/**
 * TCP segments that another program or worker has passed on: whole datagrams, verified by the program or worker that
 * read them from the device.
 */
import { RX_CHECKSUM_OK } from '../../device/device.js';
import { Datagram } from '../../ip/contracts/datagram.js';
import type { Stack } from '../../ip/stack.js';
import type { TcpLayer } from '../../tcp/layer.js';
import type { FlowName } from '../../tcp/moving/hand-over.js';
import { int32At } from '../../wire/tcp.js';

/** Whose segment the datagram that begins at `ip` carries. */
export function passedOnFlow(stack: Stack, bytes: Uint8Array, ip: number): FlowName {
  const start = stack.transportAt(bytes, ip, bytes.length);
  return [stack.sourceOf(bytes, ip), stack.destinationOf(bytes, ip), int32At(bytes, start)];
}

/** Hands the segment of the datagram `bytes[ip..]` to TCP. `tos`: as it came. An entry of the stack. */
export function inputPassedOn(stack: Stack, tcp: TcpLayer, bytes: Uint8Array, ip: number, tos: number): void {
  const start = stack.transportAt(bytes, ip, bytes.length);
  const datagram = new Datagram().lies(bytes, ip, start, bytes.length, RX_CHECKSUM_OK);
  tcp.input(datagram.goes(stack.sourceOf(bytes, ip), stack.destinationOf(bytes, ip), false, tos, stack.now));
}
