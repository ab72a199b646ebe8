/** Opens what carries the frames, with what they pass on the way: a capture, and faults for development. */
import { performance } from 'node:perf_hooks';
import type { Device } from '../../device/device.js';
import type { DescriptorDevice } from '../../device/linux/descriptor-device.js';
import { PacketDevice } from '../../device/linux/packet.js';
import { TapDevice } from '../../device/linux/tap.js';
import { CaptureDevice } from '../../device/wrap/capture.js';
import { FaultyDevice } from '../../device/wrap/faulty-device.js';
import type { DropWatcher } from '../../drops.js';
import type { Clock } from '../../flow.js';
import type { Random } from '../../random.js';
import type { DirectOptions } from './options.js';

export interface OpenDevice {
  readonly link: DescriptorDevice;
  /** What the link's frames pass first. */
  readonly wire: Device;
  /** What the stack has. */
  readonly device: Device;
  /** Gets every drop: the capture's, and the owner's. */
  readonly onDrop: DropWatcher | undefined;
}

/**
 * Throws a `UserError` when the device cannot be had. `onReadable`: frames that were held back on purpose may be taken
 * now; the clock's callbacks are entries of the stack.
 */
export function openDevice(options: DirectOptions, clock: Clock, random: Random, onReadable: () => void): OpenDevice {
  const link = options.device.kind === 'tap' ? new TapDevice(options.device) : new PacketDevice(options.device);
  const notice = (sentence: string) => options.onNotice?.(sentence);
  const wallClock = () => performance.timeOrigin + performance.now();
  const capture = options.pcap === undefined ? undefined : new CaptureDevice(link, options.pcap, wallClock, notice);
  const wire = capture ?? link;
  const onDrop = joinWatchers(capture?.dropped, options.onDrop);
  if (options.faults === undefined) return { link, wire, device: wire, onDrop };
  const device = new FaultyDevice(wire, options.faults, random, clock);
  device.onReadable = onReadable;
  return { link, wire, device, onDrop };
}

function joinWatchers(first: DropWatcher | undefined, second: DropWatcher | undefined): DropWatcher | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return (reason, bytes, start, end) => {
    first(reason, bytes, start, end);
    second(reason, bytes, start, end);
  };
}
