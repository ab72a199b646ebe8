/** A network card as a `Device`, by a packet socket: for a virtual machine or a container whose card is ours alone. */
import { DescriptorDevice } from './descriptor-device.js';
import { openPacketSocket, type PacketOptions } from './packet-open.js';

export class PacketDevice extends DescriptorDevice {
  /** Throws a sentence when the card cannot be had. */
  constructor(options: PacketOptions) {
    super(openPacketSocket(options));
  }
}
