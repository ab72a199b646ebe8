/** Where lines of the log go: standard error, written beside the server's work, and dropped when nobody reads them fast enough. */
import boom, { type SonicBoom } from 'sonic-boom';

/** Characters that may wait; what comes beyond is dropped, and counted. */
const MOST = 4 * 1024 * 1024;
/** Milliseconds that a slow reader gets at the end. */
const PATIENCE = 1000;

export class LogSink {
  /** Lines that were dropped since the start. */
  dropped = 0;
  private told = 0;
  private readonly out: SonicBoom;

  /** `fd`: a descriptor that stays open. Nothing is written in the call of `write`. */
  constructor(fd: number, most = MOST) {
    this.out = new boom.SonicBoom({ fd, sync: false, maxLength: most });
    this.out.on('drop', (text: string) => {
      this.dropped += text.split('\n').length - 1;
    });
    // Nobody reads it any more: the server must not end for its log.
    this.out.on('error', () => undefined);
    this.out.on('drain', () => this.tell());
  }

  /** `text`: whole lines. */
  readonly write = (text: string): void => {
    this.out.write(text);
  };

  /** What was dropped is said once there is room again. */
  private tell(): void {
    const lines = this.dropped - this.told;
    if (lines === 0) return;
    this.told = this.dropped;
    this.out.write(`sitekernel: ${lines} lines of the log were dropped: they are not read fast enough\n`);
  }

  /** Resolves when all is written, or when nobody has read it for a while. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE);
      this.out.flush(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
