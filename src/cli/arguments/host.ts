/** `host up` and `host down`. */
import { type Command, Option } from 'commander';
import { quiet } from '../values/quiet.js';

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

/** Help of the two, each in words of its own. */
const WORDS = {
  up: {
    does: 'Makes what is missing of it.',
    bridge: 'the bridge to make',
    uplink: 'network card to put on the bridge; its addresses and routes move along',
    tap: 'TAP to make for a user and to put on the bridge',
  },
  down: {
    does: 'Removes what "up" made: name the same bridge, network card and TAP.',
    bridge: 'the bridge to remove',
    uplink: 'network card to take off the bridge; it gets the addresses and routes back',
    tap: 'TAP to remove',
  },
} as const;

export function addHost(program: Command, found: (options: HostOptions) => void): void {
  const host = quiet(program.command('host')).description(
    'Prepares a host, as root: a bridge, and a TAP that a user owns, so that the server itself needs no root.',
  );
  for (const action of ['up', 'down'] as const) {
    const words = WORDS[action];
    const command = quiet(host.command(action))
      .description(words.does)
      .requiredOption('--bridge <name>', words.bridge)
      .option('--uplink <name>', words.uplink)
      .option('--tap <name>', words.tap);
    if (action === 'up') {
      command
        .option('--user <name>', 'who may open the TAP (default: who called sudo)')
        .option('--multi-queue', 'make the TAP with a queue for each of several --workers');
    } else command.addOption(new Option('--user <name>', 'not needed').hideHelp());
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
