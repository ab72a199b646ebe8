/**
 * The old program's side of a hand-over: it gives its traffic to the program that comes and asks, then its connections,
 * and finishes those that stay.
 */
import { createServer, type Server } from 'node:net';
import type { Memories, MemoryName } from '../../../memory/memories.js';
import { removeSocket } from '../../../native/sockets/socket-file.js';
import { socketPath } from '../../../native/sockets/socket-path.js';
import { RX_PLAIN } from '../../device/device.js';
import type { Stack } from '../../ip/stack.js';
import type { TcpLayer } from '../../tcp/layer.js';
import { type CarriedName, carriedName, type Departed, type TimeWaitState } from '../../tcp/moving/hand-over.js';
import { Mover } from '../../tcp/moving/mover.js';
import { MOVE_VERSION, MOVE_WITH_BYTES, type MovingRecord } from '../../tcp/moving/record.js';
import { PROTOCOL_TCP, uint16At } from '../../wire/tcp.js';
import { ARP, ERROR, LINK_HEAD, Link, MOVE, ND, SAY, SEGMENT } from '../peer-link/link.js';
import { encodeBatch, encodeRecord } from '../peer-link/moving-codec.js';
import { inputPassedOn, passedOnFlow } from '../peer-link/passed-on.js';
import type { HandedOver } from './predecessors.js';

/**
 * Milliseconds between two looks for connections that could not move before, and for a question that comes at the wrong
 * moment.
 */
const LOOK_AGAIN = 50;
const ASK_AGAIN = 2;

/** What a successor asks of the program around the stack. */
export interface Owner {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  /** What other programs can open, too. */
  readonly memories: Memories | undefined;
  /** No connection is on its way here from a predecessor. */
  readonly settled: boolean;
  /** Runs `callback` as an entry of the stack. */
  enter(callback: () => void): void;
  /** Reads no frame any more, and returns what goes along. Again when it has given its traffic away before. */
  give(departed: Departed): HandedOver;
  /** The successor is gone before it had sent anything: everything is as before. */
  takeBack(state: HandedOver, waiting: readonly TimeWaitState[]): void;
  /** The traffic is another program's for good. */
  given(): void;
}

/** What a successor says. */
interface Asked {
  readonly do?: string;
  /** With `taken`: the `MOVE_VERSION` that it takes connections by. */
  readonly moves?: number;
  /** With `taken`: the newest version that it takes; a program from before TLS moved says nothing. */
  readonly newest?: number;
  /** With `opened`: of a memory. */
  readonly id?: string;
  /** With `settled`: the connections that are its own now. */
  readonly moved?: readonly CarriedName[];
  /** With `lost`: a number of IPv4, or text of IPv6. */
  readonly address?: number | string;
}

export class Successor implements Departed {
  private readonly server: Server;
  /** The program that reads the device now, and that gets our reports. */
  private current: Link | undefined = undefined;
  /** Asked for the traffic, and has not said yet that it has it. */
  private pending: { link: Link; state: HandedOver; first: boolean; waiting: TimeWaitState[] } | undefined = undefined;
  private over = false;
  /** Gives the connections to `current`, once that has the traffic and takes them. */
  private mover: Mover | undefined = undefined;
  private looking: NodeJS.Timeout | undefined = undefined;

  constructor(
    private readonly path: string,
    private readonly owner: Owner,
  ) {
    // Of a program before this one that had the same number.
    removeSocket(path);
    this.server = createServer((socket) => {
      const link = new Link(socket, this.faulted);
      link.onMessage = (kind, content) => this.message(link, kind, content);
      link.onClose = () => this.closed(link);
    });
    this.server.on('error', () => undefined);
    // For this user alone, from the beginning.
    const mask = process.umask(0o177);
    const place = socketPath(path);
    this.server.listen(place.path);
    this.server.once('close', place.release);
    process.umask(mask);
    this.server.unref();
  }

  private message(link: Link, kind: number, content: Buffer): void {
    switch (kind) {
      case SAY:
        return this.asked(link, link.said(content) as Asked | undefined);
      case SEGMENT:
        return this.owner.enter(() => this.segment(content));
      case ERROR:
        return this.owner.enter(() => this.error(content));
      case ARP:
        return this.owner.enter(() => {
          const { stack } = this.owner;
          stack.arp.input(content, 0, 14, content.length, stack.now);
        });
      case ND:
        return this.owner.enter(() => this.owner.stack.v6.input(content, 0, content.length, RX_PLAIN, false));
      default:
    }
  }

  /** Connections that are neither ours nor the successor's. */
  get undecided(): number {
    return this.mover?.undecided ?? 0;
  }

  /** Whether the successor takes connections. */
  get moving(): boolean {
    return this.mover !== undefined;
  }

  private readonly faulted = (error: unknown): void => {
    const { faults, now } = this.owner.stack;
    faults.note(error, 'program', now);
  };

