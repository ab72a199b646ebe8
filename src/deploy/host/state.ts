/** What a host knows between two commands: `state.json`, replaced as a whole. */
import { readFile } from 'node:fs/promises';
import { ifCode } from '../../errors/codes.js';
import { parseJson } from '../../errors/parse-json.js';
import { isImageId } from '../../image/manifest.js';
import type { LastZones } from '../../image/zones.js';
import { writeDurable } from '../../native/durable.js';

interface Tried {
  readonly id: string;
  readonly serial: number;
  /** Starts that were begun with it, this one among them. */
  readonly attempts: number;
}

export interface State {
  readonly format: 1;
  /** The highest that was ever taken: a smaller one is refused. */
  readonly serial: number;
  /** The image that had it; undefined: an earlier version wrote the state. */
  readonly taken: string | undefined;
  /** The zones of images that were taken: an older version of one is refused. */
  readonly zones: LastZones;
  /** Files with certificates that were dealt with. */
  readonly certificates: Readonly<Record<string, string>>;
  /** The image that was last found to serve well, and the one before. */
  readonly good: string | undefined;
  readonly before: string | undefined;
  /** Written before it is started, and taken away when it is good or bad. */
  readonly trying: Tried | undefined;
  /** The image whose program was started last: what runs may have come to another one's site since. */
  readonly program: string | undefined;
  /**
   * The operator chose an image: the repository is not followed until it has a higher serial, or until `deploy
   * release`.
   */
  readonly held: { readonly id: string; readonly serial: number } | undefined;
  /** The commit that the journal has as fetched. */
  readonly seen: string | undefined;
  /** The commit that was refused last. */
  readonly refused: { readonly commit: string; readonly reason: string } | undefined;
  /** Images that were found to be bad, with the reason: they are not tried again. */
  readonly bad: Readonly<Record<string, { readonly reason: string; readonly serial: number }>>;
}

export const EMPTY: State = {
  format: 1,
  serial: 0,
  taken: undefined,
  zones: {},
  certificates: {},
  good: undefined,
  before: undefined,
  trying: undefined,
  program: undefined,
  held: undefined,
  seen: undefined,
  refused: undefined,
  bad: {},
};

/** The number of bad images that are remembered. */
const BAD_KEPT = 100;

/** The state in `file`; undefined when it is missing or damaged. */
export async function readState(file: string): Promise<State | undefined> {
  const text = await readFile(file, 'utf8').catch(ifCode('', 'ENOENT', 'EIO'));
  const said = parseJson(text);
  // EMPTY alone would be a whole state, and none was read.
  if (typeof said !== 'object' || said === null) return undefined;
  const value = { ...EMPTY, ...(said as Partial<State>) };
  const ids = [value.good, value.before, value.trying?.id, value.held?.id].filter((id) => id !== undefined);
  const whole = value.format === 1 && Number.isSafeInteger(value.serial) && ids.every(isImageId);
  return whole ? value : undefined;
}

export async function writeState(file: string, state: State): Promise<void> {
  const bad = Object.entries(state.bad)
    .sort(([, a], [, b]) => b.serial - a.serial)
    .slice(0, BAD_KEPT);
  await writeDurable(file, `${JSON.stringify({ ...state, bad: Object.fromEntries(bad) }, null, 2)}\n`);
}
