/** What handshakes of TLS 1.2 that are not finished may hold: OpenSSL's take memory, so they are few, and end early. */
import { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import t from 'tap';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { OpensslEngine } from '../../src/tls/openssl/engine.js';
import { DEFAULT_TLS_LIMITS } from '../../src/tls/record/endpoint.js';
import type { ClientHello } from '../../src/tls/wire/client-hello.js';
import { bound } from '../documented.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { type JoinedFlow, joinedFlows } from './joined-flows.js';
import { ownCertificate } from './setup.js';

/** Node's first bytes to a server of TLS 1.2. */
function clientHello(): Promise<Buffer> {
  return new Promise((done) => {
    const wire = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, written) => {
        done(chunk);
        written();
      },
    });
    connect({ socket: wire, servername: 'example.org', maxVersion: 'TLSv1.2' }).on('error', () => undefined);
  });
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((done) => setImmediate(done));
};

interface Begun {
  readonly engine: OpensslEngine;
  readonly clock: VirtualClock;
  /** A client that says so much of `hello`, and waits. */
  begin(hello: Uint8Array): JoinedFlow;
}

function begun(handshakes: number): Begun {
  const clock = new VirtualClock();
  const certificates = new Certificates([ownCertificate().certificate]);
  const keys = new Uint8Array(48);
  const engine = new OpensslEngine({
    ...{ clock, protocols: ['http/1.1'], min: '1.2', all: false, handshakes, handshakeTime: 10_000, linger: 2000 },
    certificates: () => certificates,
    ticketKeys: () => keys,
  });
  const begin = (hello: Uint8Array): JoinedFlow => {
    const [, server] = joinedFlows();
    engine.take(server, { serverName: 'example.org' } as ClientHello, hello, () => t.fail('no handshake is finished'));
    return server;
  };
  return { engine, clock, begin };
}

t.test('half of them: the one that began first gives way, and is counted', async (t) => {
  const { engine, begin } = begun(3);
  const hello = await clientHello();
  const flows: JoinedFlow[] = [];
  for (let i = 0; i < 5; i++) {
    flows.push(begin(hello));
    await turns(3);
  }
  t.same(
    flows.map(({ closed }) => closed),
    ['reset-by-us', 'reset-by-us', undefined, undefined, undefined],
  );
  t.equal(engine.shed, 2);
  for (const { sent } of flows) t.ok(sent > 500, 'each was answered');
});

t.test(
  'a client that ends before its handshake is over is let go at once, and not when its time is over',
  async (t) => {
    const { clock, begin } = begun(10);
    const hello = await clientHello();
    for (const part of [hello, hello.subarray(0, 40)]) {
      const flow = begin(part);
      await turns(3);
      t.notOk(flow.ended);
      flow.handler.ended(flow);
      await turns(5);
      t.ok(flow.ended, 'without a tick of the clock');
      t.equal(flow.closed, undefined, 'what was sent may still be read');
      clock.advance(2000);
      t.equal(flow.closed, 'reset-by-us', 'for so long');
    }
  },
);

t.test('a client that ends with the ClientHello still gets the answer to it', async (t) => {
  const { begin } = begun(10);
  const flow = begin(await clientHello());
  flow.handler.ended(flow);
  await turns(8);
  t.ok(flow.sent > 500, `${flow.sent}`);
  t.ok(flow.ended);
});

t.test('by default as many handshakes of TLS 1.2 are under way at once as docs/tls.md says', (t) => {
  t.equal(
    DEFAULT_TLS_LIMITS.olderHandshakes,
    bound('docs/tls.md', 'handshakes of TLS 1.2 at once, each of some 50 KiB'),
  );
  t.end();
});
