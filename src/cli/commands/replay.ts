/** `sitekernel replay FILE`: plays what `--record` wrote, offline, and tells what happened. */

import { UserError } from '../../errors/user-error.js';
import type { Device } from '../../net/device/device.js';
import { CaptureDevice } from '../../net/device/wrap/capture.js';
import type { RecordedConfig } from '../../net/direct/replay/events.js';
import { readRecording } from '../../net/direct/replay/file.js';
import { Player, type PlayerOptions, type Replayed } from '../../net/direct/replay/player.js';
import type { ProbeEvent } from '../../net/probe.js';
import { formatIpv4, placeText } from '../../net/wire/address.js';
import { formatIpv6 } from '../../net/wire/ipv6.js';
import { packageVersion } from '../../serve/program-files.js';
import type { ReplayOptions } from '../arguments/replay.js';

export function runReplay(options: ReplayOptions): void {
  const { config, segments, first } = readRecording(options.file);
  say(
    `recorded by sitekernel ${config.version} at ${new Date(config.wallClock).toISOString()}: ${config.mac}, ${addressed(config)}, ${config.congestion}`,
  );
  if (config.version !== packageVersion()) say(`this is sitekernel ${packageVersion()}, which may do otherwise`);
  if (first > 1) {
    say(
      `the beginning is lost, the ring was full ${first - 1} times: connections that were open then are not known here`,
    );
  }
  const captures: CaptureDevice[] = [];
  const { pcap } = options;
  const played: PlayerOptions = {
    onEvent: (sentence, now) => say(`${at(now - config.clock)}  ${sentence}`),
    ...(pcap === undefined ? {} : { wrap: (device) => capture(device, pcap, captures, () => wall()) }),
  };
  const player = new Player(config, segments, first > 1, played);
  if (options.trace) player.tcp.probe = (event) => say(`${at(event.now - config.clock)}  ${describe(event)}`);
  const wall = (): number => config.wallClock + player.now - config.clock;
  const result = player.run();
  for (const one of captures) one.close();
  tell(player, result, first > 1);
  if (result.thrown !== undefined) {
    say(`the stack threw: ${result.thrown instanceof Error ? result.thrown.stack : String(result.thrown)}`);
    throw new UserError(`the replay ended as the recorded program may have: see the error above`);
  }
  if (result.divergence !== undefined) throw new UserError(`the replay left the recording: ${result.divergence}`);
  if (result.stateAsRecorded === false) throw new UserError('the state at the end is not the one that was recorded');
}

/** How the recorded program came by its addresses. */
function addressed({ static: given, noIpv4, ipv6 }: RecordedConfig): string {
  const four = given === undefined ? 'DHCP' : `${given.address}/${given.prefix}`;
  const six = ipv6?.addresses.map((one) => `${one.address}/${one.prefix}`) ?? [];
  const all = noIpv4 === true ? six : [four, ...six];
  return all.length === 0 ? 'IPv6 as routers offer it' : all.join(', ');
}

const FLAGS = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C'];

function describe(event: ProbeEvent): string {
  const { direction, remote, localPort, flags, length, stateBefore, stateAfter, cwnd, srtt, inFlight } = event;
  const names = FLAGS.filter((_, i) => (flags & (1 << i)) !== 0).join('');
  const state = stateBefore === stateAfter ? stateAfter : `${stateBefore} -> ${stateAfter}`;
  const numbers = `seq ${event.seq >>> 0} ack ${event.ack >>> 0} win ${event.window} len ${length}`;
  const path = cwnd === 0 ? '' : `, cwnd ${cwnd}, ${inFlight} in flight, srtt ${srtt.toFixed(1)} ms`;
  return `${direction === 'in' ? '>' : '<'} ${remote} :${localPort} ${names} ${numbers}, ${state}${path}`;
}

function capture(device: Device, file: string, made: CaptureDevice[], wall: () => number) {
  const tee = new CaptureDevice(device, file, wall, (sentence) => say(sentence));
  made.push(tee);
  return {
    device: tee,
    handing: (sink: Parameters<CaptureDevice['handing']>[0]) => tee.handing(sink),
    dropped: tee.dropped,
  };
}

function tell(player: Player, result: Replayed, lost: boolean): void {
  const { tcp, stack, drops } = player;
  say(
    `${result.framesIn} frames came and ${result.framesOut} were sent in ${(result.duration / 1000).toFixed(3)} s; ` +
      `${tcp.counters.accepted} connections were accepted, ${tcp.counters.retransmissions} retransmissions, ${tcp.counters.resetsSent} resets sent`,
  );
  const dropped = Object.entries(drops.toJSON());
  if (dropped.length > 0) say(`dropped: ${dropped.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  const four = stack.config?.address;
  const six = [...stack.v6.addresses].map(({ bytes }) => formatIpv6(bytes));
  const all = [...(four === undefined ? [] : [formatIpv4(four)]), ...six];
  say(`at the end: ${all.length === 0 ? 'no address' : all.join(', ')}, ${tcp.connections.size} connections`);
  let told = 0;
  for (const c of tcp.connections) {
    if (told++ === 20) break;
    const { state, cwnd, bytesInFlight, retransmissions } = c.info();
    say(
      `  ${placeText(c.remote.address, c.remote.port)} to port ${c.localPort}: ${state}, ${c.queued} bytes queued, ${bytesInFlight} in flight, cwnd ${cwnd}, ${retransmissions} retransmissions`,
    );
  }
  if (player.blanks > 0)
    say(`${player.blanks} long writes were recorded by their length only: their bytes are zeros here`);
  if (result.divergence !== undefined || result.thrown !== undefined || lost) return;
  say(
    result.marks === 0
      ? 'nothing in the recording says what was sent: it ended too soon'
      : `the headers of every frame were as recorded, at ${result.marks} marks (digest ${result.sent})`,
  );
  say(
    result.stateAsRecorded === undefined
      ? `the recording did not end in order; the state is ${result.state}`
      : result.stateAsRecorded
        ? `the state at the end is the recorded one (digest ${result.state})`
        : `the state at the end is another one than recorded (digest ${result.state})`,
  );
}

function at(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(10)} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
