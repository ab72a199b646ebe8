/** What comes: records are put together, decrypted and checked, and their content is handed to the connection. */
import { ALERT, type AlertName, TlsError } from './common/alert.js';
import { type CipherSuite, TAG_LENGTH } from './common/suites.js';
import { Direction } from './direction.js';
import type { Handshake } from './handshake/channel.js';
import type { MovedReader } from './moving/moved-flow.js';
import type { Endpoint } from './record/endpoint.js';
import { Incoming, type RecordSink } from './record/incoming.js';
import { Messages } from './record/messages.js';
import { CONTENT, MESSAGE, MOST_CONTENT, MOST_PROTECTED, RECORD_HEADER } from './wire/numbers.js';

/** The connection whose records are read. */
export interface ReaderOwner {
  /** Undefined: it is over. */
  readonly handshake: Handshake | undefined;
  /** Nothing more is read. */
  readonly over: boolean;
  /** Application data, `bytes[at..end)`, which holds during the call. */
  content(bytes: Uint8Array, at: number, end: number): void;
  /** A handshake message with its header; `bytes` is the owner's. KeyUpdate is none of them. */
  message(type: number, bytes: Uint8Array): void;
  /** The peer has changed its key, and asks for another of ours if `asks` (RFC 8446 4.6.3). */
  keyUpdated(asks: boolean): void;
  /** An alert but `user_canceled`, by its number. */
  alert(description: number): void;
  /** The connection ends with this alert. */
  fail(alert: AlertName, reason: string): void;
}

export class RecordReader implements RecordSink {
  readonly #endpoint: Endpoint;
  readonly #owner: ReaderOwner;
  #reading: Direction | undefined = undefined;
  readonly #incoming = new Incoming();
  #messages: Messages | undefined = new Messages();
  /** The key was changed by the message at hand. */
  #changed = false;
  /**
   * Bytes and records that came in the handshake; afterwards records without content in a row, and KeyUpdates in this
   * second.
   */
  #bytes = 0;
  #records = 0;
  #updatesSince = 0;

  constructor(endpoint: Endpoint, owner: ReaderOwner) {
    this.#endpoint = endpoint;
    this.#owner = owner;
  }

  /** Opens under this secret's key from now on; nothing may be left of what came before. */
  use(suite: CipherSuite, secret: Uint8Array): void {
    this.#reading?.destroy();
    this.#reading = new Direction(this.#endpoint, suite, secret);
    this.#changed = true;
  }

  /** The handshake is over: other things are counted from now on. */
  established(): void {
    this.#bytes = 0;
    this.#records = 0;
  }

  /**
   * Bytes came. `bytes[start..end)` holds during the call. Returns the place behind what was read: less than `end`
   * where the connection was over before.
   */
  arrived(bytes: Uint8Array, start: number, end: number): number {
    const owner = this.#owner;
    let at = start;
    while (at < end && !owner.over) at = this.#incoming.next(bytes, at, end, this);
    return at;
  }

  sizeAt(bytes: Uint8Array, at: number): number {
    const type = bytes[at]!;
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    // RFC 8446 5.1: the version in a record is ignored.
    if (type < CONTENT.changeCipherSpec || type > CONTENT.applicationData) {
      this.#owner.fail('unexpectedMessage', 'no record of TLS');
      return 0;
    }
    const most = type === CONTENT.applicationData && this.#reading !== undefined ? MOST_PROTECTED : MOST_CONTENT;
    if (length > (this.#owner.handshake?.skipsEarlyData === true ? MOST_PROTECTED : most)) {
      this.#owner.fail('recordOverflow', 'a record is longer than it may be');
      return 0;
    }
    return RECORD_HEADER + length;
  }

  record(bytes: Uint8Array, at: number, end: number): void {
    const type = bytes[at]!;
    // Record by record: what a client sends after its Finished may come in the same piece, and does not count.
    if (this.#owner.handshake !== undefined) this.#bytes += end - at;
    if (type === CONTENT.applicationData && this.#reading !== undefined) {
      this.#protected(this.#reading, bytes, at, end);
      return;
    }
    this.#checked(() => this.#plain(type, bytes, at + RECORD_HEADER, end));
  }

  /**
   * Runs `read`, which reads what the peer sent. An error of the peer ends the connection with its alert; any other
   * with `internal_error`.
   */
  #checked(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (error instanceof TlsError) this.#owner.fail(error.alert, error.message);
      else {
        this.#endpoint.onError(error);
        this.#owner.fail('internalError', 'a mistake of this program');
      }
    }
  }

