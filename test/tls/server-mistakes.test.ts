/** What our client says of servers that break a rule (RFC 8446 4.1.3, 4.1.4, 4.3.1, 4.4). */
import t from 'tap';
import { Certificates } from '../../src/tls/certificate/certificate.js';
import { GROUP } from '../../src/tls/common/suites.js';
import type { Channel } from '../../src/tls/handshake/channel.js';
import { type ServerConfiguration, ServerHandshake } from '../../src/tls/handshake/server-handshake.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import { Endpoint } from '../../src/tls/record/endpoint.js';
import { TlsFlow } from '../../src/tls/tls-flow.js';
import { EXTENSION, MESSAGE } from '../../src/tls/wire/numbers.js';
import { writeEncryptedExtensions, writeRetry } from '../../src/tls/wire/server-flight.js';
import { talk } from './joined-flows.js';
import { type Change, message } from './raw-client.js';
import { ownCertificate, Setup } from './setup.js';

/** The alert of our client when the messages of a server are changed. */
function alert(change: Change, primitives = new NodePrimitives()): string | undefined {
  const setup = new Setup();
  const outcome = setup.begin();
  const [client, below] = outcome.below;
  const endpoint = new Endpoint(primitives, setup.random, setup.clock, {}, (error) => {
    throw error;
  });
  const flow: TlsFlow = new TlsFlow(below, endpoint, { established() {}, alerted() {}, failing() {} });
  below.handler = {
    data: (_flow, bytes, start, end) => flow.arrived(bytes, start, end),
    ended: () => flow.peerEnds(),
    drained: () => flow.drained(),
    closed: (_flow, reason) => flow.closed(reason),
  };
  const channel: Channel = {
    send: (messages) => {
      // A flight is several messages: each is changed by itself.
      for (let at = 0; at < messages.length; ) {
        const size = 4 + ((messages[at + 1]! << 16) | (messages[at + 2]! << 8) | messages[at + 3]!);
        const changed = change(messages.slice(at, at + size));
        if (changed !== undefined) flow.send(changed);
        at += size;
      }
    },
    sendChangeCipherSpec: () => flow.sendChangeCipherSpec(),
    writeWith: (suite, secret) => flow.writeWith(suite, secret),
    readWith: (suite, secret) => flow.readWith(suite, secret),
    takeEarlyData: (security) => flow.takeEarlyData(security),
    established: (security) => flow.established(security),
  };
  const certificates = new Certificates([ownCertificate().certificate]);
  const configuration: ServerConfiguration = {
    certificates: () => certificates,
    tickets: setup.tickets,
    protocols: ['http/1.1'],
  };
  flow.handshake = new ServerHandshake(endpoint, configuration, channel, undefined);
  talk(client, below);
  t.same(setup.errors, []);
  return outcome.client === undefined ? outcome.clientFailure : undefined;
}

/** Changes one kind of message. */
const only =
  (type: number, change: Change): Change =>
  (one) =>
    one[0] === type ? change(one) : one;
const at =
  (offset: number, ...octets: number[]): Change =>
  (one) => {
    one.set(octets, offset);
    return one;
  };

t.test('a server that breaks no rule draws no alert', (t) => {
  t.equal(
    alert((one) => one),
    undefined,
  );
  t.end();
});

t.test('a ServerHello that breaks a rule draws the alert of that rule', (t) => {
  const hello = (change: Change) => alert(only(MESSAGE.serverHello, change));
  t.equal(hello(at(4, 3, 1)), 'illegalParameter', 'legacy_version');
  t.equal(hello(at(4 + 2 + 32 + 1, 0xff)), 'illegalParameter', 'another session id');
  t.equal(hello(at(4 + 2 + 32 + 33, 0x13, 0x04)), 'illegalParameter', 'a suite that was not offered');
  t.equal(hello(at(4 + 2 + 32 + 35, 1)), 'illegalParameter', 'compression');
  const extensions = 4 + 2 + 32 + 33 + 2 + 1;
  t.equal(hello(at(extensions + 2, 0, 60)), 'unsupportedExtension', 'an extension that does not belong there');
  t.equal(hello(at(extensions + 6, 3, 3)), 'illegalParameter', 'another version in supported_versions');
  t.equal(hello(at(extensions + 12, 0, 0x18)), 'illegalParameter', 'a group without a share of ours');
  const old =
    (...random: number[]): Change =>
    (one) => {
      const short = one.slice(0, extensions);
      short.set(random, 4 + 2 + 32 - random.length);
      return message(MESSAGE.serverHello, short.subarray(4));
    };
  t.equal(hello(old()), 'protocolVersion', 'TLS 1.2');
  t.equal(hello(old(0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 1)), 'illegalParameter', 'a downgrade');
  t.equal(
    hello(() => message(MESSAGE.encryptedExtensions, Uint8Array.of(0, 0))),
    'unexpectedMessage',
    'another message',
  );
  for (let cut = 0; cut < 60; cut++)
    t.match(
      hello((one) => message(MESSAGE.serverHello, one.slice(4, 4 + cut))),
      /decodeError|protocolVersion/,
      `cut at ${cut}`,
    );
  t.end();
});

