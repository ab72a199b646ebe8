/**
 * What a program and its successor say to one another: messages over a UNIX socket, each a length (32 bits, big endian,
 * of what follows), a kind and its content. Frames are as good as on a wire: when the other side does not keep up they
 * are lost.
 */
import { connect, type Socket } from 'node:net';
import { isBug } from '../../../errors/codes.js';
import { parseJson } from '../../../errors/parse-json.js';
import { type SocketPath, socketPath } from '../../../native/sockets/socket-path.js';

/** JSON. */
export const SAY = 1;
/** ToS, then a datagram with a TCP segment, verified. */
export const SEGMENT = 2;
/** Type, code, MTU (16 bits), then what an ICMP error returned. */
export const ERROR = 3;
/** An Ethernet frame with an ARP reply. */
export const ARP = 4;

/**
 * An Ethernet frame of IPv6 neighbour or listener discovery; between workers behind the number of the worker that got
 * it.
 */
export const ND = 6;

/** IPv6 source and destination, 16 bytes each, then a UDP datagram, verified. */
export const DATAGRAM6 = 7;

/** Source, destination, then a UDP datagram, verified. */
export const DATAGRAM = 5;

/** Connections that are frozen there, with bytes: `encodeBatch`. */
export const MOVE = 8;

/** Bytes before the content of a message. */
export const LINK_HEAD = 5;
/** The whole table of a busy server in JSON. */
const LONGEST = 64 * 2 ** 20;
/** Bytes that may wait to be sent before frames are lost. */
const BACKLOG = 16 * 2 ** 20;

export class Link {
  onClose: (() => void) | undefined = undefined;
  /** Frames that did not fit. */
  lost = 0;
  /** What has come of a message that is not whole, and how many bytes of it. */
  private rest: Buffer[] = [];
  private restLength = 0;
  /** Bytes with which there is something to do. */
  private needed = LINK_HEAD;
  private listener: ((kind: number, content: Buffer) => void) | undefined = undefined;
  /** Messages that came before a listener was set. */
  private readonly early: [number, Buffer][] = [];

  /** It was closed after a message that cannot be read, so what the other side said last is not known. */
  spoiled = false;

  /** `faulted` gets what a listener throws: the message is dropped, and the link goes on. */
  constructor(
    private readonly socket: Socket,
    private readonly faulted: (error: unknown) => void,
  ) {
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.guard(() => this.onClose?.()));
  }

  /** Runs `callback`, whose mistake ends nothing else. */
  guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.faulted(error);
    }
  }

  /** What is said in a message of the kind `SAY`. Undefined: it cannot be read, and the link is closed. */
  said(content: Buffer): object | undefined {
    const value = parseJson(content.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
    this.spoil();
    return undefined;
  }

  private spoil(): void {
    this.spoiled = true;
    this.socket.destroy();
    this.faulted(new Error('a message of another program cannot be read'));
  }

  /** Gets messages, in order, those that came before included. Undefined: they wait. */
  set onMessage(listener: ((kind: number, content: Buffer) => void) | undefined) {
    this.listener = listener;
    if (listener === undefined) return;
    for (const [kind, content] of this.early.splice(0)) this.guard(() => listener(kind, content));
  }

  get open(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  /**
   * `sent`: it is where the other side will read it, whatever becomes of this program; or there is no other side any
   * more.
   */
  say(content: object, sent?: () => void): void {
    const text = Buffer.from(JSON.stringify(content), 'utf8');
    this.write(SAY, text.length, sent).set(text, LINK_HEAD);
  }

  /** Room for a message of `length` bytes, which begins at `LINK_HEAD`; it leaves when the caller is done. */
  write(kind: number, length: number, sent?: () => void): Uint8Array {
    const message = Buffer.allocUnsafe(LINK_HEAD + length);
    message.writeUInt32BE(length + 1, 0);
    message[4] = kind;
    queueMicrotask(() => {
      const done = sent && (() => this.guard(sent));
      if (this.open) this.socket.write(message, done);
      else done?.();
    });
    return message;
  }

  /** A frame: `prefix` bytes of the caller's, then `bytes[start..end)`. Undefined: it is lost. */
  frame(kind: number, prefix: number, bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
    if (!this.open || this.socket.writableLength > BACKLOG) {
      this.lost += 1;
      return undefined;
    }
    const message = this.write(kind, prefix + end - start);
    message.set(bytes.subarray(start, end), LINK_HEAD + prefix);
    return message;
  }

  /**
   * A frame: `prefix`, then `bytes[start..end)`. It leaves before this returns: a loop that sleeps in libuv's place may
   * sleep before a microtask runs. False: it is lost.
   */
  send(kind: number, prefix: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.open || this.socket.writableLength > BACKLOG) {
      this.lost += 1;
      return false;
    }
    const length = prefix.length + end - start;
    const message = Buffer.allocUnsafe(LINK_HEAD + length);
    message.writeUInt32BE(length + 1, 0);
    message[4] = kind;
    message.set(prefix, LINK_HEAD);
    message.set(bytes.subarray(start, end), LINK_HEAD + prefix.length);
    this.socket.write(message);
    return true;
  }

  private take(chunk: Buffer): void {
    this.rest.push(chunk);
    this.restLength += chunk.length;
    // A long message comes in many parts: each is copied once.
    if (this.restLength < this.needed) return;
    let bytes = this.rest.length === 1 ? chunk : Buffer.concat(this.rest, this.restLength);
    const parts = this.rest.length === 1 ? [] : this.rest;
    this.needed = LINK_HEAD;
    while (bytes.length >= LINK_HEAD && !this.spoiled) {
      const length = bytes.readUInt32BE(0);
      if (length === 0 || length > LONGEST) return this.spoil();
      if (bytes.length < 4 + length) {
        this.needed = 4 + length;
        break;
      }
      const kind = bytes[4] as number;
      this.message(kind, bytes.subarray(LINK_HEAD, 4 + length));
      // There may be keys in what it was put together from.
      if (kind === MOVE) for (const part of parts) part.fill(0);
      bytes = bytes.subarray(4 + length);
    }
    this.rest = bytes.length > 0 ? [bytes] : [];
    this.restLength = bytes.length;
  }

  private message(kind: number, content: Buffer): void {
    const { listener } = this;
    if (listener === undefined) this.early.push([kind, content]);
    else this.guard(() => listener(kind, content));
  }

  close(): void {
    this.socket.end();
  }

  /** Undefined: no program listens at `path`. */
  static connect(path: string, faulted: (error: unknown) => void): Promise<Link | undefined> {
    let place: SocketPath;
    try {
      place = socketPath(path);
    } catch (error) {
      // Its folder is gone, or its name is too long for any socket.
      if (isBug(error)) throw error;
      return Promise.resolve(undefined);
    }
    return new Promise((resolve) => {
      const socket = connect(place.path);
      socket.once('connect', () => resolve(new Link(socket, faulted)));
      socket.once('error', () => resolve(undefined));
      for (const event of ['connect', 'error']) socket.once(event, place.release);
    });
  }
}
