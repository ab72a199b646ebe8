/**
 * `npm run bench:handshake -- [COUNT]`: what a handshake of TLS 1.3 costs the server, without a network: a client of
 * ours in the same process is answered through memory, and the time inside of the server is counted. Full handshakes
 * with an ECDSA P-256 certificate, then resumed ones; medians of rounds, and bytes of garbage.
 */
import type { Memory } from '../src/memory/memory.js';
import { koffi } from '../src/native/libc/koffi.js';
import { pinned } from '../src/native/libc/slab.js';
import type { Endpoint, Flow, FlowHandler, FlowInfo } from '../src/net/flow.js';
import { RealClock } from '../src/net/real-clock.js';
import { Certificates } from '../src/tls/certificate/certificate.js';
import { makeCertificate } from '../src/tls/certificate/load.js';
import { makeSelfSigned } from '../src/tls/certificate/self-signed.js';
import { Roots } from '../src/tls/certificate/verify.js';
import type { ClientSession } from '../src/tls/handshake/client-handshake.js';
import { newTicketSecret, Tickets } from '../src/tls/handshake/tickets.js';
import { choosePrimitives } from '../src/tls/primitives/choose.js';
import { pooledRandom } from '../src/tls/primitives/random.js';
import { TlsClient } from '../src/tls/tls-client.js';
import { TlsServer } from '../src/tls/tls-server.js';
import { median } from './report.js';

const silent: FlowHandler = { data() {}, ended() {}, drained() {}, closed() {} };
const ADDRESS: Endpoint = { address: '127.0.0.1', port: 443 };
const INFO = { state: 'open' } as FlowInfo;

/** One end of a connection in memory. */
class End implements Flow {
  readonly local = ADDRESS;
  readonly remote = ADDRESS;
  handler = silent;
  context: unknown = undefined;
  lowWater = 0;
  queued = 0;
  readonly out: { memory: Memory; start: number; end: number }[] = [];

  info(): FlowInfo {
    return INFO;
  }
  write(memory: Memory, start: number, end: number): void {
    this.out.push({ memory, start, end });
    this.queued += end - start;
  }
  flush(): void {}
  end(): void {}
  reset(): void {}
  pause(): void {}
  resume(): void {}
}

const buffer = new Uint8Array(65_536);

/** Hands to `to` what `from` has written, as one read; false: nothing. */
function carry(from: End, to: End): boolean {
  if (from.out.length === 0) return false;
  let length = 0;
  for (const { memory, start, end } of from.out) {
    buffer.set(memory.bytes.subarray(start, end), length);
    length += end - start;
  }
  from.out.length = 0;
  from.queued = 0;
  to.handler.data(to, buffer, 0, length);
  return true;
}

const primitives = await choosePrimitives((reason) => console.error(`without EVP: ${reason}`));
const random = pooledRandom();
const clock = new RealClock();
const made = makeSelfSigned({ names: ['localhost'], from: clock.wallClock(), random });
const files = { certificate: 'made', key: 'made' };
const { certificate } = makeCertificate(made.certificate, made.key, files, clock.wallClock());
const certificates = new Certificates([certificate]);
const tickets = new Tickets(primitives, random, newTicketSecret(random, clock.wallClock()));
const common = { primitives, random, clock, onError: (error: unknown) => console.error(error) };
let accepted = 0;
const server = new TlsServer({
  ...common,
  certificates: () => certificates,
  tickets,
  protocols: ['h2', 'http/1.1'],
  accept: () => {
    accepted += 1;
  },
});
const client = new TlsClient({ ...common, roots: new Roots([made.certificate]) });

const CLOCK_THREAD_CPUTIME_ID = 3;
const clockGettime = koffi().load(null).func('int clock_gettime(int clock, uint64_t time)') as (
  clock: number,
  time: number,
) => number;
const time = pinned(16);
const timeView = new DataView(time.bytes.buffer, time.bytes.byteOffset, 16);

/** Nanoseconds that this thread was on a processor: what else the machine does is not in them. */
function threadTime(): number {
  clockGettime(CLOCK_THREAD_CPUTIME_ID, time.address);
  return Number(timeView.getBigInt64(0, true)) * 1e9 + Number(timeView.getBigInt64(8, true));
}

/** Nanoseconds of the server for one handshake. */
function handshake(session: ClientSession | undefined, onSession: (session: ClientSession) => void): number {
  const [near, far] = [new End(), new End()];
  let spent = 0;
  const timed = (work: () => boolean): boolean => {
    const before = threadTime();
    const done = work();
    spent += threadTime() - before;
    return done;
  };
  timed(() => {
    server.accept(far);
    return true;
  });
  client.connect(near, {
    serverName: 'localhost',
    protocols: ['http/1.1'],
    session,
    onSession,
    established: (_flow, resumed) => {
      if (resumed !== (session !== undefined))
        throw new Error('resumed where it should not be, or not where it should');
    },
    failed: (why, message) => {
      throw new Error(`${why}: ${message}`);
    },
  });
  while (timed(() => carry(near, far)) || carry(far, near));
  timed(() => {
    far.handler.closed(far, 'finished');
    return true;
  });
  near.handler.closed(near, 'finished');
  return spent;
}

const count = Number(process.argv[2] ?? 2000);
for (const kind of ['full', 'resumed'] as const) {
  const rounds: number[] = [];
  for (let round = 0; round < 7; round++) {
    let spent = 0;
    let session: ClientSession | undefined;
    const keep = (one: ClientSession): void => {
      session = one;
    };
    if (kind === 'resumed') handshake(undefined, keep);
    for (let i = 0; i < count; i++) spent += handshake(kind === 'resumed' ? session : undefined, keep);
    rounds.push(spent / count / 1000);
  }
  console.log(
    `${kind}: ${median(rounds.slice(2)).toFixed(1)} µs (${rounds.map((one) => one.toFixed(0)).join(' ')}), ${primitives.name}`,
  );
}
if (accepted === 0) process.exitCode = 1;
