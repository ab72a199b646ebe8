import type { Command } from 'commander';

/** Errors become exceptions with one sentence; nothing is printed but help and version. */
export function quiet(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(false);
}
