/** A progress bar on a terminal; nothing elsewhere. */
import { createRequire } from 'node:module';
import type { SingleBar } from 'cli-progress';
import type { Progress } from '../../store/index.js';
import { sizeText } from '../arguments/text.js';

const PHASES: Readonly<Record<Progress['phase'], string>> = {
  read: 'reading',
  compress: 'compressing',
  write: 'writing',
};

export class ProgressBar {
  private bar: SingleBar | undefined = undefined;

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
        stream: process.stderr,
      });
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
    this.bar?.stop();
    this.bar = undefined;
  }
}

/** Loaded when there is a terminal only; an image does not have it. */
function progressLibrary(): typeof import('cli-progress') | undefined {
  try {
    return createRequire(import.meta.url)('cli-progress') as typeof import('cli-progress');
  } catch {
    return undefined;
  }
}
