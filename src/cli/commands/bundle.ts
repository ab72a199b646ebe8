/** `sitekernel bundle DIR -o FILE`. */
import { stat } from 'node:fs/promises';
import { UserError } from '../../errors/user-error.js';
import { leadsToStandardOutput } from '../../native/output-file.js';
import { bundleDirectory } from '../../store/index.js';
import type { BundleOptions } from '../arguments/bundle.js';
import { sizeText } from '../values/text.js';
import { ProgressBar } from './progress.js';

export async function runBundle(options: BundleOptions): Promise<void> {
  const directory = await stat(options.dir).then(
    (stats) => stats.isDirectory(),
    () => true, // The store says what is wrong with it.
  );
  if (!directory) throw new UserError(`${options.dir} is not a directory; a bundle is made out of one`);
  const bar = new ProgressBar();
  try {
    const made = await bundleDirectory(options.dir, options.output, {
      compression: options.compression,
      ...options.site,
      ...options.tree,
      servedAt: options.base,
      onProgress: (progress) => bar.show(progress),
      onWarning: (sentence) => bar.say(sentence),
    });
    bar.end();
    const line = `${options.output}: ${sizeText(made.bytes)}, id ${made.id}\n`;
    if (await leadsToStandardOutput(options.output)) process.stderr.write(line);
    else process.stdout.write(line);
  } finally {
    bar.end();
  }
}