t.test('a HelloRetryRequest that breaks a rule draws the alert of that rule', (t) => {
  const p256 = (): NodePrimitives => Object.assign(new NodePrimitives(), { groups: [GROUP.secp256r1] });
  t.equal(
    alert((one) => one, p256()),
    undefined,
  );
  const sessionId = (one: Uint8Array): Uint8Array => one.slice(4 + 2 + 32 + 1, 4 + 2 + 32 + 33);
  t.equal(
    alert(only(MESSAGE.serverHello, (one) => writeRetry(sessionId(one), 0x1301, GROUP.x25519))),
    'illegalParameter',
    'for the group that there is a share of',
  );
  t.equal(
    alert(only(MESSAGE.serverHello, (one) => writeRetry(sessionId(one), 0x1301, 0x1e))),
    'illegalParameter',
    'for a group that was not offered',
  );
  t.equal(
    alert(
      only(MESSAGE.serverHello, (one) => writeRetry(sessionId(one), 0x1301, GROUP.secp256r1)),
      p256(),
    ),
    'unexpectedMessage',
    'twice',
  );
  t.end();
});

t.test('EncryptedExtensions that break a rule draw the alert of that rule', (t) => {
  const extensions = (change: Change) => alert(only(MESSAGE.encryptedExtensions, change));
  const with_ =
    (...content: number[]): Change =>
    () =>
      message(MESSAGE.encryptedExtensions, Uint8Array.of(0, content.length, ...content));
  t.equal(extensions(with_(0, EXTENSION.keyShare, 0, 0)), 'unsupportedExtension');
  t.equal(extensions(with_(0, EXTENSION.serverName, 0, 0, 0, EXTENSION.serverName, 0, 0)), 'illegalParameter', 'twice');
  t.equal(
    extensions(() => writeEncryptedExtensions({ protocol: 'h2', named: true, early: false })),
    'illegalParameter',
    'a protocol that was not offered',
  );
  t.equal(extensions(with_(0, EXTENSION.serverName, 0, 1, 0)), 'decodeError');
  t.end();
});

t.test('Certificate, CertificateVerify and Finished that break a rule draw the alert of that rule', (t) => {
  t.equal(
    alert(only(MESSAGE.certificate, () => message(MESSAGE.certificate, Uint8Array.of(0, 0, 0, 0)))),
    'decodeError',
    'empty',
  );
  t.equal(alert(only(MESSAGE.certificate, at(11, 0))), 'badCertificate', 'no DER');
  t.equal(alert(only(MESSAGE.certificate, () => undefined)), 'unexpectedMessage', 'left out');
  t.equal(
    alert(only(MESSAGE.certificateVerify, at(20, 0xff, 0xee, 0xdd))),
    'decryptError',
    'CertificateVerify: a signature that is wrong',
  );
  t.equal(alert(only(MESSAGE.certificateVerify, at(4, 8, 4))), 'decryptError', 'a scheme of another key');
  t.equal(alert(only(MESSAGE.certificateVerify, at(4, 4, 1))), 'illegalParameter', 'a scheme that was not offered');
  t.equal(alert(only(MESSAGE.certificateVerify, () => undefined)), 'unexpectedMessage', 'left out');
  t.equal(
    alert(only(MESSAGE.finished, (one) => one.map((octet, i) => (i === 10 ? octet ^ 1 : octet)))),
    'decryptError',
  );
  t.equal(alert(only(MESSAGE.finished, () => message(MESSAGE.finished, new Uint8Array(31)))), 'decodeError', 'short');
  t.end();
});
