/** Bundles that were served before: a page that a browser has open asks for their fingerprinted files. */
import type { FormerBundle } from '../control/channel.js';

/** Former bundles whose fingerprinted files a new program is to keep. */
const MOST = 8;

interface Retired {
  readonly bundle: string;
  readonly at: number;
}

export class FormerBundles {
  #retired: readonly Retired[] = [];

  /** `served`, if it is a file, is no longer what is served; its files are kept for `keep` milliseconds. */
  remember(served: string | undefined, keep: number, now: number): void {
    const fresh = this.#retired.filter(({ bundle, at }) => at > now - keep && bundle !== served).slice(1 - MOST);
    this.#retired = served === undefined || keep <= 0 ? fresh : [...fresh, { bundle: served, at: now }];
  }

  /** For a program that takes the place of one that serves `served`: each with the seconds that it is kept. */
  listed(served: string | undefined, keep: number, now: number): FormerBundle[] {
    const list = this.#retired.map(({ bundle, at }) => ({ bundle, seconds: (keep - (now - at)) / 1000 }));
    if (served !== undefined) list.push({ bundle: served, seconds: keep / 1000 });
    return list.filter(({ seconds }) => seconds > 0);
  }
}
