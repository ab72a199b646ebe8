/** A device whose outbound frames are counted in, and its refusals written down. */
import type { Device } from '../../device/device.js';
import { PassThrough } from '../../device/wrap/pass-through.js';
import type { Recorder } from './recorder.js';

export class RecordedDevice extends PassThrough {
  constructor(
    inner: Device,
    private readonly recorder: Recorder,
  ) {
    super(inner);
  }

  override transmit(): boolean {
    const taken = super.transmit();
    this.recorder.out(this.tx, taken);
    return taken;
  }
}
