/**
 * The new program's side of a hand-over. It takes the state of the program that has the traffic, learns which
 * connections each of its predecessors still has, and hands them the segments of these. A segment is handed on once, by
 * the program that reads the device to the one that has the connection: there are no chains. The connections themselves
 * follow, as far as they can.
 */

import { UserError } from '../../../errors/user-error.js';
import type { Memories, MemoryName } from '../../../memory/memories.js';
import type { Datagram, IcmpError } from '../../ip/contracts/datagram.js';
import type { Stack } from '../../ip/stack.js';
import { RefusedMove } from '../../refused-move.js';
import type { TcpLayer } from '../../tcp/layer.js';
import { Adopter } from '../../tcp/moving/adopter.js';
import {
  adoptTimeWait,
  type CarriedName,
  carriedName,
  type Elsewhere,
  flowName,
  type TcpState,
  type TimeWaitState,
} from '../../tcp/moving/hand-over.js';
import { MOVE_VERSION, MOVE_WITH_BYTES, type MovingRecord } from '../../tcp/moving/record.js';
import { quotedFlow } from '../../tcp/receive/icmp.js';
import { FlowTable } from '../../tcp/tables/flow-table.js';
import { int32At } from '../../wire/tcp.js';
import type { AddressState } from '../address/address-mode.js';
import { ARP, ERROR, LINK_HEAD, Link, MOVE, ND, SAY, SEGMENT } from '../peer-link/link.js';
import { decodeBatch, decodeRecord } from '../peer-link/moving-codec.js';
import { inputPassedOn, passedOnFlow } from '../peer-link/passed-on.js';

export const HANDOVER_VERSION = 1;
/** Milliseconds that a predecessor may take to answer. */
const PATIENCE = 5000;

/** What one program gives another. */
export interface HandedOver {
  readonly version: number;
  /** CLOCK_MONOTONIC at the hand-over, ms. */
  readonly at: number;
  readonly tcp: TcpState;
  readonly address: AddressState | undefined;
  /** Address, MAC, and ms since it was heard of. */
  readonly neighbours: readonly [number, number[], number][];
}

/** What a predecessor says. */
interface Told {
  readonly gone?: CarriedName;
  readonly timeWait?: TimeWaitState;
  /** A memory that connections refer to which could move. */
  readonly open?: MemoryName;
  /** Connections that are frozen there. */
  readonly move?: readonly unknown[];
}

interface Theirs {
  readonly remoteAddress: number;
  readonly localAddress: number;
  readonly ports: number;
  readonly link: Link;
}

export class Predecessors implements Elsewhere {
  private readonly links = new Set<Link>();
  private flows: FlowTable<Theirs>;
  private readonly adopter: Adopter;

  private constructor(
    private readonly stack: Stack,
    private readonly tcp: TcpLayer,
    /** Runs a callback as an entry of the stack. */
    private readonly enter: (callback: () => void) => void,
    private readonly memories: Memories | undefined,
  ) {
    this.adopter = new Adopter(tcp, memories);
    this.flows = new FlowTable<Theirs>(tcp.hash, stack.peers);
  }

  /**
   * Asks the first of `paths` for its state, and every one for its connections. Undefined: none of them is there any
   * more. Rejects with a `UserError` when one does not answer. A predecessor that gave its traffic takes it back when
   * its link is closed.
   */
  static async ask(
    paths: readonly string[],
    stack: Stack,
    tcp: TcpLayer,
    enter: (callback: () => void) => void,
    memories: Memories | undefined,
  ): Promise<{ predecessors: Predecessors; state: HandedOver } | undefined> {
    const faulted = (error: unknown): void => stack.faults.note(error, 'program', stack.now);
    const found = await Promise.all(paths.map((path) => Link.connect(path, faulted)));
    const links = found.filter((link): link is Link => link !== undefined);
    const [first] = links;
    if (first === undefined) return undefined;
    const predecessors = new Predecessors(stack, tcp, enter, memories);
    try {
      const state = (await question(first, { do: 'take', version: HANDOVER_VERSION })) as unknown as HandedOver;
      if (state.version !== HANDOVER_VERSION) throw new UserError('the program that runs hands over in another way');
      predecessors.learn(first, state.tcp.connections);
      for (const link of links.slice(1)) {
        const { connections } = await question(link, { do: 'names' });
        predecessors.learn(link, connections as CarriedName[]);
      }
      return { predecessors, state };
    } catch (error) {
      for (const link of links) link.close();
      throw error;
    }
  }

  /** The traffic is here now. */
  taken(): void {
    // Without memories that both can open, connections would come and be refused.
    const moves = this.memories === undefined ? undefined : MOVE_VERSION;
    // A program from before connections with bytes moved asks for `moves` alone.
    for (const link of this.links) link.say({ do: 'taken', moves, newest: moves && MOVE_WITH_BYTES });
    this.tcp.elsewhere = this;
    this.stack.errorElsewhere = (error) => this.error(error);
  }

  /** Predecessors that still have connections. */
  get count(): number {
    return this.links.size;
  }

  get connections(): number {
    return this.flows.size;
  }

  /** Connections that are on their way here. */
  get undecided(): number {
    return this.adopter.undecided;
  }

