/**
 * What a recording says of the host that it is of: how it was set up, and what it knows where a segment of the
 * recording begins.
 */
import { performance } from 'node:perf_hooks';
import type { Device } from '../../device/device.js';
import type { Stack } from '../../ip/stack.js';
import type { TcpLayer } from '../../tcp/index.js';
import { formatMac } from '../../wire/address.js';
import type { Ipv6Text } from '../address/ipv6-mode.js';
import type { Ipv6State } from '../address/ipv6-state.js';
import type { DirectOptions } from '../host/options.js';
import type { Beginning } from './events.js';
import { FileTape } from './file.js';
import { Recorder } from './recorder.js';

/** What goes into the stack is written down from here on. Undefined: no recording was asked for. */
export function record(
  options: DirectOptions,
  device: Device,
  { memory, ipv6 }: { readonly memory: number; readonly ipv6: Ipv6Text | undefined },
  beginning: () => Beginning,
): Recorder | undefined {
  const { record, static: given, anycast, noIpv4, hostname, congestion = 'cubic' } = options;
  if (record === undefined) return undefined;
  const { mac, mtu, offload } = device;
  const clock = performance.now();
  const config = {
    version: record.version,
    ...{ mac: formatMac(mac), mtu, checksum: offload.checksum, segmentation: offload.segmentation },
    ...{ static: given, anycast, noIpv4, ipv6, hostname, congestion, memory },
    ...{ clock, wallClock: performance.timeOrigin + clock },
  };
  const notice = (sentence: string) => options.onNotice?.(sentence);
  return new Recorder(new FileTape(record.file, record.bytes, config, notice), beginning);
}

/** What a replay must know that begins here. `accepted`: flows until now. `ipv6`: what the host has of it. */
export function beginningOf(
  stack: Stack,
  tcp: TcpLayer,
  now: number,
  listening: readonly number[],
  known: { readonly accepted: number; readonly ipv6: Ipv6State | undefined },
): Beginning {
  const { config } = stack;
  const address = config && { address: config.address, prefix: config.prefix, gateway: config.gateway };
  const { k0, k1 } = tcp.hash as unknown as { k0: number; k1: number };
  const { accepted, ipv6: state } = known;
  const ipv6 = state && { state, labels: stack.v6.output.labelKeys };
  return { now, address, neighbours: stack.arp.neighbours.known(), keys: [k0, k1], ipv6, listening, accepted };
}
