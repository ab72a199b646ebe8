/** Handshakes between our server and our client, in memory (RFC 8446 2, 4). */
import t from 'tap';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { makeCertificate } from '../../src/tls/certificate/load.js';
import { makeSelfSigned } from '../../src/tls/certificate/self-signed.js';
import { Roots } from '../../src/tls/certificate/verify.js';
import { GROUP, SUITES } from '../../src/tls/common/suites.js';
import type { ClientSession } from '../../src/tls/handshake/client-handshake.js';
import type { Challenge } from '../../src/tls/handshake/server-handshake.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { TlsClient } from '../../src/tls/tls-client.js';
import type { OlderEngine } from '../../src/tls/tls-server.js';
import { joinedFlows, talk } from './joined-flows.js';
import { Heard, Setup, seeded, send } from './setup.js';

for (const primitives of [new NodePrimitives(), new EvpPrimitives()]) {
  t.test(`${primitives.name}: every suite and group, full and resumed`, (t) => {
    for (const suite of SUITES) {
      for (const group of [GROUP.x25519, GROUP.secp256r1, GROUP.secp384r1]) {
        const setup = new Setup({ primitives });
        const sessions: ClientSession[] = [];
        const onSession = (one: ClientSession): void => void sessions.push(one);
        const options = { groups: [group], suites: [suite], onSession };
        const first = setup.connect(options);
        t.match(first.server?.security, {
          protocol: 'TLSv1.3',
          alpn: 'http/1.1',
          serverName: 'example.org',
          cipher: suite.name,
        });
        t.match(first.client?.security, { protocol: 'TLSv1.3', alpn: 'http/1.1', cipher: suite.name });
        t.equal(first.resumed, false);
        t.equal(sessions.length, 2, 'two tickets for a client of HTTP/1.1');
        const second = setup.connect({ ...options, session: sessions[0] });
        t.equal(second.resumed, true);
        send(second.client!, 'question');
        talk(...second.below);
        t.equal(second.serverHeard.received, 'question');
        send(second.server!, 'answer');
        talk(...second.below);
        t.equal(second.clientHeard.received, 'answer');
        t.same(setup.errors, []);
      }
    }
    t.end();
  });
}

t.test('RFC 8446 4.1.4: a client with no share of a common group is asked for one, full and resumed', (t) => {
  const inner = new NodePrimitives();
  const primitives = Object.assign(new NodePrimitives(), { groups: [GROUP.secp256r1] });
  t.ok(inner.groups.includes(GROUP.x25519));
  const setup = new Setup({ primitives });
  const sessions: ClientSession[] = [];
  const onSession = (one: ClientSession): void => void sessions.push(one);
  const first = setup.connect({ groups: [GROUP.x25519, GROUP.secp256r1], onSession });
  t.ok(first.server);
  const second = setup.connect({ groups: [GROUP.x25519, GROUP.secp256r1], session: sessions[0] });
  t.equal(second.resumed, true);
  t.equal(setup.connect({ groups: [GROUP.x25519] }).serverAlert, 'handshakeFailure');
  t.end();
});

const mlkem = new EvpPrimitives().groups.includes(GROUP.x25519mlkem768);

t.test('X25519MLKEM768, by both kinds of primitives', { skip: !mlkem && 'this Node has no ML-KEM' }, (t) => {
  for (const primitives of [new NodePrimitives(), new EvpPrimitives()]) {
    const { server, client, below, serverHeard } = new Setup({ primitives }).connect({
      groups: [GROUP.x25519mlkem768],
    });
    t.ok(server);
    send(client!, 'x');
    talk(...below);
    t.equal(serverHeard.received, 'x');
  }
  t.end();
});

t.test('handshakes in pieces of every size from 1 octet on', (t) => {
  for (let size = 1; size < 300; size += size < 20 ? 1 : 13) {
    const setup = new Setup();
    const { server, client, below, serverHeard } = setup.connect({}, size);
    t.ok(server && client, `${size} octets`);
    send(client!, 'x'.repeat(40_000));
    talk(...below, size * 100);
    t.equal(serverHeard.bytes, 40_000);
  }
  t.end();
});

t.test('RFC 7301 3.2: the protocol is the first of ours that the client offers', (t) => {
  const setup = new Setup();
  t.equal(setup.connect({ protocols: ['http/1.1', 'h2'] }).server?.security?.alpn, 'h2');
  t.equal(setup.connect({ protocols: [] }).server?.security?.alpn, undefined);
  const none = setup.connect({ protocols: ['foo'] });
  t.equal(none.serverAlert, 'noApplicationProtocol');
  t.equal(none.clientFailure, 'reset-by-peer');
  t.end();
});

