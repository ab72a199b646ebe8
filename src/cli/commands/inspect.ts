/** `sitekernel inspect FILE`: what is in a bundle, and what is wrong with the site in it. */

import { UserError } from '../../errors/user-error.js';
import { type Description, describe, openStore, renderDescription } from '../../store/index.js';
import type { InspectOptions } from '../arguments/bundle.js';

/** With `check`, throws a UserError when a byte is damaged or a link inside the site leads nowhere. */
export async function runInspect(options: InspectOptions): Promise<void> {
  const store = await openStore(options.file);
  try {
    const description = await describe(store, { verify: options.check, base: options.base });
    process.stdout.write(options.json ? asJson(description) : renderDescription(description));
    if (!options.check) return;
    const { problems, damage } = description;
    if (problems.length + damage.length > 0) {
      throw new UserError(
        `${options.file} has ${count(damage.length, 'damaged page')} and ${count(problems.length, 'problem')}; they are listed on standard output`,
      );
    }
    if (!options.json)
      process.stdout.write('every byte was verified, and every link inside the site leads somewhere\n');
  } finally {
    store.close();
  }
}

function asJson({ id, urls, files, ...rest }: Description): string {
  return `${JSON.stringify({ id, size: urls, resources: files, ...rest }, undefined, 2)}\n`;
}

function count(n: number, what: string): string {
  return `${n === 0 ? 'no' : n} ${what}${n === 1 ? '' : 's'}`;
}
