/**
 * TLS over our own TCP in virtual time: over links that lose, repeat, reorder and spoil, and with a reader that stops.
 */
import { createHash } from 'node:crypto';
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import type { Clock, Flow, FlowHandler } from '../../src/net/flow.js';
import { VirtualNet } from '../../src/net/host/virtual-net.js';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { makeCertificate } from '../../src/tls/certificate/load.js';
import { Roots } from '../../src/tls/certificate/verify.js';
import { newTicketSecret, Tickets } from '../../src/tls/handshake/tickets.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Primitives } from '../../src/tls/primitives/primitives.js';
import { TlsClient } from '../../src/tls/tls-client.js';
import { TlsServer } from '../../src/tls/tls-server.js';
import { opensslCertificate, seeded } from './setup.js';

t.setTimeout(300_000);

// Ed25519 signs without randomness: a run replays (RFC 8032 5.1.6).
const OWN = opensslCertificate(['-newkey', 'ed25519'], 'example.org');
const NOW = Date.now() + 60_000;
const SIZE = 3_000_000;
const CONTENT = new Memory(Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 255));
const EXPECTED = createHash('sha256').update(CONTENT.bytes).digest('hex');

/** The time of the simulation on a day on which the certificate is valid. */
function dated(clock: Clock): Clock {
  return { now: () => clock.now(), schedule: (delay, call) => clock.schedule(delay, call), wallClock: () => NOW };
}

interface Result {
  readonly digest: string;
  readonly bytes: number;
  readonly capture: string;
  /** The most octets of ciphertext that waited at the server while its client read nothing. */
  readonly waited: number;
}

/** One download; `pause`: milliseconds for which the client does not read, after its first octets. */
async function download(seed: number, primitives: Primitives, faults: object, pause = 0): Promise<Result> {
  const net = new VirtualNet(seed);
  net.link({ delay: 10, ...faults });
  const [server, client] = [net.host('10.0.0.1'), net.host('10.0.0.2')];
  const captured = net.capture();
  const random = seeded(seed);
  const { certificate } = makeCertificate(OWN.certificate, OWN.key, { certificate: 'c', key: 'k' }, NOW);
  const certificates = new Certificates([certificate]);
  const tickets = new Tickets(primitives, random, newTicketSecret(random, 0));
  let below: Flow | undefined;
  const tls = new TlsServer({
    ...{
      primitives,
      random,
      clock: dated(server.clock),
      tickets,
      protocols: ['http/1.1'],
      certificates: () => certificates,
    },
    accept: (flow) => {
      flow.handler = {
        data: (one) => {
          one.write(CONTENT, 0, SIZE);
          one.end();
        },
        ended() {},
        drained() {},
        closed() {},
      };
    },
    onError: (error) => {
      throw error;
    },
  });
  await server.listen(443, (flow) => {
    below = flow;
    tls.accept(flow);
  });
  const hash = createHash('sha256');
  let [bytes, waited, over] = [0, 0, false];
  const reader: FlowHandler = {
    data: (flow, part, start, end) => {
      if (bytes === 0 && pause > 0) {
        flow.pause();
        net.time.schedule(pause - 1, () => {
          waited = below?.queued ?? 0;
        });
        net.time.schedule(pause, () => client.enter(() => flow.resume()));
      }
      bytes += end - start;
      hash.update(part.subarray(start, end));
    },
    ended: (flow) => {
      over = true;
      flow.end();
    },
    drained() {},
    closed() {},
  };
  const roots = new Roots([OWN.certificate]);
  const ours = new TlsClient({ primitives, random, clock: dated(client.clock), roots });
  const flow = await net.until(client.connect('10.0.0.1', 443));
  let failure = '';
  client.enter(() =>
    ours.connect(flow, {
      serverName: 'example.org',
      established: (one) => {
        one.handler = reader;
        const question = Memory.of('please');
        one.write(question, 0, question.bytes.length);
        one.flush();
      },
      failed: (why, message) => {
        failure = `${why}: ${message}`;
      },
    }),
  );
  await net.run(() => over || failure !== '');
  if (failure !== '') throw new Error(failure);
  return { digest: hash.digest('hex'), bytes, waited, capture: createHash('sha256').update(captured()).digest('hex') };
}

const SEED = Number(process.env['TLS_SEED'] ?? Date.now() % 1_000_000);

t.test(`downloads over bad links are exact (TLS_SEED=${SEED})`, async (t) => {
  const links: [string, object][] = [
    ['clean', {}],
    ['3 % lost', { loss: 0.03 }],
    ['lost, repeated, reordered, spoilt', { loss: 0.02, duplicate: 0.02, reorder: 0.05, corrupt: 0.01 }],
  ];
  for (const primitives of [new EvpPrimitives(), new NodePrimitives()]) {
    for (const [name, faults] of links) {
      const { digest, bytes } = await download(SEED, primitives, faults);
      t.equal(bytes, SIZE, name);
      t.equal(digest, EXPECTED, `${primitives.name}, ${name}`);
    }
  }
});

t.test(
  'a client that reads nothing for a minute makes the server keep 64 KiB of ciphertext and a record',
  async (t) => {
    const { digest, waited } = await download(SEED, new EvpPrimitives(), {}, 60_000);
    t.ok(waited > 0 && waited <= 65_536 + 16_406, `${waited} octets`);
    t.equal(digest, EXPECTED);
  },
);

t.test('a run replays bit for bit: time and dice are those of the simulation', async (t) => {
  const first = await download(4711, new NodePrimitives(), { loss: 0.02 });
  const second = await download(4711, new NodePrimitives(), { loss: 0.02 });
  t.same(second, first);
  t.not((await download(4712, new NodePrimitives(), { loss: 0.02 })).capture, first.capture);
});