for (const olderForAll of [false, true]) {
  const whose = olderForAll ? ', also where OpenSSL has all others' : '';
  t.test(`RFC 8737 3: a challenge has its own certificate and protocol, and ends with the handshake${whose}`, (t) => {
    const { certificate, key } = makeSelfSigned({ names: ['new.example'], from: 784_111_777_000, random: seeded(9) });
    const files = { certificate: 'c', key: 'k' };
    const made = makeCertificate(certificate, key, files, 784_111_777_000).certificate;
    const certificates = new Certificates([made]);
    const challenge = (name: string, protocols: readonly string[]): Challenge | undefined =>
      name === 'new.example' && protocols.includes('acme-tls/1') ? { certificates, protocol: 'acme-tls/1' } : undefined;
    const took: string[] = [];
    const older: OlderEngine = (inner, hello) => {
      took.push(hello.serverName ?? '');
      inner.reset();
    };
    const setup = new Setup({ challenge, ...(olderForAll && { older, olderForAll }) });
    const ca = new TlsClient({ ...setup, roots: new Roots([certificate]) });
    const [client, server] = joinedFlows();
    setup.server.accept(server);
    let alpn: string | undefined;
    ca.connect(client, {
      serverName: 'new.example',
      protocols: ['acme-tls/1'],
      established: (flow) => {
        alpn = flow.security?.alpn;
        flow.handler = new Heard();
      },
      failed: (why) => t.fail(why),
    });
    talk(client, server);
    t.equal(alpn, 'acme-tls/1');
    t.equal(setup.lastServer, undefined, 'HTTP never sees it');
    t.ok(server.ended);
    const { serverAlert } = setup.connect({ protocols: ['acme-tls/1'] });
    t.equal(serverAlert, olderForAll ? undefined : 'noApplicationProtocol', 'no challenge for that name');
    t.equal(took.length, olderForAll ? 1 : 0);
    t.end();
  });
}

t.test('RFC 8446 6.1: close_notify ends one direction; the other goes on', (t) => {
  const setup = new Setup();
  const { client, server, below, serverHeard, clientHeard } = setup.connect();
  client!.end();
  talk(...below);
  t.equal(serverHeard.ends, 1);
  send(server!, 'still here');
  talk(...below);
  t.equal(clientHeard.received, 'still here');
  server!.end();
  talk(...below);
  t.equal(clientHeard.ends, 1);
  t.equal(serverHeard.reason, 'finished');
  t.equal(clientHeard.reason, 'finished');
  t.end();
});

t.test('RFC 8446 4.6.3: keys change both ways, and on request', (t) => {
  const setup = new Setup();
  const { client, server, below, serverHeard, clientHeard } = setup.connect();
  serverHeard.answer = (flow, text) => send(flow, text.toUpperCase());
  for (let i = 0; i < 10; i++) {
    (client as unknown as { updateKey(request: boolean): void }).updateKey(i % 2 === 0);
    if (i % 3 === 0) (server as unknown as { updateKey(request: boolean): void }).updateKey(true);
    send(client!, `q${i}`);
    talk(...below);
    setup.clock.advance(1000);
  }
  t.equal(clientHeard.received, 'Q0Q1Q2Q3Q4Q5Q6Q7Q8Q9');
  t.end();
});

t.test('a ticket is good for its lifetime, its name and its server alone', (t) => {
  const setup = new Setup();
  const sessions: ClientSession[] = [];
  const onSession = (one: ClientSession): void => void sessions.push(one);
  setup.connect({ onSession });
  t.equal(setup.connect({ session: sessions[0], serverName: 'www.example.net' }).resumed, false, 'another name');
  const other = new Setup();
  other.random(1);
  const broken = { ...sessions[0]!, ticket: sessions[0]!.ticket.map((octet, i) => (i === 30 ? octet ^ 1 : octet)) };
  const refused = setup.connect({ session: broken });
  t.ok(refused.server, 'a broken ticket: a full handshake');
  t.equal(refused.resumed, false);
  const wrong = { ...sessions[0]!, psk: sessions[0]!.psk.map((octet) => octet ^ 1) };
  t.equal(setup.connect({ session: wrong }).serverAlert, 'decryptError', 'a binder of another secret');
  setup.clock.advance(11.9 * 3_600_000);
  t.equal(setup.connect({ session: sessions[0] }).resumed, true, 'sealed under the key before');
  setup.clock.advance(0.2 * 3_600_000);
  t.equal(setup.connect({ session: { ...sessions[0]!, expires: Number.POSITIVE_INFINITY } }).resumed, false, 'too old');
  t.end();
});
