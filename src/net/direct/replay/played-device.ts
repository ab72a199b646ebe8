/** The device of a replay: takes what is sent; nothing comes from it. */
import type { Device, Offload } from '../../device/device.js';
import { TxFrame } from '../../device/tx-frame.js';
import type { RecordedConfig } from './events.js';

export class PlayedDevice implements Device {
  mtu: number;
  readonly mac: Uint8Array;
  readonly offload: Offload;
  readonly tx = new TxFrame();
  onReadable = undefined;

  constructor(
    config: RecordedConfig,
    private readonly sent: (tx: TxFrame) => boolean,
  ) {
    this.mtu = config.mtu;
    this.mac = Uint8Array.from(config.mac.split(':'), (part) => Number.parseInt(part, 16));
    this.offload = { checksum: config.checksum, segmentation: config.segmentation };
  }

  resize(mtu: number): void {
    this.mtu = mtu;
  }

  receive(): number {
    return 0;
  }

  transmit(): boolean {
    return this.sent(this.tx);
  }

  close(): void {}
}
