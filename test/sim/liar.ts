/**
 * A peer that lies about what it got, one segment at a time: SACKs of single bytes and of every other segment,
 * duplicate ACKs by hundreds, ACKs of a byte each, ACKs of what is still on its way or was never sent, DSACKs of
 * nothing, ECE, windows that shrink by odd numbers, crumbs of data here and there. What it says next is drawn from dice
 * that are handed in, a seed's or a tape's.
 */

/** One segment of it. Sequence numbers as on the wire. */
export interface Lie {
  readonly ack: number;
  /** Blocks of SACK, left and right; none without SACK. */
  readonly sack: readonly (readonly [number, number])[];
  readonly window: number;
  readonly ece: boolean;
  /** Where its data lies beyond what the other side wants next, and how much there is. */
  readonly offset: number;
  readonly length: number;
}

/** An integer in [0, limit). */
export type Below = (limit: number) => number;

/** Segments for which it stays with one kind of lie. */
const STUBBORN = 60;

type Kind = (below: Below) => Partial<Lie>;

export class Liar {
  /** The last acknowledgment that moved forward, and the end of what came. */
  acked: number;
  top: number;
  private kind: Kind;
  private left = 0;
  private cursor = 0;
  private readonly kinds: readonly Kind[];

  /** `first`: the other side's first byte. `mss`: what it sends at most in a segment. */
  constructor(
    first: number,
    readonly sackOk: boolean,
    private readonly mss: number,
    /** Bytes beyond what the other side wants next into which crumbs may fall. */
    private readonly room: number,
  ) {
    this.acked = this.top = first;
    const both: Kind[] = [
      () => ({}),
      (below) => this.move(1 + below(3)),
      (below) => this.move(1 + below(this.mss)),
      (below) => this.move(1 + below(Math.max(1, this.flight))),
      () => this.move(this.flight),
      (below) => ({ ack: (this.top + 1 + below(3000)) | 0 }),
      (below) => ({ ack: (this.acked - 1 - below(3000)) | 0 }),
      (below) => ({ ...this.move(below(2 * this.mss)), ece: true }),
      (below) => ({ ...this.move(below(3)), window: below(4000) }),
      (below) => ({ offset: 1 + 2 * below(this.room >> 1), length: 1 + below(3) }),
      () => {
        this.cursor += 2;
        return { offset: 1 + this.cursor, length: 1 };
      },
    ];
    const withSack: Kind[] = [
      () => ({ sack: this.everyOther(1, 2) }),
      () => ({ sack: this.everyOther(this.mss, 2 * this.mss) }),
      () => ({ sack: this.everyOther(-this.mss, 2 * this.mss) }),
      (below) => ({ sack: [0, 1, 2].map(() => this.somewhere(below)) }),
      (below) => ({ sack: [[this.top - below(this.mss), this.top]] }),
      () => ({ sack: [[this.acked + this.mss, this.top]] }),
      (below) => ({ sack: [[this.acked - 1 - below(5000), this.acked], this.somewhere(below)] }),
      (below) => ({ sack: [[this.top + below(9), this.top + 5000]] }),
      (below) => ({ ...this.move(1 + below(this.mss)), sack: this.everyOther(this.mss, 2 * this.mss) }),
    ];
    this.kinds = sackOk ? [...both, ...withSack] : both;
    this.kind = this.kinds[0] as Kind;
  }

  /** The other side sent something that ends there. */
  came(end: number): void {
    if (((end - this.top) | 0) > 0) this.top = end;
  }

  next(below: Below): Lie {
    if (this.left-- <= 0) {
      this.kind = this.kinds[below(this.kinds.length)] as Kind;
      this.left = below(STUBBORN);
      this.cursor = 0;
    }
    const said = this.kind(below);
    const ack = said.ack ?? this.acked;
    if (((ack - this.acked) | 0) > 0 && ((this.top - ack) | 0) >= 0) this.acked = ack;
    const sack = (said.sack ?? []).map(([left, right]) => [left | 0, right | 0] as const);
    return { window: 65_535, ece: false, offset: 0, length: 0, ...said, ack, sack };
  }

  private get flight(): number {
    return Math.max(0, (this.top - this.acked) | 0);
  }

  private move(bytes: number): Partial<Lie> {
    return { ack: (this.acked + Math.min(bytes, this.flight)) | 0 };
  }

  /**
   * Three blocks of `size` bytes, `step` apart, that go on where the last ones ended; a negative size: from the top
   * down.
   */
  private everyOther(size: number, step: number): [number, number][] {
    const blocks: [number, number][] = [];
    for (let i = 0; i < 3; i++) {
      this.cursor += step;
      if (this.cursor >= this.flight) this.cursor = step >> 1;
      const left = size > 0 ? this.acked + this.cursor : this.top - this.cursor;
      blocks.push([left, left + Math.abs(size)]);
    }
    return blocks;
  }

  private somewhere(below: Below): [number, number] {
    const left = this.acked + below(Math.max(1, this.flight));
    return [left, left + 1 + below(4 * this.mss)];
  }
}
