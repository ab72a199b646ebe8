/**
 * A flow that protects another: what is written leaves as TLS records (`RecordWriter`), what comes is read out of them
 * (`RecordReader`). Here is what both directions and the handshake know of one another.
 */
import type { Memory } from '../memory/memory.js';
import type { Carrier } from '../memory/pieces.js';
import type { Endpoint as Address, CloseReason, Flow, FlowHandler, FlowInfo, FlowSecurity } from '../net/flow.js';
import { ALERT, ALERT_LEVEL, type AlertName, alertName, TlsError } from './common/alert.js';
import type { CipherSuite } from './common/suites.js';
import type { AfterHandshake, Channel, Handshake } from './handshake/channel.js';
import type { CheckedFlow } from './moving/check-moved.js';
import { FLAG, type MovedFlow, VERSION } from './moving/moved-flow.js';
import type { Endpoint } from './record/endpoint.js';
import { type ReaderOwner, RecordReader } from './record-reader.js';
import { RecordWriter } from './record-writer.js';
import { CONTENT } from './wire/numbers.js';

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

/** Follows the connections of an endpoint. */
export interface TlsOwner {
  /** Early data is taken; `flow` gets its handler during the call, and `established` follows. */
  early?(flow: TlsFlow): void;
  /** The handshake is over; `flow` gets its handler during the call, unless `early` was called before. */
  established(flow: TlsFlow, early: boolean): void;
  /** The peer ends the connection with this alert (RFC 8446 6); undefined: one that is not known. */
  alerted(flow: TlsFlow, alert: AlertName | undefined): void;
  /** The connection ends with an alert of ours, which waits to be read. */
  failing(flow: TlsFlow, alert: AlertName, reason: string): void;
}

export class TlsFlow implements Flow, Channel, ReaderOwner {
  handler: FlowHandler = silent;
  context: unknown = undefined;
  security: FlowSecurity | undefined = undefined;
  /** The flow that carries the records. */
  readonly inner: Flow;
  readonly #owner: TlsOwner;
  handshake: Handshake | undefined = undefined;
  after: AfterHandshake | undefined = undefined;
  readonly #in: RecordReader;
  readonly #out: RecordWriter;
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
  /** A KeyUpdate is due before the next record. */
  #updateDue = false;

  constructor(inner: Flow, endpoint: Endpoint, owner: TlsOwner) {
    this.inner = inner;
    this.#owner = owner;
    this.#in = new RecordReader(endpoint, this);
    this.#out = new RecordWriter(inner, endpoint);
  }

  get local(): Address {
    return this.inner.local;
  }

  get remote(): Address {
    return this.inner.remote;
  }

  /** The handshake is not over, and what comes may be a replay (RFC 8446 8). */
  get early(): boolean {
    return this.security !== undefined && this.handshake !== undefined;
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
    this.#in.use(suite, secret);
  }

  takeEarlyData(security: FlowSecurity): void {
    this.security = security;
  }

  established(security: FlowSecurity): void {
    this.security = security;
    this.handshake?.destroy();
    this.handshake = undefined;
    this.#in.established();
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
    this.#in.destroy();
    this.handshake = undefined;
  }

  // Called for the flow below

