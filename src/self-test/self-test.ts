/**
 * What a program does before it is given any traffic: it fetches the home page, a page that does not exist and some
 * others from itself, through its whole HTTP and TCP, and compares their hashes with those of the bundle.
 */
import { createHash } from 'node:crypto';
import { UserError } from '../errors/user-error.js';
import { HttpServer } from '../http/index.js';
import { Memory } from '../memory/memory.js';
import type { CloseReason, Flow, FlowHandler } from '../net/flow.js';
import type { Random } from '../net/random.js';
import type { Lookup, Store } from '../store/store.js';
import { Loopback } from './loopback.js';

export interface SelfTestOptions {
  readonly store: Store;
  /** The path that the site lies at, like `/docs`. */
  readonly base?: string | undefined;
  readonly random: Random;
  /** Milliseconds since 1970. */
  readonly wallClock: number;
  /** Pages that are drawn at random, besides the home page and the missing one. Default 20. */
  readonly pages?: number | undefined;
  /** Bytes that may be fetched in all; a larger page is left out. Default 32 MiB. */
  readonly bytes?: number | undefined;
}

export interface SelfTestResult {
  readonly pages: number;
  readonly bytes: number;
}

/** Virtual milliseconds that all of it may take. */
const PATIENCE = 60_000;
const DEFAULT_BYTES = 32 * 2 ** 20;
/** Resources among which the random pages are drawn. */
const DRAWN_FROM = 4096;

export interface Expected {
  readonly path: string;
  readonly status: number;
  /** Hex; undefined: any body will do (an error page of the server's own). */
  readonly sha256: string | undefined;
}

/** Rejects with a `UserError` about the first page that is not as it should be. */
export async function selfTest(options: SelfTestOptions): Promise<SelfTestResult> {
  const { store, base = '' } = options;
  const wire = new Loopback(options.random, options.wallClock);
  const http = new HttpServer({ store: () => store, base, clock: wire.clock });
  wire.listen(http.accept);
  const client = new Client(expectations(options), base);
  wire.connect(client, (flow) => client.next(flow));
  const done = await wire.run(() => client.done, PATIENCE);
  if (client.problem !== undefined) throw new UserError(`the self-test failed: ${client.problem}`);
  if (!done) throw new UserError(`the self-test failed: ${client.asked} was not answered`);
  return { pages: client.answers, bytes: client.bytes };
}

/** What must come: by path as it is asked for, percent-encoded. */
export function expectations(options: SelfTestOptions): Expected[] {
  const { store, random, pages = 20 } = options;
  let left = options.bytes ?? DEFAULT_BYTES;
  const expected: Expected[] = [];
  for (const path of ['/', `/no-such-page-${(random.random32() >>> 0).toString(36)}`]) {
    const bytes = new TextEncoder().encode(path);
    expected.push(expectation(path, store.lookup(bytes, 0, bytes.length)));
  }
  const drawn: Lookup[] = [];
  let seen = 0;
  for (const resource of store.resources()) {
    if (seen++ >= DRAWN_FROM) break;
    const lookup: Lookup = { kind: 'resource', resource };
    // Each as likely as any other (reservoir).
    const place = drawn.length < pages ? drawn.length : (random.random32() >>> 0) % seen;
    if (place < pages) drawn[place] = lookup;
  }
  for (const one of drawn) {
    if (one.kind !== 'resource') continue;
    const { body } = one.resource.representations[0]!;
    if (body.end - body.start > left) continue;
    left -= body.end - body.start;
    const { path } = one.resource;
    const bytes = new TextEncoder().encode(path);
    // A rule of the site may say something else of the path than that its file be served.
    expected.push(expectation(path.split('/').map(encodeURIComponent).join('/'), store.lookup(bytes, 0, bytes.length)));
  }
  return expected;
}

function expectation(path: string, found: Lookup): Expected {
  if (found.kind === 'redirect') return { path, status: found.status, sha256: undefined };
  const resource = found.kind === 'resource' ? found.resource : found.page;
  if (resource === undefined) return { path, status: 404, sha256: undefined };
  const { body, headOk } = resource.representations[0]!;
  const line = Buffer.from(headOk.memory.bytes.subarray(headOk.start, headOk.start + 12)).toString('latin1');
  const sha256 = createHash('sha256').update(body.memory.bytes.subarray(body.start, body.end)).digest('hex');
  return { path, status: Number(line.slice(9)), sha256 };
}

/** Asks for one after the other on one connection. */
class Client implements FlowHandler {
  done = false;
  problem: string | undefined = undefined;
  answers = 0;
  bytes = 0;
  private head = '';
  private status = 0;
  /** Bytes of content still to come; -1: the head is not whole. */
  private left = -1;
  private hash = createHash('sha256');
  private at = 0;

  constructor(
    private readonly expected: readonly Expected[],
    private readonly base: string,
  ) {}

  get asked(): string {
    return this.expected[this.at]?.path ?? 'nothing';
  }

  next(flow: Flow): void {
    const request = Memory.of(
      `GET ${this.base}${this.asked} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: identity\r\n\r\n`,
    );
    flow.write(request, 0, request.bytes.length);
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    if (this.left < 0) {
      this.head += Buffer.from(bytes.subarray(start, end)).toString('latin1');
      const blank = this.head.indexOf('\r\n\r\n');
      if (blank < 0) return;
      const spare = this.head.length - blank - 4;
      from = end - spare;
      this.status = Number(this.head.slice(9, 12));
      this.left = Number(/^content-length: *(\d+)/im.exec(this.head.slice(0, blank))?.[1] ?? 0);
    }
    this.hash.update(bytes.subarray(from, end));
    this.bytes += end - from;
    this.left -= end - from;
    if (this.left > 0) return;
    this.answered(flow);
  }

  private answered(flow: Flow): void {
    const { path, status, sha256 } = this.expected[this.at]!;
    const got = this.hash.digest('hex');
    if (this.left < 0) this.problem = `${path} brought more than its length`;
    else if (status >= 500) this.problem = `${path} is damaged in the bundle`;
    else if (this.status !== status) this.problem = `${path} was answered with ${this.status}, ${status} was expected`;
    else if (sha256 !== undefined && got !== sha256)
      this.problem = `the content of ${path} has another hash than in the bundle`;
    this.answers += 1;
    this.at += 1;
    this.head = '';
    this.left = -1;
    this.hash = createHash('sha256');
    if (this.problem !== undefined || this.at === this.expected.length) {
      this.done = true;
      flow.end();
    } else this.next(flow);
  }

  ended(flow: Flow): void {
    if (!this.done) this.problem ??= `the connection ended before ${this.asked} was answered`;
    this.done = true;
    flow.end();
  }

  drained(): void {}

  closed(_flow: Flow, reason: CloseReason): void {
    if (!this.done) this.problem ??= `the connection ended (${reason}) before ${this.asked} was answered`;
    this.done = true;
  }
}
