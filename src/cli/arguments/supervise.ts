/** `supervise`. */
import type { Command } from 'commander';
import { seconds } from '../values/option-values.js';
import { quiet } from '../values/quiet.js';

export interface SuperviseOptions {
  readonly kind: 'supervise';
  /** Path of the control socket. */
  readonly control: string;
  /** Where the log goes, in files of bounded size; undefined: standard error. */
  readonly logFile: string | undefined;
  /** Folder of the image to begin with; undefined: this program. */
  readonly image: string | undefined;
  /** Seconds that what is open in a replaced program may go on. */
  readonly handoverDrain: number;
  /** For each program: as for serving. */
  readonly args: readonly string[];
}

export function addSupervise(program: Command, found: (options: SuperviseOptions) => void): void {
  quiet(program.command('supervise'))
    .description(
      'Holds the socket, the TAP or the network card, and replaces the program that serves on it without losing a connection.',
    )
    .requiredOption('--control <path>', 'a UNIX socket over which it can be asked: status, swap, replace, drain')
    .option('--image <folder>', 'the image to begin with (default: this program)')
    .option('--handover-drain <seconds>', 'how long what is open in a replaced program may go on', seconds, 3600)
    .option(
      '--log-file <file>',
      'the log, begun anew at 8 MiB; the one before is kept as FILE.1 (default: standard error)',
    )
    .argument('[ARGS...]', 'options of the server and its site, behind --')
    .allowExcessArguments(true)
    .action((args: string[], flags: { control: string; logFile?: string; image?: string; handoverDrain: number }) =>
      found({ kind: 'supervise', image: undefined, logFile: undefined, ...flags, args }),
    );
}
