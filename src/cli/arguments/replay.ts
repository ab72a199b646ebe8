/** `replay`. */
import type { Command } from 'commander';
import { quiet } from '../values/quiet.js';

export interface ReplayOptions {
  readonly kind: 'replay';
  readonly file: string;
  readonly pcap: string | undefined;
  /** Print each TCP segment with its connection's state. */
  readonly trace: boolean;
}

export function addReplay(program: Command, found: (options: ReplayOptions) => void): void {
  quiet(program.command('replay'))
    .description('Plays a recording (--record) into a stack of its own, offline, and tells what happened.')
    .argument('<FILE>', 'the recording')
    .option('--pcap <file>', 'write a capture of it (pcapng when the name ends so: with the reason of each drop)')
    .option('--trace', "print each TCP segment with its connection's state, window and round-trip time", false)
    .action((file: string, flags: { pcap?: string; trace: boolean }) =>
      found({ kind: 'replay', file, pcap: flags.pcap, trace: flags.trace }),
    );
}
