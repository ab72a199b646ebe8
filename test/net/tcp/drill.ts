/**
 * Packet scripts as packetdrill has them, in virtual time: `s.in('P. 1:101(100) ack 1')` gives a segment to the stack,
 * `s.out()` tells what it sent since, in the same notation.
 *
 * A segment is `FLAGS [SEQ:END(LENGTH)] [ack N] [win N] [urg N] [<option, option>]`. Flags are S F R P U E (ECE) W
 * (CWR) and `.` for ACK. Sequence numbers count from each side's first one: its SYN is 0. Options: `mss N`, `wscale N`,
 * `sackOK`, `TS val N ecr N` (`ecr last`: the newest that the stack sent), `sack A:B C:D`, `nop`, `raw HEX`. What is
 * sent has `win` and `TS` only where the script asks for them.
 */
import type { CongestionName } from '../../../src/net/tcp/congestion/index.js';
import type { Connection, TcpLimits } from '../../../src/net/tcp/index.js';
import { concat, view } from '../../sim/packets.js';
import { type Got, Script } from './script.js';

const LETTERS: readonly [string, number][] = [
  ['S', 2],
  ['F', 1],
  ['R', 4],
  ['P', 8],
  ['U', 32],
  ['E', 64],
  ['W', 128],
  ['.', 16],
];
const IRS = 1000;
const LINE =
  /^([SFRPUEW.-]+)(?: (-?\d+)(?::(-?\d+)\((\d+)\))?)?(?: ack (-?\d+))?(?: win (\d+))?(?: urg (\d+))?(?: <(.*)>)?$/;

export interface DrillOptions {
  readonly seed?: number;
  readonly congestion?: CongestionName;
  readonly limits?: Partial<TcpLimits>;
  readonly offload?: boolean;
}

export class Drill extends Script {
  /** The stack's first sequence number, once its SYN or SYN-ACK was seen. */
  iss = 0;
  stamp = 0;
  peer = 5000;

  constructor({ seed = 1, ...options }: DrillOptions = {}) {
    super(seed, options);
  }

  get connection(): Connection {
    return this.flow as Connection;
  }

  /** What the owner's side does, as an entry of the stack. */
  do(what: (flow: Connection) => void): void {
    this.host.enter(() => what(this.connection));
  }

  in(line: string): void {
    const match = LINE.exec(line);
    if (match === null) throw new Error(`no segment: ${line}`);
    const [, letters = '', seq = '0', , length = '0', ack, win, urg, options] = match;
    const flags = LETTERS.reduce((all, [letter, bit]) => (letters.includes(letter) ? all | bit : all), 0);
    const payload = Uint8Array.from({ length: Number(length) }, (_, i) => (Number(seq) + i) & 127);
    this.send(flags, {
      from: this.peer,
      seq: (IRS + Number(seq)) | 0,
      ack: ack === undefined ? 0 : (this.iss + Number(ack)) | 0,
      ...(win === undefined ? {} : { window: Number(win) }),
      ...(urg === undefined ? {} : { urgent: Number(urg) }),
      options: options === undefined ? new Uint8Array(0) : this.options(options),
      payload,
    });
  }

  private options(text: string): Uint8Array {
    const parts = text.split(', ').map((option) => {
      const [kind = '', ...words] = option.split(' ');
      const bytes = new Uint8Array(40);
      const data = view(bytes);
      const made = (...head: number[]): Uint8Array => {
        bytes.set(head, 0);
        return bytes.subarray(0, head[1]);
      };
      if (kind === 'mss') {
        data.setUint16(2, Number(words[0]));
        return made(2, 4);
      }
      if (kind === 'wscale') return Uint8Array.of(3, 3, Number(words[0]));
      if (kind === 'sackOK') return Uint8Array.of(4, 2);
      if (kind === 'nop') return Uint8Array.of(1);
      if (kind === 'raw') return Uint8Array.from(Buffer.from(words[0] as string, 'hex'));
      if (kind === 'TS') {
        data.setInt32(2, Number(words[1]));
        data.setInt32(6, words[3] === 'last' ? this.stamp : Number(words[3]));
        return made(8, 10);
      }
      if (kind === 'sack') {
        words.forEach((block, i) => {
          const [left, right] = block.split(':').map(Number) as [number, number];
          data.setInt32(2 + 8 * i, (this.iss + left) | 0);
          data.setInt32(6 + 8 * i, (this.iss + right) | 0);
        });
        return made(5, 2 + 8 * words.length);
      }
      throw new Error(`no option: ${option}`);
    });
    const all = concat(...parts);
    return concat(all, new Uint8Array((4 - (all.length % 4)) % 4).fill(1));
  }

