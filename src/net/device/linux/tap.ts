/** A Linux TAP as a `Device`. */
import { EBADF, EBADFD } from '../../../native/libc/errno.js';
import { DescriptorDevice } from './descriptor-device.js';
import { type OpenTap, openTap, type TapOptions } from './tap-open.js';

export interface TapDeviceOptions extends TapOptions {
  /** Our address on the link, six bytes. */
  readonly mac: Uint8Array;
  /** It is open already: another process has passed it on. */
  readonly opened?: OpenTap | undefined;
}

export class TapDevice extends DescriptorDevice {
  constructor(options: TapDeviceOptions) {
    const tap = options.opened ?? openTap(options);
    // EIO: it is down, and may come up again.
    super({
      ...tap,
      title: `the TAP ${tap.name}`,
      mac: options.mac,
      gone: (errno) => errno === EBADFD || errno === EBADF,
    });
  }
}
