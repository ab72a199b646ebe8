/**
 * `node build/bench/tls-client.js full|resumed ADDRESS PORT CERTIFICATE CONNECTIONS SECONDS PATH`: new connections of
 * TLS 1.3, one request on each, so many at once. No load generator at hand says whether it resumes, so this is a client
 * of our own, which checks that each answer is 200 and each handshake what was asked for. Prints JSON: requests,
 * seconds, errors, and milliseconds from connecting to the end of the answer.
 *
 * `node build/bench/tls-client.js hold ADDRESS PORT CERTIFICATE CONNECTIONS PROTOCOL PATH`: opens connections with ALPN
 * PROTOCOL, asks for PATH on each (`unread:PATH`: and reads no more than the first bytes of the answer), says `held`,
 * and holds them until it is ended.
 */
import { readFileSync } from 'node:fs';
import { Memory } from '../src/memory/memory.js';
import type { Flow, FlowHandler } from '../src/net/flow.js';
import { RealClock } from '../src/net/real-clock.js';
import { connectSocket } from '../src/net/sockets/node/connect.js';
import { Roots } from '../src/tls/certificate/verify.js';
import { AES_128 } from '../src/tls/common/suites.js';
import type { ClientSession } from '../src/tls/handshake/client-handshake.js';
import { choosePrimitives } from '../src/tls/primitives/choose.js';
import { pooledRandom } from '../src/tls/primitives/random.js';
import { TlsClient } from '../src/tls/tls-client.js';

const [mode = '', address = '', port = '', certificate = '', connections = '', last = '', path = ''] =
  process.argv.slice(2);
const client = new TlsClient({
  primitives: await choosePrimitives(),
  random: pooledRandom(),
  clock: new RealClock(),
  roots: new Roots([readFileSync(certificate, 'utf8')]),
});

function open(
  protocol: string,
  session: ClientSession | undefined,
  onSession: (session: ClientSession) => void,
  handler: FlowHandler,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    connectSocket(address, Number(port)).then((inner) => {
      client.connect(inner, {
        serverName: address,
        protocols: [protocol],
        suites: [AES_128],
        session,
        onSession,
        established: (flow, resumed) => {
          flow.handler = handler;
          const file = path.replace('unread:', '');
          const request = protocol === 'h2' ? frames(file) : line(file);
          flow.write(request, 0, request.bytes.length);
          flow.flush();
          resolve(resumed);
        },
        failed: (_why, message) => reject(new Error(message)),
      });
    }, reject);
  });
}

function line(file: string): Memory {
  const close = mode === 'hold' ? '' : 'Connection: close\r\n';
  return Memory.of(`GET ${file} HTTP/1.1\r\nHost: ${address}\r\n${close}\r\n`);
}

/**
 * Preface, SETTINGS without entries and a request of literal fields on stream 1 (RFC 9113 3.4, 6.2; RFC 7541 6.2.2).
 */
function frames(file: string): Memory {
  const literal = (index: number, value: string): Buffer =>
    Buffer.concat([Buffer.of(index, value.length), Buffer.from(value)]);
  // :method GET, :scheme https; :path and :authority by name.
  const block = Buffer.concat([Buffer.of(0x82, 0x87), literal(0x04, file), literal(0x01, address)]);
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  return new Memory(Buffer.concat([preface, Buffer.of(0, 0, block.length, 1, 5, 0, 0, 0, 1), block]));
}

/** One connection after the other until `until`. */
async function connectAgain(until: number, took: number[], sessions: ClientSession[]): Promise<void> {
  while (performance.now() < until) {
    const before = performance.now();
    const session = mode === 'resumed' ? sessions.pop() : undefined;
    let received = '';
    await new Promise<void>((resolve, reject) => {
      open('http/1.1', session, (one) => void (sessions.length < 4096 && sessions.push(one)), {
        data: (_flow, bytes, start, end) => {
          if (received.length < 16) received += Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
        },
        ended: (flow) => flow.end(),
        drained: () => undefined,
        closed: () => resolve(),
      }).then((resumed) => {
        if (resumed !== (session !== undefined)) reject(new Error('a handshake that is not what was asked for'));
      }, reject);
    });
    if (!received.startsWith('HTTP/1.1 200')) throw new Error(`an answer that is not 200: ${received.slice(0, 40)}`);
    took.push(performance.now() - before);
  }
}

async function many(): Promise<void> {
  const began = performance.now();
  const took: number[] = [];
  const sessions: ClientSession[] = [];
  let errors = 0;
  const until = began + Number(last) * 1000;
  const one = (): Promise<void> =>
    connectAgain(until, took, sessions).catch((error: unknown) => {
      errors += 1;
      if (errors === 1) console.error(error);
    });
  await Promise.all(Array.from({ length: Number(connections) }, one));
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  const seconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ requests: took.length, seconds, errors, p50: at(0.5), p99: at(0.99) }));
}

async function hold(): Promise<void> {
  const unread = path.startsWith('unread:');
  const flows: Flow[] = [];
  for (let i = 0; i < Number(connections); i++) {
    await new Promise<void>((resolve, reject) => {
      open(last, undefined, () => undefined, {
        data: (flow) => {
          flows.push(flow);
          if (unread) flow.pause();
          resolve();
        },
        ended: () => undefined,
        drained: () => undefined,
        closed: (_flow, reason) => reject(new Error(`connection ${i} ended: ${reason}`)),
      }).catch(reject);
    });
  }
  console.log('held');
  setInterval(() => flows.length, 60_000);
}

if (mode === 'hold') await hold();
else await many();
