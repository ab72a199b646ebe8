/**
 * What a wire test needs of the machine: root, `/dev/net/tun`, the right to make network namespaces, and commands.
 * Where CI runs, nothing may be missing for want of a package: then the test runs, and fails for what it lacks.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findCommand } from '../run/packages.js';

let namespaces: boolean | undefined;

function canMakeNamespaces(): boolean {
  if (namespaces === undefined) {
    const name = `sk-${process.pid}-try`;
    try {
      execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' });
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
      namespaces = true;
    } catch {
      namespaces = false;
    }
  }
  return namespaces;
}

/** For tap's `skip` option: why the test cannot run here, or false. */
export function skipWithout(...commands: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'needs root (network namespaces and a TAP)';
  const lacking = commands.filter((name) => findCommand(name) === undefined);
  if (lacking.length > 0 && process.env['CI'] !== 'true') return `needs ${lacking.join(', ')}`;
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  if (findCommand('ip') === undefined || !canMakeNamespaces()) return 'needs the right to make network namespaces';
  return false;
}
