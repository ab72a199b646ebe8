/** The key schedule and the records of TLS 1.3 against the traces of RFC 8448, octet for octet. */
import t from 'tap';
import { AES_128, GROUP } from '../../src/tls/common/suites.js';
import { finishedMac, KeySchedule, ticketPsk, trafficKey } from '../../src/tls/handshake/key-schedule.js';
import { Transcript } from '../../src/tls/handshake/transcript.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Primitives, RecordKey } from '../../src/tls/primitives/primitives.js';
import { readClientHello } from '../../src/tls/wire/client-hello.js';
import { readServerHello, signedContent, writeCertificateVerify } from '../../src/tls/wire/server-flight.js';
import { COMPATIBLE, RESUMED, RETRY, SIMPLE } from './rfc8448-traces.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** One record, sealed. */
function sealed(primitives: Primitives, key: RecordKey, type: number, content: string, number: number): string {
  const target = primitives.target(20_000);
  const inner = bytes(content);
  target.bytes.set(inner, 5);
  const end = key.seal(target, 0, inner.length, type, number);
  return hex(target.bytes.subarray(0, end));
}

function opened(primitives: Primitives, key: RecordKey, record: string, number: number): string | undefined {
  const target = primitives.target(20_000);
  target.bytes.set(bytes(record));
  const size = record.length / 2;
  return key.open(target, 0, size, number) ? hex(target.bytes.subarray(5, size - 16)) : undefined;
}

const CLOSE_NOTIFY = '0100';
const DATA = Array.from({ length: 50 }, (_, i) => i.toString(16).padStart(2, '0')).join('');

