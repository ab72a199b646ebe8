/** What the fuzzer knows of each connection, from the frames that the stack sent: so that what it sends nearly fits. */
import type { Liar } from '../sim/liar.js';
import { ipText } from '../sim/packets.js';

export class View {
  /** The next sequence number that the stack wants, as it last acknowledged. */
  wanted = 0;
  /** After the last byte that the stack sent; what the fuzzer acknowledged of it. */
  sent = 0;
  acked = 0;
  /** The window that the stack announced, unscaled. */
  window = 0;
  timestamps = false;
  /** Newest timestamp of the stack, and the fuzzer's clock of this connection. */
  theirTs = 0;
  ourTs = 1;
  /** The stack has sent its SYN. */
  answered = false;
  /** Says what it got, where that is a lie of a kind (`liar.ts`). */
  liar: Liar | undefined = undefined;
  /** The stack opened it, and waits for our SYN. */
  opening = false;

  constructor(
    readonly peer: number,
    readonly port: number,
    readonly ours: number,
    public irs: number,
  ) {
    this.wanted = (irs + 1) | 0;
  }
}

export class Views {
  private readonly byKey = new Map<string, View>();
  list: View[] = [];

  key(peer: number, port: number, ours: number): string {
    return `${ipText(peer)}:${port}:${ours}`;
  }

  get(peer: number, port: number, ours: number): View | undefined {
    return this.byKey.get(this.key(peer, port, ours));
  }

  add(view: View): void {
    const key = this.key(view.peer, view.port, view.ours);
    const old = this.byKey.get(key);
    this.byKey.set(key, view);
    if (old !== undefined) this.list[this.list.indexOf(old)] = view;
    else this.list.push(view);
    if (this.list.length > 48) {
      const gone = this.list.shift() as View;
      this.byKey.delete(this.key(gone.peer, gone.port, gone.ours));
    }
  }
}
