/** Whether an image that was started serves well, and goes on to. */

import type { Runner, StagedImage } from '../image/runner.js';
import { probe, selfTest } from './gates.js';
import type { Host } from './host/host.js';
import type { Newer } from './repository/newer.js';

/** What is asked of an image; in tests others than the real ones. */
export interface Gates {
  readonly selfTest: typeof selfTest;
  readonly probe: typeof probe;
  /** Milliseconds for which an image must go on serving well before it is called good. */
  readonly settle: number;
}

export const REAL_GATES: Gates = { selfTest, probe, settle: 1000 };

/** Milliseconds between two probes. */
const PROBE_EVERY = 500;

/**
 * Looks at `image` from outside until it has served well for a while. Returns what is wrong when it does not in time;
 * undefined: it is good.
 */
export async function verdict(
  image: StagedImage,
  host: Host,
  runner: Runner,
  gates: Gates,
  newer: Newer | undefined,
): Promise<string | undefined> {
  const { gate, probe: where } = host.config;
  const until = performance.now() + gate * 1000;
  let wrong: string | undefined = 'it does not run';
  let healthySince: number | undefined;
  for (;;) {
    const running = await runner.status();
    if (running === undefined) wrong = 'it ended after its start';
    else if (running.image !== image.id) wrong = `${running.image.slice(0, 12) || 'another image'} serves in its place`;
    else wrong = where === 'off' ? undefined : await gates.probe(where ?? running.url, image, newer?.signal);
    const now = performance.now();
    if (wrong === undefined) {
      healthySince ??= now;
      if (now - healthySince >= gates.settle) return undefined;
    } else healthySince = undefined;
    if (newer?.signal.aborted) return wrong ?? 'a newer commit came';
    if (wrong !== undefined && now >= until) return `it was not found to serve within ${gate} s: ${wrong}`;
    const ms = Math.min(PROBE_EVERY, gates.settle / 2);
    await (newer?.pause(ms) ?? pause(ms));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
