/** The old program's side of a hand-over: it gives its traffic to whoever comes and asks, and finishes what is open. */
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { socketPath } from '../../native/socket-path.js';
import { RX_CHECKSUM_OK } from '../device/device.js';
import type { Stack } from '../stack/stack.js';
import { type Departed, type FlowName, nameOf, type TimeWaitState } from '../tcp/hand-over.js';
import type { TcpLayer } from '../tcp/layer.js';
import { int32At, PROTOCOL_TCP, uint16At } from '../wire/tcp.js';
import { ARP, ERROR, Link, SAY, SEGMENT } from './link.js';
import type { HandedOver } from './predecessors.js';

/** What a successor asks of the program around the stack. */
export interface Owner {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  /** Runs `callback` as an entry of the stack. */
  enter(callback: () => void): void;
  /** Reads no frame any more, and answers what goes along. Again when it has given its traffic away before. */
  give(departed: Departed): HandedOver;
  /** The successor is gone before it had sent anything: everything is as before. */
  takeBack(state: HandedOver, waiting: readonly TimeWaitState[]): void;
  /** The traffic is another program's for good. */
  given(): void;
}

export class Successor implements Departed {
  private readonly server: Server;
  /** Who reads the device now, and is told. */
  private current: Link | undefined = undefined;
  /** Asked for the traffic, and has not said yet that it has it. */
  private pending: { link: Link; state: HandedOver; first: boolean; waiting: TimeWaitState[] } | undefined = undefined;
  private over = false;

  constructor(
    private readonly path: string,
    private readonly owner: Owner,
  ) {
    rmSync(path, { force: true });
    this.server = createServer((socket) => {
      const link = new Link(socket);
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
        return this.asked(link, JSON.parse(content.toString('utf8')) as { do?: string; address?: number });
      case SEGMENT:
        return this.owner.enter(() => this.segment(content));
      case ERROR:
        return this.owner.enter(() => this.error(content));
      case ARP:
        return this.owner.enter(() => {
          const { stack } = this.owner;
          stack.arp.input(content, 0, 14, content.length, stack.now);
        });
      default:
    }
  }

  private asked(link: Link, said: { do?: string; address?: number }): void {
    const { owner } = this;
    if (said.do === 'take') {
      // One at a time; a second waits for its answer in vain, and gives up.
      if (this.pending !== undefined) return;
      const first = !this.over;
      const state = owner.give(this);
      this.pending = { link, state, first, waiting: [] };
      this.current = link;
      link.say(state);
    } else if (said.do === 'names') {
      this.current = link;
      link.say({ connections: [...owner.tcp.connections].map(nameOf) });
    } else if (said.do === 'taken') {
      if (this.pending?.link !== link) return;
      this.pending = undefined;
      if (this.over) return;
      this.over = true;
      owner.given();
    } else if (said.do === 'lost') owner.enter(() => owner.tcp.addressLost(Number(said.address), owner.stack.now));
  }

  private closed(link: Link): void {
    if (this.current === link) this.current = undefined;
    const { pending } = this;
    if (pending?.link !== link) return;
    this.pending = undefined;
    if (pending.first) this.owner.takeBack(pending.state, pending.waiting);
  }

  private segment(content: Buffer): void {
    const { stack, tcp } = this.owner;
    const header = ((content[1] as number) & 15) * 4;
    // Whoever read it from the device has verified it.
    tcp.input(
      content,
      1,
      1 + header,
      content.length,
      int32At(content, 13),
      int32At(content, 17),
      RX_CHECKSUM_OK,
      false,
      content[0] as number,
      stack.now,
    );
  }

  private error(content: Buffer): void {
    const { stack } = this.owner;
    const [type, code] = content as unknown as [number, number];
    stack.transportError(PROTOCOL_TCP, type, code, uint16At(content, 2), content, 4, content.length, stack.now);
  }

  timeWait(state: TimeWaitState): void {
    this.pending?.waiting.push(state);
    this.current?.say({ timeWait: state });
  }

  gone(name: FlowName): void {
    this.current?.say({ gone: name });
  }

  close(): void {
    this.server.close();
    this.current?.close();
    rmSync(this.path, { force: true });
  }
}