  /** A record that is not protected: only in a handshake. */
  #plain(type: number, bytes: Uint8Array, at: number, end: number): void {
    const { handshake } = this.#owner;
    const { limits } = this.#endpoint;
    if (handshake !== undefined && (++this.#records > limits.handshakeRecords || this.#bytes > limits.handshakeBytes))
      throw new TlsError('unexpectedMessage', 'a handshake with too many records or bytes');
    if (type === CONTENT.changeCipherSpec) {
      // RFC 8446 5: a single byte, dropped without further processing.
      if (handshake?.allowsChangeCipherSpec !== true || end - at !== 1 || bytes[at] !== 1)
        throw new TlsError('unexpectedMessage', 'a change_cipher_spec that is not expected');
    } else if (type === CONTENT.applicationData) {
      if (handshake?.skipsEarlyData !== true)
        throw new TlsError('unexpectedMessage', 'application data before there is a key');
    } else if (this.#reading !== undefined && type === CONTENT.handshake)
      throw new TlsError('unexpectedMessage', 'a handshake message that is not protected');
    else if (type === CONTENT.alert) this.#alert(bytes, at, end);
    else this.#handshakeRecord(bytes, at, end);
  }

  #protected(reading: Direction, bytes: Uint8Array, at: number, end: number): void {
    const input = this.#endpoint.takeInput();
    const size = end - at;
    input.bytes.set(bytes.subarray(at, end));
    if (this.#opens(reading, input, size)) this.#opened(input.bytes, size - TAG_LENGTH);
    this.#endpoint.giveInput(input);
  }

  /** Decrypts; false when the record is skipped, or the connection has ended with it. */
  #opens(reading: Direction, input: { bytes: Uint8Array; address: number }, size: number): boolean {
    const { handshake } = this.#owner;
    const { limits } = this.#endpoint;
    if (handshake !== undefined && (++this.#records > limits.handshakeRecords || this.#bytes > limits.handshakeBytes)) {
      this.#owner.fail('unexpectedMessage', 'a handshake with too many records or bytes');
      return false;
    }
    if (size - RECORD_HEADER >= TAG_LENGTH && reading.key.open(input, 0, size, reading.number)) {
      reading.number += 1;
      // RFC 8446 4.2.10: early data ends where the first record can be decrypted.
      if (handshake?.skipsEarlyData === true) handshake.skipsEarlyData = false;
      return true;
    }
    if (handshake?.skipsEarlyData !== true)
      this.#owner.fail('badRecordMac', 'a record that is not what the peer sealed');
    return false;
  }

  /** TLSInnerPlaintext (RFC 8446 5.4): the last byte that is not zero is the type. */
  #opened(bytes: Uint8Array, behind: number): void {
    let end = behind - 1;
    while (end >= RECORD_HEADER && bytes[end] === 0) end--;
    const type = end < RECORD_HEADER ? 0 : bytes[end];
    // RFC 8446 5.4: padding does not change what a record may hold.
    if (behind - RECORD_HEADER > MOST_CONTENT + 1) {
      this.#owner.fail('recordOverflow', 'the content of a record is longer than it may be');
    } else if (type === CONTENT.applicationData && this.#owner.handshake === undefined) {
      this.#data(bytes, RECORD_HEADER, end);
    } else if (type === CONTENT.applicationData && this.#owner.handshake?.earlyDataLeft !== undefined) {
      this.#earlyData(this.#owner.handshake, bytes, end);
    } else if (type === CONTENT.handshake) this.#checked(() => this.#handshakeRecord(bytes, RECORD_HEADER, end));
    else if (type === CONTENT.alert) this.#checked(() => this.#alert(bytes, RECORD_HEADER, end));
    else this.#owner.fail('unexpectedMessage', 'a protected record of a type that does not belong there');
  }

  #data(bytes: Uint8Array, at: number, end: number): void {
    // RFC 8446 5.1: messages must not be interleaved with other records.
    if (this.#messages?.pending === true) {
      this.#owner.fail('unexpectedMessage', 'data in the middle of a handshake message');
      return;
    }
    if (end > at) {
      this.#bytes = 0;
      this.#owner.content(bytes, at, end);
    } else if (!this.#mayBeEmpty()) this.#owner.fail('unexpectedMessage', 'too many empty records');
  }

  /** Counts a record that brings nothing forward; false: there were too many in a row. */
  #mayBeEmpty(): boolean {
    return ++this.#bytes <= this.#endpoint.limits.emptyRecords;
  }

