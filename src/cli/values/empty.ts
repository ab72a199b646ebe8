/** An empty value, as a shell makes of a variable that is not set: no option but a few means something by it. */
import { type Command, InvalidArgumentError } from 'commander';

/** Options whose empty value has a meaning: no path in front, nothing logged. */
const MAY_BE_EMPTY: ReadonlySet<string> = new Set(['--base', '--admin-path', '--log']);

/** Has empty values of the options and arguments of `command`, and of its commands, refused by name. */
export function refuseEmpty(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean() || MAY_BE_EMPTY.has(option.long ?? '')) continue;
    option.argParser(notEmpty(option.long ?? option.flags, option.parseArg));
  }
  for (const argument of command.registeredArguments)
    if (!argument.variadic) argument.argParser(notEmpty(argument.name(), argument.parseArg));
  for (const child of command.commands) refuseEmpty(child);
}

type Parse = (text: string, before: unknown) => unknown;

function notEmpty(name: string, parse: unknown): Parse {
  const inner = parse as Parse | undefined;
  return (text, before) => {
    if (text === '') throw new InvalidArgumentError(`${name} is empty: give a value, or leave it out.`);
    return inner === undefined ? text : inner(text, before);
  };
}