for (const primitives of [new NodePrimitives(), new EvpPrimitives()]) {
  const agree = (group: number, secret: string, peer: Uint8Array): Uint8Array => {
    const share = primitives.keyShare(group, () => bytes(secret));
    return share.agree(peer)!;
  };

  t.test(`${primitives.name}: RFC 8448 3, every secret and every record`, (t) => {
    const transcript = new Transcript(primitives);
    const schedule = new KeySchedule(primitives, AES_128, undefined);
    transcript.add(bytes(SIMPLE.clientHello));
    transcript.add(bytes(SIMPLE.serverHello));
    const server = readServerHello(bytes(SIMPLE.serverHello).subarray(4));
    const client = readClientHello(bytes(SIMPLE.clientHello), 4, SIMPLE.clientHello.length / 2);
    const shared = agree(GROUP.x25519, SIMPLE.clientPrivate, server.share!);
    t.equal(hex(shared), SIMPLE.shared);
    t.same(agree(GROUP.x25519, SIMPLE.serverPrivate, client.shares!.get(GROUP.x25519)!), shared);
    const handshake = schedule.handshake(Uint8Array.from(shared), transcript.hash(AES_128));
    t.equal(hex(handshake.client), SIMPLE.clientHandshakeSecret);
    t.equal(hex(handshake.server), SIMPLE.serverHandshakeSecret);
    transcript.add(bytes(SIMPLE.encryptedExtensions));
    transcript.add(bytes(SIMPLE.certificate));
    t.equal(signedContent(transcript.hash(AES_128)).length, 64 + 33 + 1 + 32);
    const signature = bytes(SIMPLE.certificateVerify).subarray(8);
    t.equal(hex(writeCertificateVerify(0x0804, signature)), SIMPLE.certificateVerify);
    transcript.add(bytes(SIMPLE.certificateVerify));
    const mac = finishedMac(primitives, AES_128, handshake.server, transcript.hash(AES_128));
    t.equal(hex(mac), SIMPLE.serverFinished.slice(8));
    transcript.add(bytes(SIMPLE.serverFinished));
    const flight = SIMPLE.encryptedExtensions + SIMPLE.certificate + SIMPLE.certificateVerify + SIMPLE.serverFinished;
    const handshakeKey = trafficKey(primitives, AES_128, handshake.server);
    t.equal(sealed(primitives, handshakeKey, 22, flight, 0), SIMPLE.serverFlight);
    t.equal(opened(primitives, handshakeKey, SIMPLE.serverFlight, 0), `${flight}16`);
    const application = schedule.application(transcript.hash(AES_128));
    t.equal(hex(application.client), SIMPLE.clientApplicationSecret);
    t.equal(hex(application.server), SIMPLE.serverApplicationSecret);
    const clientMac = finishedMac(primitives, AES_128, handshake.client, transcript.hash(AES_128));
    t.equal(`14000020${hex(clientMac)}`, SIMPLE.clientFinished);
    const clientHandshakeKey = trafficKey(primitives, AES_128, handshake.client);
    t.equal(sealed(primitives, clientHandshakeKey, 22, SIMPLE.clientFinished, 0), SIMPLE.clientFlight);
    transcript.add(bytes(SIMPLE.clientFinished));
    const resumption = schedule.resumption(transcript.hash(AES_128));
    t.equal(hex(resumption), SIMPLE.resumption);
    t.equal(hex(ticketPsk(primitives, AES_128, resumption, Uint8Array.of(0, 0))), SIMPLE.psk);
    const serverKey = trafficKey(primitives, AES_128, application.server);
    const clientKey = trafficKey(primitives, AES_128, application.client);
    t.match(opened(primitives, serverKey, SIMPLE.ticket, 0), /^04.*16$/, 'NewSessionTicket');
    t.equal(sealed(primitives, clientKey, 23, DATA, 0), SIMPLE.clientData);
    t.equal(sealed(primitives, serverKey, 23, DATA, 1), SIMPLE.serverData);
    t.equal(sealed(primitives, clientKey, 21, CLOSE_NOTIFY, 1), SIMPLE.clientClose);
    t.equal(sealed(primitives, serverKey, 21, CLOSE_NOTIFY, 2), SIMPLE.serverClose);
    t.end();
  });

  t.test(`${primitives.name}: RFC 8448 4, a resumed handshake and its binder`, (t) => {
    const transcript = new Transcript(primitives);
    const schedule = new KeySchedule(primitives, AES_128, bytes(SIMPLE.psk));
    const hello = bytes(RESUMED.clientHello);
    transcript.add(hello);
    const client = readClientHello(hello, 4, hello.length);
    t.equal(client.earlyData, true);
    t.equal(client.psks!.identities.length, 1);
    t.equal(hex(client.psks!.binders[0]!), RESUMED.binder);
    t.equal(hex(schedule.binder(transcript.hash(AES_128, client.psks!.bindersLength))), RESUMED.binder);
    transcript.add(bytes(RESUMED.serverHello));
    const server = readServerHello(bytes(RESUMED.serverHello).subarray(4));
    t.equal(server.psk, 0);
    const shared = agree(GROUP.x25519, RESUMED.clientPrivate, server.share!);
    const handshake = schedule.handshake(shared, transcript.hash(AES_128));
    const flight = RESUMED.encryptedExtensions + RESUMED.serverFinished;
    const key = trafficKey(primitives, AES_128, handshake.server);
    t.equal(sealed(primitives, key, 22, flight, 0), RESUMED.serverFlight);
    transcript.add(bytes(RESUMED.encryptedExtensions));
    const mac = finishedMac(primitives, AES_128, handshake.server, transcript.hash(AES_128));
    t.equal(hex(mac), RESUMED.serverFinished.slice(8));
    transcript.add(bytes(RESUMED.serverFinished));
    const application = schedule.application(transcript.hash(AES_128));
    t.equal(sealed(primitives, trafficKey(primitives, AES_128, application.client), 23, DATA, 0), RESUMED.clientData);
    t.equal(sealed(primitives, trafficKey(primitives, AES_128, application.server), 23, DATA, 0), RESUMED.serverData);
    t.end();
  });

  t.test(`${primitives.name}: RFC 8448 5, the transcript after a HelloRetryRequest`, (t) => {
    const transcript = new Transcript(primitives);
    const schedule = new KeySchedule(primitives, AES_128, undefined);
    transcript.add(bytes(RETRY.clientHello));
    transcript.retry(AES_128);
    const retry = readServerHello(bytes(RETRY.retry).subarray(4));
    t.match(retry, { retry: true, group: GROUP.secp256r1, share: undefined });
    t.equal(retry.cookie?.length, 0x72);
    transcript.add(bytes(RETRY.retry));
    transcript.add(bytes(RETRY.secondHello));
    transcript.add(bytes(RETRY.serverHello));
    const { share } = readServerHello(bytes(RETRY.serverHello).subarray(4));
    const shared = agree(GROUP.secp256r1, RETRY.clientPrivate, share!);
    const handshake = schedule.handshake(shared, transcript.hash(AES_128));
    const flight = RETRY.encryptedExtensions + RETRY.certificate + RETRY.certificateVerify + RETRY.serverFinished;
    t.equal(sealed(primitives, trafficKey(primitives, AES_128, handshake.server), 22, flight, 0), RETRY.serverFlight);
    transcript.add(bytes(flight));
    const application = schedule.application(transcript.hash(AES_128));
    const serverKey = trafficKey(primitives, AES_128, application.server);
    t.equal(sealed(primitives, serverKey, 21, CLOSE_NOTIFY, 0), RETRY.serverClose);
    t.end();
  });

  t.test(`${primitives.name}: RFC 8448 7, compatibility mode`, (t) => {
    const transcript = new Transcript(primitives);
    const schedule = new KeySchedule(primitives, AES_128, undefined);
    transcript.add(bytes(COMPATIBLE.clientHello));
    transcript.add(bytes(COMPATIBLE.serverHello));
    const server = readServerHello(bytes(COMPATIBLE.serverHello).subarray(4));
    t.equal(server.sessionId.length, 32);
    const shared = agree(GROUP.x25519, COMPATIBLE.clientPrivate, server.share!);
    const handshake = schedule.handshake(shared, transcript.hash(AES_128));
    const key = trafficKey(primitives, AES_128, handshake.server);
    t.match(opened(primitives, key, COMPATIBLE.serverFlight, 0), /^08.*16$/);
    t.end();
  });
}
