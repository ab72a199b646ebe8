import type { Command, CommanderError } from 'commander';

/** Which command a CommanderError is about. */
const commands = new WeakMap<CommanderError, Command>();

/** Errors become exceptions with one message; nothing is printed but help and version. */
export function quiet(command: Command): Command {
  return command
    .exitOverride((error) => {
      commands.set(error, command);
      throw error;
    })
    .configureOutput({ writeErr: () => undefined })
    .allowExcessArguments(false);
}

/** What was wrong with the arguments, and which help tells more. */
export function usageSentence(error: CommanderError): string {
  const command = commands.get(error);
  const names: string[] = [];
  for (let at: Command | null | undefined = command; at; at = at.parent) names.unshift(at.name());
  const name = names.join(' ') || 'sitekernel';
  if (error.code === 'commander.help' && command !== undefined) {
    const all = command
      .createHelp()
      .visibleCommands(command)
      .filter((one) => one.name() !== 'help')
      .map((one) => one.name())
      .join(', ');
    return `"${name}" does one of these: ${all}; "${name} --help" tells more`;
  }
  // A suggestion stands on a line of its own.
  const said = error.message
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replace('\n', ' ');
  return `${said}; "${name} --help" lists what there is`;
}