  /**
   * Bytes came. `bytes[start..end)` holds during the call. Returns the place behind what was read: less than `end`
   * where the connection was over before.
   */
  arrived(bytes: Uint8Array, start: number, end: number): number {
    if (this.#over) return start;
    this.#inCall = true;
    const read = this.#in.arrived(bytes, start, end);
    this.#inCall = false;
    if (!this.#over) this.#pump();
    this.#tell();
    return read;
  }

  // ReaderOwner

  get over(): boolean {
    return this.#over;
  }

  content(bytes: Uint8Array, at: number, end: number): void {
    // RFC 8446 6.1: what comes behind close_notify is ignored.
    if (!this.#peerEnded) this.handler.data(this, bytes, at, end);
  }

  message(type: number, bytes: Uint8Array): void {
    const { handshake } = this;
    if (handshake !== undefined) {
      const { early } = this;
      handshake.message(type, bytes);
      if (this.security === undefined || this.#over) return;
      if (this.handshake === undefined) this.#owner.established(this, early);
      else if (!early) this.#owner.early?.(this);
    } else if (this.after !== undefined) this.after(type, bytes);
    else throw new TlsError('unexpectedMessage', 'a handshake message when the handshake is over');
  }

  keyUpdated(asks: boolean): void {
    // One for several requests (RFC 8446 4.6.3): it goes before the next record.
    if (asks) this.#updateDue = true;
  }

  alert(description: number): void {
    if (description !== ALERT.closeNotify) this.#giveUp(alertName(description));
    // A handshake that is given up has no more to say.
    else if (this.handshake !== undefined) this.#giveUp('closeNotify');
    else this.peerEnds();
  }

  /** Changes the key for what we send; the peer is asked for the same if `request`. */
  updateKey(request: boolean): void {
    if (this.#over || this.#ended || !this.#out.secure || this.handshake !== undefined) return;
    this.#updateDue = false;
    this.#out.updateKey(request);
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
   * Reports to the owner that what it waited for has left, and sends what the owner writes then. A flow below that took
   * everything at once reports nothing itself. The loop ends when that flow takes no more: the kernel's sockets do so
   * after 1 MiB, and go on with `drained`.
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

  /** Ends the connection with a fatal alert, and reports that to its owner. What the peer still sends is not read. */
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
    this.#in.destroy();
    this.#out.destroy();
    const { handler } = this;
    this.handler = silent;
    handler.closed(this, reason);
  }

  // To another program, and from one

  /** The memories that what waits here, and in its owner, refers to. */
  *memories(): IterableIterator<Memory> {
    for (const { memory } of this.#out.waiting()) yield memory;
    yield* this.handler.memories?.(this) ?? [];
  }

  /** What another program has to know. Undefined: it stays, for now, and nothing has changed. */
  freeze(carrier: Carrier): MovedFlow | undefined {
    const { security, handler } = this;
    if (
      security === undefined ||
      this.handshake !== undefined ||
      this.after !== undefined ||
      this.#over ||
      !this.#out.movable
    )
      return undefined;
    const queue = carrier.pieces(this.#out.waiting());
    const owner = queue === undefined ? undefined : handler.freeze?.(this, carrier);
    if (queue === undefined || owner === undefined) return undefined;
    const flags =
      (this.#endAsked ? FLAG.endAsked : 0) |
      (this.#ended ? FLAG.ended : 0) |
      (this.#peerEnded ? FLAG.peerEnded : 0) |
      (this.#updateDue ? FLAG.updateDue : 0);
    const { alpn = null, serverName = null } = security;
    return { tls: VERSION, ...this.#out.moved, ...this.#in.moved, queue, flags, alpn, serverName, owner };
  }

  /** Makes a new flow what another program said of it. It does nothing before `thaw`. */
  restore({ moved, suite, queue }: CheckedFlow): void {
    const { flags, alpn, serverName } = moved;
    this.security = {
      ...{ protocol: 'TLSv1.3', cipher: suite.name },
      ...{ alpn: alpn ?? undefined, serverName: serverName ?? undefined },
    };
    this.#in.restore(moved, suite);
    this.#out.restore(moved, suite, queue);
    this.#endAsked = (flags & FLAG.endAsked) !== 0;
    this.#ended = (flags & FLAG.ended) !== 0;
    this.#peerEnded = (flags & FLAG.peerEnded) !== 0;
    this.#updateDue = (flags & FLAG.updateDue) !== 0;
  }

  /** It goes on here. */
  thaw(): void {
    const before = this.#inCall;
    this.#inCall = true;
    this.handler.thaw?.(this);
    this.#inCall = before;
    this.drained();
  }

  /**
   * The connection belongs to another program, or was not taken here: its secrets are overwritten, and the owner gets
   * no report.
   */
  forget(): void {
    this.#over = true;
    this.#in.destroy();
    this.#out.destroy();
    this.handler = silent;
  }

  // Sending

  /** Seals what there is room for, and says goodbye behind it. */
  #pump(): void {
    if (this.#updateDue) this.updateKey(false);
    this.#out.pump();
    // Behind the handshake, which has tickets to send.
    if (this.#out.bytes === 0 && this.#endAsked && !this.#ended && !this.early) {
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
