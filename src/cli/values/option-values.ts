/** Values of options that several commands have, each with the message for a wrong one. */
import { InvalidArgumentError } from 'commander';

export function portNumber(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65535) throw new InvalidArgumentError('A port is a number of 0 to 65535.');
  return port;
}

export function seconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : -1;
  if (value < 0 || value > 86400) throw new InvalidArgumentError('Seconds are a number of 0 to 86400.');
  return value;
}

/** The longest that a timer of Node's takes, in whole seconds. */
export const LONGEST_TIMER = 2_147_483;

/** A whole number of `least` to `most`. `option` is its name, for the message. */
export function count(option: string, most: number, least = 0): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : -1;
    if (value < least || value > most) throw new InvalidArgumentError(`${option} is a number of ${least} to ${most}.`);
    return value;
  };
}

export function oneOf<T extends string>(option: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    if (!choices.includes(text as T)) throw new InvalidArgumentError(`${option} is one of ${choices.join(', ')}.`);
    return text as T;
  };
}

/** A path like `/docs`, without a slash at its end. */
export function basePath(text: string): string {
  const path = text.replace(/\/$/, '');
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
    throw new InvalidArgumentError('A path looks like /docs: letters, digits and . _ ~ - between slashes.');
  }
  return path;
}
