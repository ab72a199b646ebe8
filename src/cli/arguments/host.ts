/** `host up` and `host down`. */
import type { Command } from 'commander';
import { quiet } from './quiet.js';

export interface HostOptions {
  readonly kind: 'host';
  readonly action: 'up' | 'down';
  readonly bridge: string;
  readonly uplink: string | undefined;
  readonly tap: string | undefined;
  readonly user: string | undefined;
  /** The TAP is for a server with several workers. */
  readonly multiQueue: boolean;
}

export function addHost(program: Command, found: (options: HostOptions) => void): void {
  const host = quiet(program.command('host')).description(
    'Prepares a host, as root: a bridge, and a TAP that a user owns, so that the server itself needs no root.',
  );
  for (const action of ['up', 'down'] as const) {
    const command = quiet(host.command(action))
      .description(action === 'up' ? 'Makes what is missing of it.' : 'Removes what "up" made.')
      .requiredOption('--bridge <name>', 'the bridge')
      .option('--uplink <name>', 'network card to put on the bridge; its addresses and routes move along')
      .option('--tap <name>', 'TAP to make for a user and to put on the bridge')
      .option('--user <name>', 'who may open the TAP (default: who called sudo)');
    if (action === 'up') command.option('--multi-queue', 'make the TAP with a queue for each of several --workers');
    command.action((flags: { bridge: string; uplink?: string; tap?: string; user?: string; multiQueue?: true }) =>
      found({
        kind: 'host',
        action,
        bridge: flags.bridge,
        uplink: flags.uplink,
        tap: flags.tap,
        user: flags.user,
        multiQueue: flags.multiQueue ?? false,
      }),
    );
  }
}
