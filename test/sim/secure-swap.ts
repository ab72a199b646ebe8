/** Programs that serve TLS and take its connections from one another, in virtual time; and clients of ours. */
import { Memory } from '../../src/memory/memory.js';
import { type Faults, NO_FAULTS } from '../../src/net/device/wrap/faults.js';
import type { Clock, CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { makeCertificate } from '../../src/tls/certificate/load.js';
import { Roots } from '../../src/tls/certificate/verify.js';
import type { CipherSuite } from '../../src/tls/common/suites.js';
import { newTicketSecret, Tickets } from '../../src/tls/handshake/tickets.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import type { Primitives } from '../../src/tls/primitives/primitives.js';
import { TlsClient } from '../../src/tls/tls-client.js';
import { TlsServer } from '../../src/tls/tls-server.js';
import { Http2Client } from '../http/h2/client.js';
import type { MemoryFlow } from '../http/memory-flow.js';
import { opensslCertificate, seeded } from '../tls/setup.js';
import { Asker, type AskerPlan } from './asker.js';
import { SimHost } from './host.js';
import { ip } from './packets.js';
import { Address, CLIENT, CLIENT_MAC, Program, SERVER } from './programs.js';
import { contents, memoriesOf, siteOf } from './swap.js';
import { World } from './world.js';

const OWN = opensslCertificate(['-newkey', 'ed25519'], 'example.org');
const NOW = Date.now() + 60_000;
const ONE: AskerPlan = { paths: [], pipelined: false, think: 0, close: false, slices: 1, content: 0, pause: 0 };
const nobody: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };

function dated(clock: Clock): Clock {
  return { now: () => clock.now(), schedule: (delay, call) => clock.schedule(delay, call), wallClock: () => NOW };
}

/** HTTP/2 over a flow: the strict client of the tests, which knows connections in memory. */
class FlowOfClient {
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  closed: CloseReason | undefined;
  /** Called when something has come. */
  came = (): void => {};

  constructor(private readonly flow: Flow) {
    flow.handler = {
      data: (_flow, bytes, start, end) => this.#data(bytes, start, end),
      ended: (one) => one.end(),
      drained() {},
      closed: (_flow, reason) => {
        this.closed = reason;
      },
    };
  }

  get received(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  send(bytes: Uint8Array): void {
    this.flow.write(new Memory(Uint8Array.from(bytes)), 0, bytes.length);
    this.flow.flush();
  }

  #data(bytes: Uint8Array, start: number, end: number): void {
    if (this.#length + end - start > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + end - start));
      larger.set(this.received);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length += end - start;
    this.came();
  }
}

/** One connection of HTTP/2. */
export interface Session {
  readonly h2: Http2Client;
  readonly over: () => CloseReason | undefined;
  readonly flow: Flow;
}

export class SecureSwap {
  readonly world: World;
  readonly address: Address;
  readonly client: SimHost;
  readonly programs: Program[] = [];
  readonly servers: TlsServer[] = [];
  /** What went wrong below HTTP, of clients and servers. */
  readonly problems: string[] = [];
  readonly #back: (frame: Uint8Array) => void;
  readonly #primitives: Primitives = new EvpPrimitives();
  readonly #random = seeded(5);
  readonly #secret = newTicketSecret(seeded(6), 0);
  readonly #tls: TlsClient;

  constructor(seed = 1, faults: Partial<Faults> = {}) {
    this.world = new World(seed);
    this.address = new Address(this.world, () => 0.5);
    this.client = new SimHost(this.world, { name: 'client', mac: CLIENT_MAC });
    const link = { ...NO_FAULTS, delay: 5, rate: 2000, queue: 1_000_000, ...faults };
    this.client.connectTo(this.world.wire('to the site', this.address, link));
    this.client.place(CLIENT, 24);
    this.#back = this.world.wire('from the site', this.client, link);
    const clock = dated(this.client.clock);
    const onError = (error: unknown): void => void this.problems.push(`${error}`);
    const roots = new Roots([OWN.certificate]);
    this.#tls = new TlsClient({ primitives: this.#primitives, random: this.#random, clock, roots, onError });
    this.address.serve(this.start(), 0);
  }

  /** Another program; `version`: the newest of records that it knows. */
  start(version?: number): Program {
    const site = siteOf(0);
    const program = new Program(
      this.world,
      site,
      this.programs.length * 3_000_000,
      {},
      memoriesOf(site),
      (clock, http) => {
        const { certificate } = makeCertificate(OWN.certificate, OWN.key, { certificate: 'c', key: 'k' }, NOW);
        const certificates = new Certificates([certificate]);
        const [primitives, random] = [this.#primitives, this.#random];
        const tls = new TlsServer({
          ...{ primitives, random, clock: dated(clock), protocols: ['h2', 'http/1.1'] },
          tickets: new Tickets(primitives, random, this.#secret),
          certificates: () => certificates,
          accept: http.accept,
          adopt: http.adopt,
          onAlert: (_flow, alert, reason) => void this.problems.push(`${alert}: ${reason}`),
          onRefused: (_flow, { code }) => void this.problems.push(code),
          onError: (error) => void this.problems.push(`${error}`),
        });
        this.servers.push(tls);
        return tls;
      },
      version,
    );
    this.programs.push(program);
    this.address.plug(program, this.#back, this.programs.length - 1);
    return program;
  }

  get last(): Program {
    return this.programs.at(-1)!;
  }

  get now(): number {
    return this.world.time.now();
  }

  /** Another program takes over. */
  handOver(version?: number): Program {
    const olds = this.programs.filter((one) => !one.dead).reverse();
    const young = this.start(version);
    this.address.handOver(olds, young, this.programs.length - 1);
    return young;
  }

  #open(protocol: string, begin: (flow: Flow) => void, suites?: readonly CipherSuite[]): void {
    this.client.dial(ip(SERVER), 443, nobody, (inner) =>
      this.#tls.connect(inner, {
        ...{ serverName: 'example.org', protocols: [protocol], ...(suites && { suites }) },
        established: begin,
        failed: (why, message) => void this.problems.push(`${why}: ${message}`),
      }),
    );
  }

  /** HTTP/1.1 over TLS. */
  ask(plan: Partial<AskerPlan>, suites?: readonly CipherSuite[]): Asker {
    const asker = new Asker(this.client, { ...ONE, ...plan }, (path) => [contents(0)[path]!]);
    const begin = (flow: Flow): void => {
      flow.handler = asker;
      asker.begin(flow);
    };
    this.#open('http/1.1', begin, suites);
    return asker;
  }

  /** HTTP/1.1 without TLS. */
  plain(plan: Partial<AskerPlan>): Asker {
    const asker = new Asker(this.client, { ...ONE, ...plan }, (path) => [contents(0)[path]!]);
    this.client.dial(ip(SERVER), 80, asker, (flow) => asker.begin(flow));
    return asker;
  }

  /** HTTP/2 over TLS; `begun` is called when requests can be sent. */
  session(begun: (session: Session) => void, first: readonly (readonly [number, number])[] = []): void {
    this.#open('h2', (flow) => {
      const below = new FlowOfClient(flow);
      const h2 = new Http2Client(below as unknown as MemoryFlow, first);
      below.came = () => h2.read();
      begun({ h2, over: () => below.closed, flow });
    });
  }

  /** Promises get their turn, too. */
  async run(until: number, done: () => boolean = () => false): Promise<void> {
    while (this.now < until && !done()) {
      this.world.time.run(this.now + 1);
      for (let i = 0; i < 4; i++) await Promise.resolve();
    }
  }
}