  /** What the stack sent since the last look. */
  out(show: { win?: boolean; TS?: boolean } = {}): string[] {
    return this.since().map((one) => this.line(one, show));
  }

  /** The same, with `ms: ` before each: when it left, since `from`. */
  timed(from = 0): string[] {
    return this.since().map((one) => `${Math.round(one.time - from)}: ${this.line(one, {})}`);
  }

  private line(one: Got, { win = false, TS = false }): string {
    if ((one.flags & 2) !== 0) this.iss = one.seq;
    const flags = LETTERS.map(([letter, bit]) => ((one.flags & bit) !== 0 ? letter : '')).join('');
    const seq = (one.seq - this.iss) | 0;
    const words = [flags];
    const takes = one.data.length + ((one.flags & 3) !== 0 ? 1 : 0);
    if (one.data.length > 0 || takes > 0 || (one.flags & 4) !== 0) {
      words.push(one.data.length > 0 ? `${seq}:${seq + one.data.length}(${one.data.length})` : `${seq}`);
    }
    if ((one.flags & 16) !== 0) words.push(`ack ${(one.ack - IRS) | 0}`);
    if (win) words.push(`win ${one.window}`);
    if ((one.flags & 32) !== 0) words.push(`urg ${one.urgent}`);
    const options = this.readOptions(one, TS);
    if (options.length > 0) words.push(`<${options.join(', ')}>`);
    return words.join(' ');
  }

  private readOptions(one: Got, TS: boolean): string[] {
    const bytes = one.options;
    const data = view(bytes);
    const found: string[] = [];
    const syn = (one.flags & 2) !== 0;
    for (let at = 0; at < bytes.length; ) {
      const kind = bytes[at] as number;
      const length = kind === 1 ? 1 : (bytes[at + 1] as number);
      if (kind === 0) break;
      if (kind === 2) found.push(`mss ${data.getUint16(at + 2)}`);
      else if (kind === 3) found.push(`wscale ${bytes[at + 2]}`);
      else if (kind === 4) found.push('sackOK');
      else if (kind === 8) {
        this.stamp = data.getInt32(at + 2);
        if (TS) found.push(`TS ecr ${data.getInt32(at + 6)}`);
        else if (syn) found.push('TS');
      } else if (kind === 5) {
        const blocks: string[] = [];
        for (let i = at + 2; i < at + length; i += 8) {
          blocks.push(`${(data.getInt32(i) - IRS) | 0}:${(data.getInt32(i + 4) - IRS) | 0}`);
        }
        found.push(`sack ${blocks.join(' ')}`);
      }
      at += Math.max(length, 1);
    }
    return found;
  }

  /** The three segments of a handshake; the peer's SYN carries `options`. Answers the SYN-ACK. */
  handshake(options = 'mss 1460, sackOK', window = 65_535): string {
    this.in(`S 0 win ${window} <${options}>`);
    this.wait(1);
    const [answer = ''] = this.out();
    const value = /TS val (\d+)/.exec(options)?.[1];
    const stamps = value === undefined ? '' : ` <TS val ${value} ecr last>`;
    this.in(`. 1 ack 1 win ${window}${stamps}`);
    return answer;
  }

  get now(): number {
    return this.world.time.now();
  }
}
