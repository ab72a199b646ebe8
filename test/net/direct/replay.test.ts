/** Recordings without a wire: what is kept, what a changed one is told by, and files that are none. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runReplay } from '../../../src/cli/commands/replay.js';
import { Memory } from '../../../src/memory/memory.js';
import { MemoryDevice } from '../../../src/net/device/memory/memory-link.js';
import { buildMode, buildStack } from '../../../src/net/direct/replay/build-stack.js';
import { digestState } from '../../../src/net/direct/replay/digest.js';
import * as E from '../../../src/net/direct/replay/events.js';
import { FileTape, readRecording } from '../../../src/net/direct/replay/file.js';
import { Player } from '../../../src/net/direct/replay/player.js';
import { RecordedDevice } from '../../../src/net/direct/replay/recorded-device.js';
import { Owners } from '../../../src/net/direct/replay/recorded-flow.js';
import { Recorder } from '../../../src/net/direct/replay/recorder.js';
import { Drops } from '../../../src/net/drops.js';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import { ACK, arp, concat, ethernet, ip, PSH, SYN, TYPE_ARP, TYPE_IPV4, tcp } from '../../sim/packets.js';
import { icmp6, ip6, ndOption, TYPE_IPV6, tcp6 } from '../../sim/packets6.js';

const OURS = Uint8Array.of(2, 0, 0, 0, 0, 1);
const THEIRS = Uint8Array.of(2, 0, 0, 0, 0, 2);
const US = ip('10.0.0.1');
const PEER = ip('10.0.0.2');
const SIX = { addresses: [{ address: '2001:db8::2', prefix: 64 }], anycast: [], secret: [1, 2, 3, 4] as const };
const hello = Memory.of('hello, peer');

/**
 * A server that answers each segment of `connections` clients, recorded to `file`. `crash`: it ends without a word.
 * `at`: where frames lie in the device's buffer. `six`: one more client comes over IPv6, and pings.
 */
function record(file: string, connections: number, { bytes = 8 << 20, crash = false, at = 0, six = false } = {}): void {
  const config = {
    ...{ version: '0', mac: '02:00:00:00:00:01', mtu: 1500, checksum: false, segmentation: 0 },
    ...{
      static: { address: '10.0.0.1', prefix: 24 },
      ipv6: six ? SIX : undefined,
      hostname: undefined,
      congestion: 'cubic',
      wallClock: 0,
      clock: 0,
    },
  };
  const recorder = new Recorder(new FileTape(file, bytes, config, t.fail));
  const owners = new Owners(recorder);
  const memory = new MemoryDevice(OURS);
  const sent: Uint8Array[] = [];
  memory.wire = (frame) => {
    sent.push(frame);
    return true;
  };
  const random = recorder.recording(new SeededRandom(7));
  const { stack, tcp: layer } = buildStack({
    device: new RecordedDevice(memory, recorder),
    random,
    drops: new Drops(),
    congestion: 'cubic',
  });
  const quiet = { address() {}, event() {}, notice() {}, failed() {}, addresses6() {}, failed6() {} };
  const mode = buildMode(stack, { static: config.static, ipv6: config.ipv6 }, undefined, quiet);
  let now = 0;
  const turn = (): void => {
    recorder.turn(E.FLUSH, now);
    stack.flush(now);
    recorder.turn(E.POLL, now);
    stack.poll(now);
    mode.poll(now);
    stack.pollNeighbours(now);
  };
  const frame = (bytes: Uint8Array): void => {
    now += 0.5;
    const buffer = new Uint8Array(at + bytes.length);
    buffer.set(bytes, at);
    recorder.frame(buffer, at, buffer.length, 0, now);
    stack.input(buffer, at, buffer.length, 0, now);
    turn();
  };
  recorder.turn(E.START, now);
  mode.start(now);
  while (stack.config === undefined || (six && now < 3000)) {
    now += 10;
    turn();
  }
  recorder.port(E.LISTEN, 80);
  layer.listen(
    80,
    owners.accepting((flow) => {
      flow.handler = {
        data: () => flow.write(hello, 0, hello.bytes.length),
        ended: () => flow.end(),
        drained() {},
        closed() {},
      };
    }),
  );
  frame(
    ethernet(
      OURS,
      THEIRS,
      TYPE_ARP,
      arp({ operation: 1, senderMac: THEIRS, sender: PEER, targetMac: OURS, target: US }),
    ),
  );
  for (let i = 0; i < connections; i++) {
    const to = { source: PEER, from: 2000 + i, destination: US, to: 80 };
    frame(ethernet(OURS, THEIRS, TYPE_IPV4, tcp({ ...to, seq: 9, ack: 0, flags: SYN })));
    const answer = sent[sent.length - 1]!;
    const ack = new DataView(answer.buffer, answer.byteOffset).getInt32(38) + 1;
    frame(ethernet(OURS, THEIRS, TYPE_IPV4, tcp({ ...to, seq: 10, ack, flags: ACK })));
    frame(
      ethernet(
        OURS,
        THEIRS,
        TYPE_IPV4,
        tcp({ ...to, seq: 10, ack, flags: ACK | PSH, payload: Uint8Array.of(1, 2, 3) }),
      ),
    );
  }
  if (six) {
    const ends = { source: ip6('2001:db8::77'), destination: ip6('2001:db8::2') };
    const known = icmp6(
      { ...ends, hops: 255 },
      ...([135, 0] as const),
      concat(new Uint8Array(4), ends.destination, ndOption(1, THEIRS)),
    );
    const echo = icmp6({ ...ends, hops: 64 }, 128, 0, new Uint8Array(40));
    const open = tcp6({ ...ends, from: 5000, to: 80, seq: 9, ack: 0, flags: SYN });
    for (const one of [known, echo, open]) frame(ethernet(OURS, THEIRS, TYPE_IPV6, one));
  }
  if (crash) return;
  recorder.finish(digestState([stack, mode]), now);
}

