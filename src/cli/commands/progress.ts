/** A progress bar on a terminal; nothing elsewhere. */
import { createRequire } from 'node:module';
import type { SingleBar } from 'cli-progress';
import type { Progress } from '../../store/index.js';
import { sizeText } from '../values/text.js';

const PHASES: Readonly<Record<Progress['phase'], string>> = {
  read: 'reading',
  compress: 'compressing',
  write: 'writing',
};

export class ProgressBar {
  private bar: SingleBar | undefined = undefined;

  private readonly atExit = (): void => this.end();

  /** Ctrl-Z: the shell gets its terminal as it was. The bar comes back with the next step. */
  private readonly atStop = (): void => {
    this.end();
    process.kill(process.pid, 'SIGSTOP');
  };

  show(progress: Progress): void {
    if (!process.stderr.isTTY) return;
    const values = { what: PHASES[progress.phase], of: sizeText(progress.total) };
    if (this.bar === undefined) {
      const SingleBar = progressLibrary()?.SingleBar;
      if (SingleBar === undefined) return;
      this.bar = new SingleBar({
        format: '{what} [{bar}] {percentage}% of {of}',
        clearOnComplete: true,
        hideCursor: true,
        // Signals are ours: see atExit.
        gracefulExit: false,
        stream: process.stderr,
      });
      // It hides the cursor and lets lines run on: a signal must not leave a terminal like that.
      process.once('exit', this.atExit);
      process.on('SIGTSTP', this.atStop);
      this.bar.start(progress.total, progress.done, values);
      return;
    }
    this.bar.setTotal(progress.total);
    this.bar.update(progress.done, values);
  }

  /** A line beside the bar. */
  say(sentence: string): void {
    this.end();
    process.stderr.write(`${sentence}\n`);
  }

  end(): void {
    process.off('exit', this.atExit);
    process.off('SIGTSTP', this.atStop);
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** Loaded when there is a terminal only; an image does not have it. */
function progressLibrary(): typeof import('cli-progress') | undefined {
  try {
    return createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return undefined;
  }
}
