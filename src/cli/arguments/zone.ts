/** `zone check`, `zone build` and `zone keys`. */
import type { Command } from 'commander';
import { count } from '../values/option-values.js';
import { quiet } from '../values/quiet.js';

export interface ZoneOptions {
  readonly kind: 'zone';
  readonly action: 'check' | 'build' | 'keys';
  readonly file: string;
  /** build: what to write. */
  readonly output: string | undefined;
  /** build: instead of the file's. */
  readonly serial: number | undefined;
  /** build: a zone that was built before, whose serial must be older. */
  readonly after: string | undefined;
  /** keys: the folder of keys; undefined: the usual one. */
  readonly state: string | undefined;
}

const NONE = { output: undefined, serial: undefined, after: undefined, state: undefined };

export function addZone(program: Command, found: (options: ZoneOptions) => void): void {
  const zone = quiet(program.command('zone')).description(
    'Checks and builds zones of the name server, and shows their keys.',
  );
  quiet(zone.command('check'))
    .description('Says what is wrong with a zone file, with line and column.')
    .argument('<FILE>', 'zone file')
    .action((file: string) => found({ kind: 'zone', action: 'check', file, ...NONE }));
  quiet(zone.command('build'))
    .description('Writes a zone file as one that needs no parsing, the same bytes from the same records.')
    .argument('<FILE>', 'zone file')
    .requiredOption('-o, --output <FILE>', 'file to write')
    .option('--serial <n>', 'serial instead of that in the file', count('--serial', 0xffff_ffff))
    .option('--after <FILE>', 'what was built before: refuse a serial that is not newer')
    .action((file: string, { output, serial, after }: { output: string; serial?: number; after?: string }) =>
      found({ kind: 'zone', action: 'build', file, ...NONE, output, serial, after }),
    );
  quiet(zone.command('keys'))
    .description('Prints the DS record for the registrar; makes the key when there is none.')
    .argument('<FILE>', 'zone file')
    .option('--state <dir>', 'where keys are kept (default: $XDG_STATE_HOME/sitekernel)')
    .action((file: string, { state }: { state?: string }) =>
      found({ kind: 'zone', action: 'keys', file, ...NONE, state }),
    );
}