  private learn(link: Link, names: readonly CarriedName[]): void {
    this.links.add(link);
    for (const carried of names) {
      const name = flowName(this.stack.peers, carried);
      if (name === undefined) continue;
      const [remoteAddress, localAddress, ports] = name;
      this.flows.add({ remoteAddress, localAddress, ports, link });
    }
    link.onMessage = (kind, content) => {
      if (kind === SAY) this.told(link, link.said(content) as Told | undefined);
      else if (kind === SEGMENT) this.enter(() => this.returned(content));
      else if (kind === MOVE) this.enter(() => this.move(link, readBatch(content)));
    };
    link.onClose = () => this.lost(link);
    if (!link.open) this.lost(link);
  }

  private told(link: Link, said: Told | undefined): void {
    const { gone, timeWait, open, move } = said ?? {};
    if (open !== undefined) void this.open(link, open);
    if (move !== undefined) this.enter(() => this.move(link, Array.isArray(move) ? move.map(decodeRecord) : []));
    if (timeWait !== undefined) {
      this.forget(link, timeWait.name);
      this.enter(() => adoptTimeWait(this.tcp, timeWait, this.stack.now, 0));
    }
    if (gone !== undefined) this.forget(link, gone);
  }

  private async open(link: Link, name: MemoryName): Promise<void> {
    try {
      if (await this.adopter.prepare(name)) link.say({ do: 'opened', id: name.id });
    } catch (error) {
      // The connections that refer to it stay where they are.
      this.stack.faults.note(error, 'program', this.stack.now);
    }
  }

  /**
   * Adopts what it can of it. Two owners there never are: the old one does nothing before it reads the answer, and we
   * before it is sent.
   */
  private move(link: Link, records: readonly MovingRecord[]): void {
    const taken = this.adopter.take(records);
    link.say({ do: 'settled', moved: taken.map((c) => carriedName(this.stack.peers, c)) }, () => {
      this.enter(() => {
        for (const c of taken) {
          this.forget(link, carriedName(this.stack.peers, c));
          this.adopter.begin(c);
        }
      });
    });
  }

  /** It came for a connection while that moved: ours by now. */
  private returned(content: Buffer): void {
    const { stack, tcp } = this;
    // A segment without a connection here is dropped: no other program has the connection, and it draws no answer.
    if (tcp.connections.get(...passedOnFlow(stack, content, 1)) === undefined) return;
    inputPassedOn(stack, tcp, content, 1, content[0] as number);
  }

  private forget(link: Link, carried: CarriedName): void {
    const name = flowName(this.stack.peers, carried);
    const one = name && this.flows.get(...name);
    if (one !== undefined && one.link === link) this.flows.delete(one);
  }

  /** The predecessor has ended: its connections are gone. */
  private lost(link: Link): void {
    this.links.delete(link);
    for (const one of [...this.flows]) if (one.link === link) this.flows.delete(one);
    if (this.links.size > 0) return;
    this.adopter.forget();
    this.tcp.elsewhere = undefined;
    this.stack.errorElsewhere = undefined;
  }

  segment({ source: remote, destination: local, tos, bytes, ip, end }: Datagram, ports: number): boolean {
    const one = this.flows.get(remote, local, ports);
    if (one === undefined) return false;
    const message = one.link.frame(SEGMENT, 1, bytes, ip, end);
    if (message !== undefined) message[LINK_HEAD] = tos;
    return true;
  }

  error(error: IcmpError): boolean {
    const { type, code, mtu, bytes, ip, end } = error;
    const flow = quotedFlow(this.stack, error);
    if (flow === undefined) return false;
    const one = this.flows.get(...flow);
    if (one === undefined) return false;
    const message = one.link.frame(ERROR, 4, bytes, ip, end);
    if (message === undefined) return true;
    message[LINK_HEAD] = type;
    message[LINK_HEAD + 1] = code;
    message[LINK_HEAD + 2] = mtu >> 8;
    message[LINK_HEAD + 3] = mtu;
    return true;
  }

  /** They ask for MAC addresses themselves, and the answers come to us. */
  arpReply(bytes: Uint8Array, start: number, end: number): void {
    // What claims our address is for us alone to answer.
    if (this.stack.isAnnounced(int32At(bytes, start + 28))) return;
    for (const link of this.links) link.frame(ARP, 0, bytes, start, end);
  }

  /** They ask for IPv6 neighbours, too: `bytes[start..end)` is a frame with an advertisement. */
  advertisement(bytes: Uint8Array, start: number, end: number): void {
    for (const link of this.links) link.frame(ND, 0, bytes, start, end);
  }

  /** What they had their connections on is not ours any more. `address`: a number of IPv4, or text of IPv6. */
  addressLost(address: number | string): void {
    for (const link of this.links) link.say({ do: 'lost', address });
  }
}

function question(link: Link, content: object): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new UserError('the program that runs does not hand over')), PATIENCE);
    link.onMessage = (kind, answer) => {
      if (kind !== SAY) return;
      clearTimeout(timer);
      link.onMessage = undefined;
      const said = link.said(answer);
      if (said !== undefined) resolve(said as Record<string, unknown>);
    };
    link.onClose = () => {
      clearTimeout(timer);
      reject(new UserError('the program that runs ended while it handed over'));
    };
    link.say(content);
  });
}

/** A batch that cannot be read is not adopted: its connections stay where they are. */
function readBatch(content: Uint8Array): readonly MovingRecord[] {
  try {
    return decodeBatch(content);
  } catch (error) {
    if (error instanceof RefusedMove) return [];
    throw error;
  }
}