  /** RFC 8446 4.2.10. Its records are counted as those of the handshake. */
  #earlyData(handshake: Handshake, bytes: Uint8Array, end: number): void {
    const left = handshake.earlyDataLeft! - (end - RECORD_HEADER);
    if (left < 0 || this.#messages?.pending === true) {
      this.#owner.fail('unexpectedMessage', 'more early data than the ticket allows, or in the middle of a message');
      return;
    }
    handshake.earlyDataLeft = left;
    if (end > RECORD_HEADER) this.#owner.content(bytes, RECORD_HEADER, end);
  }

  #handshakeRecord(bytes: Uint8Array, start: number, end: number): void {
    // RFC 8446 5.1: no empty fragments of handshake messages.
    if (end === start) throw new TlsError('unexpectedMessage', 'an empty handshake record');
    this.#messages ??= new Messages();
    const messages = this.#messages;
    for (let at = start; at < end && !this.#owner.over; ) {
      const message = messages.next(bytes, at, end, this.#endpoint.limits.message);
      at = messages.rest;
      if (message === undefined) break;
      this.#changed = false;
      this.#message(message[0]!, message);
      // RFC 8446 5.1: messages must not span a change of keys.
      if (this.#changed && at < end)
        throw new TlsError('unexpectedMessage', 'a handshake message goes on behind a change of keys');
    }
    if (!messages.pending && this.#owner.handshake === undefined) this.#messages = undefined;
  }

  #message(type: number, bytes: Uint8Array): void {
    if (this.#owner.handshake === undefined && type === MESSAGE.keyUpdate) this.#keyUpdate(bytes);
    else this.#owner.message(type, bytes);
  }

  /** RFC 8446 4.6.3. */
  #keyUpdate(bytes: Uint8Array): void {
    if (bytes.length !== 5) throw new TlsError('decodeError', 'KeyUpdate has another length');
    if (bytes[4]! > 1) throw new TlsError('illegalParameter', 'KeyUpdate asks for something unknown');
    const now = this.#endpoint.clock.now();
    if (now - this.#updatesSince >= 1000) {
      this.#updatesSince = now;
      this.#records = 0;
    }
    if (++this.#records > this.#endpoint.limits.keyUpdates)
      throw new TlsError('unexpectedMessage', 'too many KeyUpdates in a second');
    this.#changed = true;
    this.#reading!.update();
    this.#owner.keyUpdated(bytes[4] === 1);
  }

  #alert(bytes: Uint8Array, at: number, end: number): void {
    // RFC 8446 5.4.
    if (end === at) throw new TlsError('unexpectedMessage', 'an empty alert');
    if (end - at !== 2) throw new TlsError('decodeError', 'an alert has another length');
    const description = bytes[at + 1]!;
    if (description !== ALERT.userCanceled) this.#owner.alert(description);
    // Behind the handshake it is ignored, too (RFC 8446 6.1), and no more often than other records without content. In
    // a handshake all records are counted.
    else if (this.#owner.handshake === undefined && !this.#mayBeEmpty())
      throw new TlsError('unexpectedMessage', 'too many alerts that mean nothing');
  }

  /** What another program goes on with. Only behind the handshake. */
  get moved(): MovedReader {
    const since = Math.max(0, Math.round(this.#endpoint.clock.now() - this.#updatesSince));
    return {
      reading: this.#reading!.moved,
      incoming: this.#incoming.kept,
      message: this.#messages?.held ?? new Uint8Array(0),
      counts: [this.#bytes, this.#records, since],
    };
  }

  /** Goes on as in another program. The secret belongs to the reader from now on. */
  restore({ reading, incoming, message, counts: [empty, updates, since] }: MovedReader, suite: CipherSuite): void {
    this.#reading = new Direction(this.#endpoint, suite, reading.secret, reading.number);
    this.#incoming.restore(incoming);
    this.#messages = message.length > 0 ? new Messages() : undefined;
    this.#messages?.restore(message);
    this.#bytes = empty;
    this.#records = updates;
    this.#updatesSince = this.#endpoint.clock.now() - since;
  }

  /** Nothing more is read: keys are overwritten. */
  destroy(): void {
    this.#messages = undefined;
    this.#incoming.forget();
    this.#reading?.destroy();
    this.#reading = undefined;
  }
}
