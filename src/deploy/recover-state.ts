import { isImageId } from '../image/manifest.js';
import type { Journal } from './host/journal.js';
import { EMPTY, readState, type State } from './host/state.js';

/**
 * The state; when its file is lost or damaged, what the journal still knows: what was good, what was bad, and the
 * highest serial.
 */
export async function recoverState(file: string, journal: Journal): Promise<State> {
  const state = await readState(file);
  if (state !== undefined) return state;
  const found = { ...EMPTY, bad: { ...EMPTY.bad } as Record<string, { reason: string; serial: number }> };
  let good: string | undefined;
  let before: string | undefined;
  let serial = 0;
  for (const { step, image, serial: its = 0, reason = '' } of await journal.read()) {
    if (image === undefined || !isImageId(image)) continue;
    if (step !== 'good' && step !== 'bad') continue;
    serial = Math.max(serial, its);
    if (step === 'bad') found.bad[image] = { reason, serial: its };
    else if (image !== good) [good, before] = [image, good];
  }
  if (good !== undefined)
    await journal.add({ step: 'recovered', reason: 'the state was lost, and read from the journal' });
  return { ...found, good, before, serial };
}