  private asked(link: Link, said: Asked | undefined): void {
    const { owner } = this;
    if (said === undefined) return;
    // What is asked for is whose the connections are: that must be certain.
    if ((said.do === 'take' || said.do === 'names') && (this.undecided > 0 || !owner.settled)) {
      setTimeout(() => link.open && link.guard(() => this.asked(link, said)), ASK_AGAIN).unref();
    } else if (said.do === 'take' || said.do === 'names') this.give(link, said.do === 'take');
    else if (said.do === 'taken') this.taken(link, said.moves === MOVE_VERSION ? (said.newest ?? MOVE_VERSION) : 0);
    else if (said.do === 'opened') {
      if (this.current === link) this.mover?.opened(String(said.id));
      this.look();
    } else if (said.do === 'settled') {
      const moved = Array.isArray(said.moved) ? said.moved : [];
      if (this.current === link) owner.enter(() => this.mover?.settled(moved));
      this.look();
    } else if (said.do === 'lost') this.addressLost(said.address);
  }

  /** Who asked gives up when the link is closed, as it is after a mistake. */
  private give(link: Link, traffic: boolean): void {
    const { owner } = this;
    // One at a time; a second waits for its answer in vain, and gives up.
    if (traffic && this.pending !== undefined) return;
    try {
      this.stopMoving();
      if (traffic) {
        const first = !this.over;
        const state = owner.give(this);
        this.pending = { link, state, first, waiting: [] };
        link.say(state);
      } else link.say({ connections: [...owner.tcp.connections].map((c) => carriedName(owner.stack.peers, c)) });
      this.current = link;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  private addressLost(said: number | string | undefined): void {
    const { owner } = this;
    const address = typeof said === 'string' ? owner.stack.peers.fromText(said) : said;
    if (address !== undefined) owner.enter(() => owner.tcp.addressLost(address, owner.stack.now));
  }

  /** `version`: the newest of records that it takes; 0: it takes none. */
  private taken(link: Link, version: number): void {
    const first = this.pending?.link === link && !this.over;
    if (this.pending?.link === link) this.pending = undefined;
    if (version > 0 && this.current === link) this.startMoving(link, version);
    if (!first) return;
    this.over = true;
    this.owner.given();
  }

  /** Every connection that can goes to `link`, and what cannot is looked at again and again. */
  private startMoving(link: Link, version: number): void {
    const { owner } = this;
    const withBytes = version >= MOVE_WITH_BYTES;
    const events = {
      move: (records: readonly MovingRecord[]) => {
        if (withBytes) sendBatch(link, records);
        else link.say({ move: records.map(encodeRecord) });
      },
      open: (name: MemoryName) => link.say({ open: name }),
      forward: (tos: number, datagram: Uint8Array) => {
        const message = link.frame(SEGMENT, 1, datagram, 0, datagram.length);
        if (message !== undefined) message[LINK_HEAD] = tos;
      },
      deliver: (tos: number, datagram: Uint8Array) => inputPassedOn(owner.stack, owner.tcp, datagram, 0, tos),
    };
    this.mover = new Mover(owner.tcp, owner.memories, events, version);
    this.look();
  }

  private stopMoving(): void {
    this.mover = undefined;
    clearTimeout(this.looking);
  }

  private readonly look = (): void => {
    clearTimeout(this.looking);
    const { mover, owner } = this;
    if (mover === undefined) return;
    try {
      // In an entry of its own: what is due has been done by then, and was sent.
      owner.enter(() => undefined);
      owner.enter(() => mover.sweep());
    } catch (error) {
      this.faulted(error);
    }
    if (owner.tcp.connections.size > 0) this.looking = setTimeout(this.look, LOOK_AGAIN).unref();
  };

  private closed(link: Link): void {
    if (this.current === link) {
      this.current = undefined;
      const { mover } = this;
      this.stopMoving();
      // The frozen ones can have no other owner, where its last word was read: the new one is gone, or has never been.
      if (mover !== undefined) this.owner.enter(() => (link.spoiled ? mover.forsaken() : mover.lost()));
    }
    const { pending } = this;
    if (pending?.link !== link) return;
    this.pending = undefined;
    if (pending.first) this.owner.takeBack(pending.state, pending.waiting);
  }

  private segment(content: Buffer): void {
    const { mover } = this;
    const tos = content[0] as number;
    if (mover !== undefined && mover.undecided > 0) {
      if (mover.segment(...passedOnFlow(this.owner.stack, content, 1), tos, content.subarray(1))) return;
    }
    inputPassedOn(this.owner.stack, this.owner.tcp, content, 1, tos);
  }

  private error(content: Buffer): void {
    const { stack } = this.owner;
    const [type, code] = content as unknown as [number, number];
    const about = { protocol: PROTOCOL_TCP, bytes: content, ip: 4, end: content.length };
    stack.transportError({ ...about, type, code, mtu: uint16At(content, 2), now: stack.now });
  }

  timeWait(state: TimeWaitState): void {
    this.pending?.waiting.push(state);
    this.current?.say({ timeWait: state });
  }

  gone(name: CarriedName): void {
    this.current?.say({ gone: name });
  }

  close(): void {
    this.stopMoving();
    this.server.close();
    this.current?.close();
    removeSocket(this.path);
  }
}

/** Keys are overwritten once they are in the kernel's hands. */
function sendBatch(link: Link, records: readonly MovingRecord[]): void {
  const content = encodeBatch(records);
  const message = link.write(MOVE, content.length, () => message.fill(0));
  message.set(content, LINK_HEAD);
  content.fill(0);
}
