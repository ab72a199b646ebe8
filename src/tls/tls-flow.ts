/**
 * A flow that protects another: what is written leaves as TLS records (`RecordWriter`), what comes is decrypted and
 * checked here.
 */
import type { Memory } from '../memory/memory.js';
import type { Endpoint as Address, CloseReason, Flow, FlowHandler, FlowInfo, FlowSecurity } from '../net/flow.js';
import { ALERT, ALERT_LEVEL, type AlertName, alertName, TlsError } from './common/alert.js';
import { type CipherSuite, TAG_LENGTH } from './common/suites.js';
import { Direction } from './direction.js';
import type { AfterHandshake, Channel, Handshake } from './handshake/channel.js';
import type { Endpoint } from './record/endpoint.js';
import { Messages } from './record/messages.js';
import { RecordWriter } from './record-writer.js';
import { CONTENT, MESSAGE, MOST_CONTENT, MOST_PROTECTED, RECORD_HEADER } from './wire/numbers.js';

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

/** Follows the connections of an endpoint. */
export interface TlsOwner {
  /** The handshake is over; `flow` gets its handler during the call. */
  established(flow: TlsFlow): void;
  /** The peer ends the connection with this alert (RFC 8446 6); undefined: one that is not known. */
  alerted(flow: TlsFlow, alert: AlertName | undefined): void;
  /** The connection ends with an alert of ours, which waits to be read. */
  failing(flow: TlsFlow, alert: AlertName, reason: string): void;
}

export class TlsFlow implements Flow, Channel {
  handler: FlowHandler = silent;
  context: unknown = undefined;
  security: FlowSecurity | undefined = undefined;
  /** The flow that carries the records. */
  readonly inner: Flow;
  readonly #endpoint: Endpoint;
  readonly #owner: TlsOwner;
  handshake: Handshake | undefined = undefined;
  after: AfterHandshake | undefined = undefined;
  #reading: Direction | undefined = undefined;
  readonly #out: RecordWriter;
  /** The beginning of a record. */
  #partial: Uint8Array | undefined = undefined;
  #partialLength = 0;
  #messages: Messages | undefined = new Messages();
  /** The key for reading was changed by the message at hand. */
  #readChanged = false;
  #low = 0;
  #above = false;
  /** A call of the flow below is under way: what is written leaves when it returns. */
  #inCall = false;
  #endAsked = false;
  /** close_notify was sent: nothing else is. */
  #ended = false;
  /** The peer has said close_notify, or FIN. */
  #peerEnded = false;
  /** It ended with an alert, or below. */
  #over = false;
  /** Bytes and records that came in the handshake; afterwards empty records, and KeyUpdates in this second. */
  #bytes = 0;
  #records = 0;
  #updatesSince = 0;
  /** A KeyUpdate is due before the next record. */
  #updateDue = false;

  constructor(inner: Flow, endpoint: Endpoint, owner: TlsOwner) {
    this.inner = inner;
    this.#endpoint = endpoint;
    this.#owner = owner;
    this.#out = new RecordWriter(inner, endpoint);
  }

  get local(): Address {
    return this.inner.local;
  }

  get remote(): Address {
    return this.inner.remote;
  }

  get queued(): number {
    return this.#over ? 0 : this.#out.bytes + this.inner.queued;
  }

