import { TABLE_SIZE } from '../hpack/dynamic-table.js';
import type { Batch } from './batch.js';
import { BUDGET, BUDGETS, SMALL_WINDOW } from './budgets.js';
import type { Faults } from './faults.js';
import { ERROR, type ErrorCode, FLAG, FRAME, MAX_FRAME, MAX_WINDOW, SETTING, uint31, uint32 } from './frames.js';
import { Priority } from './priority.js';
import { LEAVING, type Session } from './session.js';

/** Payload of the PING whose answer shows that the peer has read the first GOAWAY. */
const ROUND_TRIP = Uint8Array.of(0x73, 0x6b, 0x67, 0x6f, 0x61, 0x77, 0x61, 0x79);

/** A frame that has arrived completely. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly length: number;
}

/**
 * Frames that are neither DATA nor part of a field block, RFC 9113 6.3 to 6.9, RFC 9218 7.1. One for all connections.
 */
export class ControlFrames {
  readonly #batch: Batch;
  readonly #faults: Faults;
  readonly #priority = new Priority();

  constructor(batch: Batch, faults: Faults) {
    this.#batch = batch;
    this.#faults = faults;
  }

  /** Takes the frame whose payload begins at `bytes[at]`. */
  take(session: Session, frame: Frame, bytes: Uint8Array, at: number): void {
    switch (frame.type) {
      case FRAME.priority:
        return this.#priorityFrame(session, frame);
      case FRAME.rstStream:
        return this.#rstStream(session, frame);
      case FRAME.settings:
        return this.#settings(session, frame, bytes, at);
      case FRAME.ping:
        return this.#ping(session, frame, bytes, at);
      case FRAME.goAway:
        return this.#goAway(session, frame);
      case FRAME.windowUpdate:
        return this.#windowUpdate(session, frame, bytes, at);
      case FRAME.priorityUpdate:
        return this.#priorityUpdate(session, frame, bytes, at);
      case FRAME.pushPromise:
        // RFC 9113 8.4: a client cannot push.
        return this.#faults.connection(session, ERROR.protocolError);
      default:
        // RFC 9113 4.1, 5.5: others are ignored.
        this.#faults.spend(session, BUDGET.unknownFrames);
    }
  }

