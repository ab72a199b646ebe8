import { type HttpOptions, HttpServer } from '../../src/http/index.js';
import { Http2Client } from './h2/client.js';
import { translate } from './h2/translate.js';
import { type HandMadeStore, siteStore } from './hand-made-store.js';
import { MemoryFlow } from './memory-flow.js';
import { differenceOf, parseResponses, type Response } from './responses.js';
import { VirtualClock } from './virtual-clock.js';

/** A server in virtual time, with the site that has one of everything. */
export class Setup {
  readonly clock = new VirtualClock();
  readonly store: HandMadeStore = siteStore();
  readonly server: HttpServer;
  /** The same again, that is asked in HTTP/2. */
  readonly #twin: HttpServer;

  constructor(options: Partial<HttpOptions> = {}) {
    this.server = new HttpServer({ store: () => this.store, clock: this.clock, ...options });
    this.#twin = new HttpServer({ store: () => this.store, clock: this.clock, ...options, log: undefined });
  }

  connect(address?: string): MemoryFlow {
    return MemoryFlow.connect(this.server.accept, address);
  }

  /** Sends bytes on a new connection; the connection, with what came back. */
  exchange(bytes: string | Uint8Array): MemoryFlow {
    const flow = this.connect();
    flow.send(bytes);
    return flow;
  }

  /**
   * Sends one request and reads its one response. The same is asked for in HTTP/2, where HTTP/2 has words for it, and
   * must be answered in the same way.
   */
  ask(request: string): Response {
    const flow = this.exchange(request);
    const responses = parseResponses(flow.received, [/^(\r\n)*HEAD /.test(request) ? 'HEAD' : 'GET']);
    const final = responses.filter((r) => r.status >= 200);
    if (final.length !== 1) throw new Error(`${final.length} responses to ${JSON.stringify(request)}`);
    const response = final[0]!;
    this.#compare(request, response);
    return response;
  }

  #compare(request: string, response: Response): void {
    const [asked, another] = translate(request) ?? [];
    if (asked === undefined || another !== undefined) return;
    const { length } = this.store.lookups;
    const client = new Http2Client(MemoryFlow.connect(this.#twin.accept));
    const there = client.response(client.request(asked.fields, asked.body));
    client.flow.abort();
    this.store.lookups.length = length;
    const difference = differenceOf(response, there);
    if (difference !== undefined)
      throw new Error(`HTTP/2 answers ${JSON.stringify(request)} in another way: ${difference}`);
  }

  /** GET of a path with field lines. */
  get(path: string, ...lines: string[]): Response {
    return this.ask(request('GET', path, ...lines));
  }
}

/** An HTTP/1.1 request with `Host` and further lines. */
export function request(method: string, target: string, ...lines: string[]): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: example.org', ...lines, '', ''].join('\r\n');
}