function play(file: string) {
  const { config, segments, first } = readRecording(file);
  return new Player(config, segments, first > 1).run();
}

function file(t: Test, name: string): string {
  return join(t.testdir({}), name);
}

t.test('a recording plays to the same frames and the same state', async (t) => {
  const name = file(t, 'a.replay');
  record(name, 20);
  const result = play(name);
  t.match(result, { divergence: undefined, thrown: undefined, stateAsRecorded: true, framesIn: 61 });
  t.ok(result.framesOut > 40 && result.marks > 0);
  t.same(play(name), result, 'and does so again');
});

t.test('where frames lie in the device is no part of the state', async (t) => {
  const name = file(t, 'a.replay');
  record(name, 3, { at: 10, six: true });
  const result = play(name);
  t.match(result, { divergence: undefined, thrown: undefined, stateAsRecorded: true, framesIn: 13 });
  t.ok(result.framesOut > 10, `${result.framesOut} answers`);
});

t.test('a recording without an end is played as far as it goes', async (t) => {
  const name = file(t, 'a.replay');
  record(name, 20, { crash: true });
  t.match(play(name), { divergence: undefined, stateAsRecorded: undefined, framesIn: 61 });
  truncateSync(name, 4096 + 8 + 3000);
  const cut = play(name);
  t.equal(cut.divergence, undefined);
  t.ok(cut.framesIn > 10 && cut.framesIn < 61);
});

t.test('a recording that was changed is told from what happened', async (t) => {
  const name = file(t, 'a.replay');
  record(name, 5);
  const bytes = readFileSync(name);
  // Of the first SYN the window scale does not matter, its sequence number does: the answer acknowledges another one.
  const at = bytes.indexOf(Buffer.from([0, 0, 0, 9, 0, 0, 0, 0]));
  bytes[at + 3] = 10;
  bytes[at + 12 + 1] = bytes[at + 12 + 1]! - 1;
  writeFileSync(name, bytes);
  t.match(play(name).divergence, /^at event \d+, [\d.]+ ms: /);
});

t.test('a full ring keeps to its size, and plays from where it begins', async (t) => {
  const name = file(t, 'a.replay');
  record(name, 1200, { bytes: 1.25 * 2 ** 20 });
  t.ok(readFileSync(name).length <= 1.25 * 2 ** 20);
  const { first } = readRecording(name);
  t.ok(first > 1);
  t.match(play(name), { divergence: undefined, thrown: undefined });
});

t.test('files that are no recording: one sentence', async (t) => {
  const folder = t.testdir({ text: 'not one', empty: '', header: 'sitekernel replay 1\n{"segment":' });
  const empty = join(folder, 'no-events');
  writeFileSync(empty, 'sitekernel replay 1\n{"segment":4096}\n');
  for (const [name, sentence] of [
    ['nowhere', /nowhere does not exist$/],
    ['text', /text is not a recording; one is made with --record FILE$/],
    ['empty', /empty is not a recording/],
    ['header', /header is damaged|the header of .* is damaged/],
    ['no-events', /has no events/],
  ] as const) {
    t.throws(() => runReplay({ kind: 'replay', file: join(folder, name), pcap: undefined, trace: false }), {
      message: sentence,
    });
  }
});
