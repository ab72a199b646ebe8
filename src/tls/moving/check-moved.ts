/** Another program's record of a connection is believed no more than a peer: what cannot be is refused, with a code. */
import { type FindMemory, type MemoryRange, rangesOf } from '../../memory/pieces.js';
import { type RefusalCode, RefusedMove } from '../../net/refused-move.js';
import { type CipherSuite, suiteById } from '../common/suites.js';
import type { TlsLimits } from '../record/endpoint.js';
import { CONTENT, MOST_PROTECTED, RECORD_HEADER } from '../wire/numbers.js';
import { FLAG, type MovedDirection, type MovedFlow, VERSION } from './moved-flow.js';

/** Bytes of a handshake message's header, and of a name (RFC 7301 3.1, RFC 1035 2.3.4). */
const MESSAGE_HEADER = 4;
const MOST_NAME = 255;

/** A record that fits together. */
export interface CheckedFlow {
  readonly moved: MovedFlow;
  readonly suite: CipherSuite;
  readonly queue: readonly MemoryRange[];
}

/** Throws a `RefusedMove`. The bytes of secrets become the caller's. */
export function checkMoved(said: unknown, find: FindMemory, limits: TlsLimits): CheckedFlow {
  demand(isObject(said), 'moved-field', 'no record of TLS');
  const moved = said as unknown as MovedFlow;
  demand(moved.tls === VERSION, 'moved-field', 'another version');
  const suite = Number.isInteger(moved.suite) ? suiteById(moved.suite) : undefined;
  if (suite === undefined) throw new RefusedMove('moved-suite', 'a cipher suite that is not known');
  checkDirection(moved.reading, suite, Number.MAX_SAFE_INTEGER);
  checkDirection(moved.writing, suite, suite.records);
  checkIncoming(moved.incoming);
  checkMessage(moved.message, limits.message);
  const [empty, updates, since] = counts(moved.counts, 3);
  demand(empty! <= limits.emptyRecords && updates! <= limits.keyUpdates, 'moved-field', 'more than may be');
  demand(since! >= 0, 'moved-field', 'a time to come');
  counts(moved.sizes, 2);
  const { flags } = moved;
  demand(Number.isInteger(flags) && flags >= 0 && flags < 16, 'moved-field', 'flags that are not known');
  for (const name of [moved.alpn, moved.serverName])
    demand(name === null || (typeof name === 'string' && name.length <= MOST_NAME), 'moved-field', 'no name');
  const queue = rangesOf(moved.queue, find);
  if (queue === undefined) throw new RefusedMove('moved-memory', 'bytes that are not at hand');
  // Behind close_notify nothing is sent (RFC 8446 6.1).
  const asked = (flags & FLAG.endAsked) !== 0;
  demand((flags & FLAG.ended) === 0 || (asked && queue.length === 0), 'moved-field', 'an end before its time');
  return { moved, suite, queue };
}

function checkDirection(said: MovedDirection, suite: CipherSuite, most: number): void {
  demand(isObject(said), 'moved-key', 'no key');
  const { secret, number } = said;
  demand(secret instanceof Uint8Array && secret.length === suite.hashLength, 'moved-key', 'a secret of another length');
  demand(Number.isInteger(number) && number >= 0 && number <= most, 'moved-key', 'a number that no record has');
}

/** The beginning of a record, which is not whole: what is kept when its header is here was looked at. */
function checkIncoming(bytes: Uint8Array): void {
  demand(bytes instanceof Uint8Array, 'moved-incoming', 'no bytes');
  if (bytes.length < RECORD_HEADER) return;
  const length = (bytes[3]! << 8) | bytes[4]!;
  demand(length <= MOST_PROTECTED, 'moved-incoming', 'a record that is longer than it may be');
  demand(bytes.length < RECORD_HEADER + length, 'moved-incoming', 'a record that is whole');
  const type = bytes[0]!;
  demand(type >= CONTENT.changeCipherSpec && type <= CONTENT.applicationData, 'moved-incoming', 'no record of TLS');
}

function checkMessage(bytes: Uint8Array, most: number): void {
  demand(bytes instanceof Uint8Array, 'moved-incoming', 'no bytes');
  if (bytes.length < MESSAGE_HEADER) return;
  const size = MESSAGE_HEADER + ((bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!);
  demand(size <= most && bytes.length < size, 'moved-incoming', 'no beginning of a message');
}

function counts(said: unknown, length: number): readonly number[] {
  const right = Array.isArray(said) && said.length === length && said.every((one) => Number.isInteger(one) && one >= 0);
  demand(right, 'moved-field', 'no list of numbers');
  return said as number[];
}

function isObject(said: unknown): said is object {
  return typeof said === 'object' && said !== null;
}

function demand(right: boolean, code: RefusalCode, message: string): asserts right {
  if (!right) throw new RefusedMove(code, message);
}
