/**
 * Connections of named proxies begin with a header of the PROXY protocol, and are those of the clients that it names.
 */
import type { Memory } from '../../memory/memory.js';
import type { Accept, Clock, CloseReason, Endpoint, Flow, FlowHandler, FlowInfo, Timer, Trouble } from '../flow.js';
import { LONGEST_HEADER, readProxyHeader } from './header.js';

/** Milliseconds for the header; a proxy sends it with its first segment. */
const TIME = 5000;

/** `trusts`: whether the connection at the other end is a proxy's. Others are handed on as they are. */
export function acceptProxied(accept: Accept, trusts: (address: string) => boolean, clock: Clock): Accept {
  return (flow) => {
    if (trusts(flow.remote.address)) flow.handler = new Beginning(flow, accept, clock);
    else accept(flow);
  };
}

/**
 * Reads the header, then hands the flow on. Anything else than a header ends the flow: its sender is not the proxy that
 * it claims to be.
 */
class Beginning implements FlowHandler {
  private held = new Uint8Array(0);
  private readonly timer: Timer;

  constructor(
    flow: Flow,
    private readonly accept: Accept,
    clock: Clock,
  ) {
    this.timer = clock.schedule(TIME, () => flow.reset());
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const before = this.held.length;
    // No more than a header's longest: what stands behind it goes to the owner as it came.
    const taken = Math.min(end - start, LONGEST_HEADER - before);
    const all = new Uint8Array(before + taken);
    all.set(this.held);
    all.set(bytes.subarray(start, start + taken), before);
    const header = readProxyHeader(all, all.length);
    if (header === 'more') {
      this.held = all;
      return;
    }
    this.timer.cancel();
    if (header === undefined) {
      flow.reset();
      return;
    }
    const proxied = new ProxiedFlow(flow, header.source ?? flow.remote);
    flow.handler = proxied;
    this.accept(proxied);
    const at = start + header.length - before;
    if (at < end) proxied.data(flow, bytes, at, end);
  }

  ended(flow: Flow): void {
    this.timer.cancel();
    flow.reset();
  }

  drained(): void {}

  closed(): void {
    this.timer.cancel();
  }
}

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

/** The flow below, with the client's end in place of the proxy's. It stays in the program that read its header. */
class ProxiedFlow implements Flow, FlowHandler {
  handler: FlowHandler = silent;
  context: unknown = undefined;

  constructor(
    private readonly inner: Flow,
    readonly remote: Endpoint,
  ) {}

  get local(): Endpoint {
    return this.inner.local;
  }

  get security(): Flow['security'] {
    return this.inner.security;
  }

  get queued(): number {
    return this.inner.queued;
  }

  get unacknowledged(): number | undefined {
    return this.inner.unacknowledged;
  }

  get lowWater(): number {
    return this.inner.lowWater;
  }

  set lowWater(bytes: number) {
    this.inner.lowWater = bytes;
  }

  write(memory: Memory, start: number, end: number): void {
    this.inner.write(memory, start, end);
  }

  flush(): void {
    this.inner.flush();
  }

  end(): void {
    this.inner.end();
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

  info(): FlowInfo {
    return this.inner.info();
  }

  // For the flow below

  data(_flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    this.handler.data(this, bytes, start, end);
  }

  ended(): void {
    this.handler.ended(this);
  }

  drained(): void {
    this.handler.drained(this);
  }

  trouble(_flow: Flow, trouble: Trouble): void {
    this.handler.trouble?.(this, trouble);
  }

  urgent(_flow: Flow, left: number): void {
    this.handler.urgent?.(this, left);
  }

  closed(_flow: Flow, reason: CloseReason): void {
    this.handler.closed(this, reason);
  }
}