  /** RFC 9113 5.3.2, 6.3: its content is deprecated, and ignored. */
  #priorityFrame(session: Session, { id, length }: Frame): void {
    if (id === 0) this.#faults.connection(session, ERROR.protocolError);
    else if (length !== 5) this.#streamError(session, id, ERROR.frameSizeError);
    else this.#faults.spend(session, BUDGET.priorities);
  }

  /** RFC 9113 6.4. */
  #rstStream(session: Session, { id, length }: Frame): void {
    if (length !== 4) return this.#faults.connection(session, ERROR.frameSizeError);
    if (id === 0 || isIdle(session, id)) return this.#faults.connection(session, ERROR.protocolError);
    const stream = session.find(id);
    if (stream !== undefined) {
      this.#faults.drop(session, stream);
      session.noteReset(id, false);
    }
    this.#faults.spend(session, BUDGET.resets);
  }

  /** RFC 9113 6.5. */
  #settings(session: Session, { id, length, flags }: Frame, bytes: Uint8Array, at: number): void {
    if (id !== 0) return this.#faults.connection(session, ERROR.protocolError);
    const acknowledges = (flags & FLAG.ack) !== 0;
    if (acknowledges ? length !== 0 : length % 6 !== 0) return this.#faults.connection(session, ERROR.frameSizeError);
    if (!this.#faults.spend(session, BUDGET.settings) || acknowledges) return;
    let window = session.firstWindow;
    for (let i = at; i < at + length; i += 6) {
      const value = uint32(bytes, i + 2);
      const id = (bytes[i]! << 8) | bytes[i + 1]!;
      const error = settingError(id, value);
      if (error !== ERROR.noError) return this.#faults.connection(session, error);
      if (id === SETTING.initialWindowSize) window = value;
      else if (id === SETTING.headerTableSize && value < TABLE_SIZE && !session.tableSaid) {
        session.tableSaid = session.saysTableSize = true;
      }
    }
    if (!this.#changeWindow(session, window)) return this.#faults.connection(session, ERROR.flowControlError);
    if (this.#mayAnswer(session)) this.#batch.header(0, FRAME.settings, FLAG.ack, 0);
  }

  /** RFC 9113 6.9.2: the windows of streams change by the difference; they may fall below zero. */
  #changeWindow(session: Session, window: number): boolean {
    const change = window - session.firstWindow;
    session.firstWindow = window;
    if (change === 0) return true;
    for (const stream of session.streams) {
      stream.window += change;
      if (stream.window > MAX_WINDOW) return false;
    }
    return true;
  }

  /** RFC 9113 6.7. */
  #ping(session: Session, { id, length, flags }: Frame, bytes: Uint8Array, at: number): void {
    if (id !== 0) return this.#faults.connection(session, ERROR.protocolError);
    if (length !== 8) return this.#faults.connection(session, ERROR.frameSizeError);
    if (!this.#faults.spend(session, BUDGET.pings)) return;
    if ((flags & FLAG.ack) !== 0) {
      if (session.leaving === LEAVING.announced && ROUND_TRIP.every((octet, i) => bytes[at + i] === octet)) {
        this.#faults.goAway(session, session.lastStream, ERROR.noError);
      }
      return;
    }
    if (!this.#mayAnswer(session)) return;
    this.#batch.header(8, FRAME.ping, FLAG.ack, 0);
    this.#batch.put(bytes, at, at + 8);
  }

  /** Whether one more answer may wait for a peer that does not read. */
  #mayAnswer(session: Session): boolean {
    if (++session.controls <= BUDGETS.unreadControls) return true;
    this.#faults.exceed(session, BUDGET.unreadControls);
    return false;
  }

  /** RFC 9113 6.8: the streams of a client that goes away are still answered. */
  #goAway(session: Session, { id, length }: Frame): void {
    if (id !== 0) this.#faults.connection(session, ERROR.protocolError);
    else if (length < 8) this.#faults.connection(session, ERROR.frameSizeError);
    else this.#faults.spend(session, BUDGET.settings);
  }

  /** RFC 9113 6.9. */
  #windowUpdate(session: Session, { id, length }: Frame, bytes: Uint8Array, at: number): void {
    if (length !== 4) return this.#faults.connection(session, ERROR.frameSizeError);
    const increment = uint31(bytes, at);
    if (id === 0) {
      if (increment === 0) return this.#faults.connection(session, ERROR.protocolError);
      session.window += increment;
      if (session.window > MAX_WINDOW) return this.#faults.connection(session, ERROR.flowControlError);
      if (increment < SMALL_WINDOW && session.window < SMALL_WINDOW) this.#faults.spend(session, BUDGET.smallWindows);
      return;
    }
    if (isIdle(session, id)) return this.#faults.connection(session, ERROR.protocolError);
    const stream = session.find(id);
    // It may have been on its way when the stream ended (RFC 9113 5.1).
    if (stream === undefined) return;
    if (increment === 0) return this.#faults.stream(session, id, ERROR.protocolError);
    stream.window += increment;
    if (stream.window > MAX_WINDOW) return this.#faults.stream(session, id, ERROR.flowControlError);
    if (increment < SMALL_WINDOW && stream.window < SMALL_WINDOW) this.#faults.spend(session, BUDGET.smallWindows);
  }

  /** RFC 9218 7.1. */
  #priorityUpdate(session: Session, { id, length }: Frame, bytes: Uint8Array, at: number): void {
    if (id !== 0) return this.#faults.connection(session, ERROR.protocolError);
    if (length < 4) return this.#faults.connection(session, ERROR.frameSizeError);
    const prioritised = uint31(bytes, at);
    if (prioritised === 0 || prioritised % 2 === 0) return this.#faults.connection(session, ERROR.protocolError);
    if (!this.#faults.spend(session, BUDGET.priorities)) return;
    const priority = this.#priority;
    priority.parse(bytes, at + 4, at + length);
    const stream = session.find(prioritised);
    if (stream !== undefined) {
      stream.urgency = priority.urgency;
      stream.incremental = priority.incremental;
    } else if (prioritised > session.lastStream)
      session.prioritise(prioritised, priority.urgency, priority.incremental);
  }

  /** The first step of leaving (RFC 9113 6.8): the peer begins no more streams, but those on their way are answered. */
  announce(session: Session): void {
    if (session.leaving !== LEAVING.no) return;
    this.#faults.goAway(session, MAX_WINDOW, ERROR.noError);
    session.leaving = LEAVING.announced;
    this.#batch.header(8, FRAME.ping, 0, 0);
    this.#batch.put(ROUND_TRIP, 0, 8);
  }

  /** A stream that is idle cannot be reset (RFC 9113 5.1): then the connection ends. */
  #streamError(session: Session, id: number, code: ErrorCode): void {
    if (isIdle(session, id)) this.#faults.connection(session, code);
    else this.#faults.stream(session, id, code);
  }
}

/**
 * Whether the stream is idle (RFC 9113 5.1): no frame of it has come. Even numbers would be our streams, and we begin
 * none.
 */
export function isIdle(session: Session, id: number): boolean {
  return id > session.lastStream || id % 2 === 0;
}

/** RFC 9113 6.5.2, RFC 9218 2.1. */
function settingError(id: number, value: number): ErrorCode {
  switch (id) {
    case SETTING.enablePush:
    case SETTING.noRfc7540Priorities:
      return value > 1 ? ERROR.protocolError : ERROR.noError;
    case SETTING.initialWindowSize:
      return value > MAX_WINDOW ? ERROR.flowControlError : ERROR.noError;
    case SETTING.maxFrameSize:
      return value < MAX_FRAME || value > 0xffffff ? ERROR.protocolError : ERROR.noError;
    default:
      return ERROR.noError;
  }
}
