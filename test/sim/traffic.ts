/**
 * The two ends of one planned connection: they write what the plan says, check every byte that arrives, stop reading
 * when they are slow, and keep what became of it.
 */
import { Memory } from '../../src/memory/memory.js';
import type { Clock, CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import type { FlowPlan } from './plan.js';

/** Prime, so that no power of two of offsets looks alike. */
const PERIOD = 65_521;

function makePattern(): Memory {
  const random = new SeededRandom(0x5173, 1);
  const bytes = new Uint8Array(PERIOD);
  for (let i = 0; i < PERIOD; i++) bytes[i] = random.random32();
  return new Memory(bytes);
}

/** What everybody sends: byte `i` of a stream that begins at `phase` is `bytes[(phase + i) % PERIOD]`. */
const PATTERN = makePattern();

/** Bytes that may be queued before a writer waits. */
const WATERMARK = 64 * 1024;

export class End implements FlowHandler {
  flow: Flow | undefined;
  received = 0;
  written = 0;
  sawEnd = false;
  reason: CloseReason | undefined;
  /** When it stood, and when it was over, in ms. */
  beganAt = Number.NaN;
  closedAt = Number.NaN;
  /** The first thing that was wrong. */
  fault: string | undefined;
  /** Told when it is over. */
  over: () => void = () => {};
  private sinceEver = 0;
  private saidEnd = false;

  constructor(
    private readonly plan: FlowPlan,
    readonly side: 'client' | 'server',
    private readonly clock: Clock,
  ) {}

  /** What this side sends, and what it waits for. */
  get toSend(): number {
    return this.side === 'client' ? this.plan.up : this.plan.down;
  }

  get toGet(): number {
    return this.side === 'client' ? this.plan.down : this.plan.up;
  }

  private phase(sender: 'client' | 'server'): number {
    return (this.plan.port * 7919 + (sender === 'client' ? 0 : 31_337)) % PERIOD;
  }

  begin(flow: Flow): void {
    this.flow = flow;
    this.beganAt = this.clock.now();
    flow.handler = this;
    flow.lowWater = WATERMARK / 2;
    this.fill(flow);
  }

  private fill(flow: Flow): void {
    while (this.written < this.toSend && flow.queued < WATERMARK) {
      const at = (this.phase(this.side) + this.written) % PERIOD;
      const size = Math.min(this.plan.chunk, this.toSend - this.written, PERIOD - at);
      this.written += size;
      flow.write(PATTERN, at, at + size);
      if (this.reason !== undefined) return;
    }
    this.endWhenDone(flow);
  }

  /** The server says FIN when all is written; the client then too, or only when it has got everything. */
  private endWhenDone(flow: Flow): void {
    if (this.saidEnd || this.written < this.toSend) return;
    if (this.side === 'client' && !this.plan.halfClose && this.received < this.toGet && !this.sawEnd) return;
    this.saidEnd = true;
    flow.end();
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    if (this.reason !== undefined) this.complain('data after it was closed');
    if (this.sawEnd) this.complain('data after the end');
    const phase = this.phase(this.side === 'client' ? 'server' : 'client');
    for (let i = start; i < end; i++) {
      const offset = this.received + i - start;
      if (bytes[i] !== PATTERN.bytes[(phase + offset) % PERIOD]) {
        this.complain(`byte ${offset} is wrong`);
        break;
      }
    }
    this.received += end - start;
    if (this.received > this.toGet) this.complain(`${this.received} bytes came, ${this.toGet} were sent`);
    const { plan } = this;
    if (this.side === 'client' && plan.resetAt >= 0 && this.received >= plan.resetAt) {
      flow.reset();
      return;
    }
    this.sinceEver += end - start;
    if (plan.slowReader === this.side && this.sinceEver >= plan.burst) {
      this.sinceEver = 0;
      flow.pause();
      this.clock.schedule(plan.pause, () => {
        if (this.reason === undefined) flow.resume();
      });
    }
    this.endWhenDone(flow);
  }

  ended(flow: Flow): void {
    if (this.sawEnd) this.complain('the end came twice');
    this.sawEnd = true;
    if (this.received !== this.toGet) this.complain(`the end came after ${this.received} of ${this.toGet} bytes`);
    this.endWhenDone(flow);
  }

  drained(flow: Flow): void {
    this.fill(flow);
  }

  closed(_flow: Flow, reason: CloseReason): void {
    if (this.reason !== undefined) this.complain(`closed twice: ${this.reason}, ${reason}`);
    this.reason = reason;
    this.closedAt = this.clock.now();
    this.over();
  }

  private complain(text: string): void {
    this.fault ??= `${this.side} of port ${this.plan.port}: ${text}`;
  }

  /** Everything was sent, got and ended in peace. */
  get complete(): boolean {
    return this.reason === 'finished' && this.received === this.toGet && this.written === this.toSend;
  }
}
