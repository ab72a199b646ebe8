/** `seal`. */
import type { Command } from 'commander';
import { quiet } from '../values/quiet.js';

export interface SealCommand {
  readonly kind: 'seal';
  /** Those of the server in question. */
  readonly args: readonly string[];
}

export function addSeal(program: Command, found: (options: SealCommand) => void): void {
  quiet(program.command('seal'))
    .description(
      'Says what of a server can be sealed on this machine, and what a server would keep: files, system calls.',
    )
    .argument('[ARGS...]', 'options of the server and its site, behind --')
    .allowExcessArguments(true)
    .action((args: string[]) => found({ kind: 'seal', args }));
}
