/** The loop that suits a process: one that is a server and little else, or one that does other things beside. */
import { eventLoopDescriptor } from '../../../native/poll.js';
import type { DescriptorDevice } from '../../device/linux/descriptor-device.js';
import type { Driven, Loop } from '../../loop/loop.js';
import { PollingLoop } from '../../loop/polling-loop.js';
import { WatchedLoop } from '../../loop/watched-loop.js';
import type { DirectOptions } from './options.js';

export function realLoop(link: DescriptorDevice, driven: Driven, options: DirectOptions): Loop {
  const libuv = options.loop === 'watched' ? undefined : eventLoopDescriptor();
  if (libuv !== undefined) return new PollingLoop(link.fd, libuv, driven, options.spin);
  return new WatchedLoop(link.fd, link.buffer, driven, options.spin);
}