  get unacknowledged(): number | undefined {
    if (this.#over) return 0;
    const below = this.inner.unacknowledged;
    return below === undefined ? undefined : below + this.#out.bytes;
  }

  get lowWater(): number {
    return this.#low;
  }

  set lowWater(bytes: number) {
    this.#low = bytes;
    if (this.queued > bytes) this.#above = true;
    this.#watch();
  }

  info(): FlowInfo {
    return this.inner.info();
  }

  write(memory: Memory, start: number, end: number): void {
    if (this.#endAsked || this.#over || end <= start) return;
    this.#out.write(memory, start, end);
    if (this.queued > this.#low) this.#above = true;
  }

  flush(): void {
    if (this.#over) return;
    this.#pump();
    this.inner.flush();
    if (!this.#inCall) this.#tell();
  }

  end(): void {
    if (this.#endAsked || this.#over) return;
    this.#endAsked = true;
    if (!this.#inCall) this.flush();
  }

  reset(): void {
    this.inner.reset();
  }

  pause(): void {
    this.inner.pause();
  }

  resume(): void {
    this.inner.resume();
  }

  // Channel

  send(messages: Uint8Array): void {
    this.#out.send(CONTENT.handshake, messages);
  }

  sendChangeCipherSpec(): void {
    this.#out.sendChangeCipherSpec();
  }

  writeWith(suite: CipherSuite, secret: Uint8Array): void {
    this.#out.use(suite, secret);
  }

  readWith(suite: CipherSuite, secret: Uint8Array): void {
    this.#reading?.destroy();
    this.#reading = new Direction(this.#endpoint.primitives, suite, secret);
    this.#readChanged = true;
  }

  established(security: FlowSecurity): void {
    this.security = security;
    this.handshake?.destroy();
    this.handshake = undefined;
    this.#bytes = 0;
    this.#records = 0;
  }

  /** Begins a handshake of ours with what it has to say. */
  begin(handshake: Handshake, start: () => void): void {
    this.handshake = handshake;
    start();
    this.inner.flush();
  }

  /** Another engine has the flow below from now on. */
  abandon(): void {
    this.#over = true;
    this.#messages = undefined;
    this.handshake = undefined;
  }

  // Called for the flow below

  /** Bytes came. `bytes[start..end)` holds during the call. */
  arrived(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    this.#inCall = true;
    if (this.handshake !== undefined) this.#bytes += end - start;
    let at = start;
    while (at < end && !this.#over) at = this.#next(bytes, at, end);
    this.#inCall = false;
    if (!this.#over) this.#pump();
    this.#tell();
  }

  /** One record, or the beginning of one; the place behind it. */
  #next(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#partial === undefined) {
      if (end - at >= RECORD_HEADER) {
        const size = this.#sizeAt(bytes, at);
        if (size === 0) return end;
        if (end - at >= size) {
          this.#record(bytes, at, at + size);
          return at + size;
        }
      }
      this.#keep(bytes, at, end);
      return end;
    }
    if (this.#partialLength < RECORD_HEADER) {
      const count = Math.min(RECORD_HEADER - this.#partialLength, end - at);
      this.#keep(bytes, at, at + count);
      at += count;
      if (this.#partialLength < RECORD_HEADER) return at;
    }
    const size = this.#sizeAt(this.#partial, 0);
    if (size === 0) return end;
    const count = Math.min(size - this.#partialLength, end - at);
    this.#keep(bytes, at, at + count);
    if (this.#partialLength === size) {
      const record = this.#partial;
      this.#partial = undefined;
      this.#partialLength = 0;
      this.#record(record, 0, size);
    }
    return at + count;
  }

  /** Keeps the beginning of a record; what is kept grows with what has come. */
  #keep(bytes: Uint8Array, at: number, end: number): void {
    const needed = this.#partialLength + end - at;
    if (this.#partial === undefined || this.#partial.length < needed) {
      const larger = new Uint8Array(Math.min(RECORD_HEADER + MOST_PROTECTED, Math.max(64, 2 * needed)));
      if (this.#partial !== undefined) larger.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = larger;
    }
    this.#partial.set(bytes.subarray(at, end), this.#partialLength);
    this.#partialLength = needed;
  }

  /**
   * Bytes of the record whose header is at `at`, header included; 0: it may not be so long, and the connection has
   * ended.
   */
  #sizeAt(bytes: Uint8Array, at: number): number {
    const type = bytes[at]!;
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    // RFC 8446 5.1: the version in a record is ignored.
    if (type < CONTENT.changeCipherSpec || type > CONTENT.applicationData) {
      this.fail('unexpectedMessage', 'no record of TLS');
      return 0;
    }
    const most = type === CONTENT.applicationData && this.#reading !== undefined ? MOST_PROTECTED : MOST_CONTENT;
    if (length > (this.handshake?.skipsEarlyData === true ? MOST_PROTECTED : most)) {
      this.fail('recordOverflow', 'a record is longer than it may be');
      return 0;
    }
    return RECORD_HEADER + length;
  }

  #record(bytes: Uint8Array, at: number, end: number): void {
    const type = bytes[at]!;
    if (type === CONTENT.applicationData && this.#reading !== undefined) {
      this.#protected(this.#reading, bytes, at, end);
      return;
    }
    this.#checked(() => this.#plain(type, bytes, at + RECORD_HEADER, end));
  }

  /**
   * Runs what reads a peer's words. An error of the peer ends the connection with its alert; any other with
   * `internal_error`.
   */
  #checked(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (error instanceof TlsError) this.fail(error.alert, error.message);
      else {
        this.#endpoint.onError(error);
        this.fail('internalError', 'a mistake of this program');
      }
    }
  }

  /** A record that is not protected: only in a handshake. */
  #plain(type: number, bytes: Uint8Array, at: number, end: number): void {
    const { handshake } = this;
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
    const { handshake } = this;
    const { limits } = this.#endpoint;
    if (handshake !== undefined && (++this.#records > limits.handshakeRecords || this.#bytes > limits.handshakeBytes)) {
      this.fail('unexpectedMessage', 'a handshake with too many records or bytes');
      return false;
    }
    if (size - RECORD_HEADER > TAG_LENGTH && reading.key.open(input, 0, size, reading.number)) {
      reading.number += 1;
      return true;
    }
    if (handshake?.skipsEarlyData !== true) this.fail('badRecordMac', 'a record that is not what the peer sealed');
    return false;
  }

  /** TLSInnerPlaintext (RFC 8446 5.4): the last byte that is not zero is the type. */
  #opened(bytes: Uint8Array, behind: number): void {
    let end = behind - 1;
    while (end >= RECORD_HEADER && bytes[end] === 0) end--;
    const type = end < RECORD_HEADER ? 0 : bytes[end];
    if (end - RECORD_HEADER > MOST_CONTENT) {
      this.fail('recordOverflow', 'the content of a record is longer than it may be');
    } else if (type === CONTENT.applicationData && this.handshake === undefined) {
      this.#data(bytes, RECORD_HEADER, end);
    } else if (type === CONTENT.handshake) this.#checked(() => this.#handshakeRecord(bytes, RECORD_HEADER, end));
    else if (type === CONTENT.alert) this.#checked(() => this.#alert(bytes, RECORD_HEADER, end));
    else this.fail('unexpectedMessage', 'a protected record of a type that does not belong there');
  }

  #data(bytes: Uint8Array, at: number, end: number): void {
    // RFC 8446 5.1: messages must not be interleaved with other records.
    if (this.#messages?.pending === true) {
      this.fail('unexpectedMessage', 'data in the middle of a handshake message');
      return;
    }
    if (end > at) {
      this.#bytes = 0;
      // RFC 8446 6.1: what comes behind close_notify is ignored.
      if (!this.#peerEnded) this.handler.data(this, bytes, at, end);
    } else if (++this.#bytes > this.#endpoint.limits.emptyRecords)
      this.fail('unexpectedMessage', 'too many empty records');
  }

  #handshakeRecord(bytes: Uint8Array, start: number, end: number): void {
    // RFC 8446 5.1: no empty fragments of handshake messages.
    if (end === start) throw new TlsError('unexpectedMessage', 'an empty handshake record');
    this.#messages ??= new Messages();
    const messages = this.#messages;
    for (let at = start; at < end && !this.#over; ) {
      const message = messages.next(bytes, at, end, this.#endpoint.limits.message);
      at = messages.rest;
      if (message === undefined) break;
      this.#readChanged = false;
      this.#message(message[0]!, message);
      // RFC 8446 5.1: messages must not span a change of keys.
      if (this.#readChanged && at < end)
        throw new TlsError('unexpectedMessage', 'a handshake message goes on behind a change of keys');
    }
    if (!messages.pending && this.handshake === undefined) this.#messages = undefined;
  }

  #message(type: number, bytes: Uint8Array): void {
    const { handshake } = this;
    if (handshake !== undefined) {
      handshake.message(type, bytes);
      if (this.security !== undefined && !this.#over) this.#owner.established(this);
    } else if (type === MESSAGE.keyUpdate) this.#keyUpdate(bytes);
    else if (this.after !== undefined) this.after(type, bytes);
    else throw new TlsError('unexpectedMessage', 'a handshake message when the handshake is over');
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
    this.#readChanged = true;
    this.#reading!.update();
    // One for several requests (RFC 8446 4.6.3): it goes before the next record.
    if (bytes[4] === 1) this.#updateDue = true;
  }

  /** Changes the key for what we send; the peer is asked for the same if `request`. */
  updateKey(request: boolean): void {
    if (this.#over || this.#ended || !this.#out.secure || this.handshake !== undefined) return;
    this.#updateDue = false;
    this.#out.updateKey(request);
  }

  #alert(bytes: Uint8Array, at: number, end: number): void {
    if (end - at !== 2) throw new TlsError('decodeError', 'an alert has another length');
    const description = bytes[at + 1];
    if (description === ALERT.closeNotify) {
      // A handshake that is given up has no more to say.
      if (this.handshake !== undefined) this.#giveUp('closeNotify');
      else this.peerEnds();
    } else if (description !== ALERT.userCanceled) this.#giveUp(alertName(description!));
  }

  /** The peer ends the connection (RFC 8446 6.2): nothing is sent any more. */
  #giveUp(alert: AlertName | undefined): void {
    this.inner.end();
    this.#finish('reset-by-peer');
    this.#owner.alerted(this, alert);
  }

  /** The peer sends no more. */
  peerEnds(): void {
    if (this.#over || this.#peerEnded) return;
    this.#peerEnded = true;
    if (this.handshake !== undefined) {
      this.#giveUp('closeNotify');
      return;
    }
    const before = this.#inCall;
    this.#inCall = true;
    this.handler.ended(this);
    this.#inCall = before;
    if (this.#over || before) return;
    this.#pump();
    this.#tell();
  }

  /** The flow below has drained. */
  drained(): void {
    if (this.#over) return;
    this.#pump();
    this.#tell();
  }

  /**
   * Tells the owner that what it waited for has left, and sends what it writes then. A flow below that took all at once
   * tells of nothing itself; it ends this by taking no more: the kernel's sockets do after 1 MiB, and go on with
   * `drained`.
   */
  #tell(): void {
    while (this.#above && !this.#over && this.queued <= this.#low) {
      this.#above = false;
      const before = this.#inCall;
      this.#inCall = true;
      this.handler.drained(this);
      this.#inCall = before;
      if (!this.#over) this.#pump();
    }
  }

  /** The flow below is gone. */
  closed(reason: CloseReason): void {
    this.#finish(reason);
  }

  /** Ends the connection with a fatal alert; its owner is told, and what the peer still sends is not read. */
  fail(alert: AlertName, reason: string): void {
    if (this.#over) return;
    if (!this.#ended) {
      this.#ended = true;
      this.#sendAlert(ALERT_LEVEL.fatal, ALERT[alert]);
    }
    this.inner.end();
    this.#finish('failed');
    this.#owner.failing(this, alert, reason);
  }

  #finish(reason: CloseReason): void {
    if (this.#over) return;
    this.#over = true;
    this.handshake?.destroy();
    this.handshake = undefined;
    this.#messages = undefined;
    this.#partial = undefined;
    this.#reading?.destroy();
    this.#reading = undefined;
    this.#out.destroy();
    const { handler } = this;
    this.handler = silent;
    handler.closed(this, reason);
  }

  // Sending

  /** Seals what there is room for, and says goodbye behind it. */
  #pump(): void {
    if (this.#updateDue) this.updateKey(false);
    this.#out.pump();
    if (this.#out.bytes === 0 && this.#endAsked && !this.#ended) {
      this.#ended = true;
      if (this.#out.secure) this.#sendAlert(ALERT_LEVEL.warning, ALERT.closeNotify);
      this.inner.end();
    }
    this.#watch();
  }

  #watch(): void {
    this.#out.watch(this.#above ? this.#low : undefined);
  }

  #sendAlert(level: number, description: number): void {
    this.#out.send(CONTENT.alert, Uint8Array.of(level, description));
  }
}
