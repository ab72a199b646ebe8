import t from 'tap';
import { RAW_SOCKET } from '../run/native-tools.js';
import { ACK, checksum, concat, FIN, ICMP, ip, PSH, RST, readTcp, SYN, TCP, tcp, view } from '../sim/packets.js';
import { skipWithout } from './needs.js';
import { exchangeWith } from './raw-exchange.js';
import { targetBed } from './targets.js';

const CLIENT = '46.43.42.140';
const SERVER = '46.43.42.137';

const exchange = exchangeWith(SERVER);

function segment(
  from: number,
  to: number,
  flags: number,
  options: Partial<Parameters<typeof tcp>[0]> = {},
): Uint8Array {
  const made = { source: ip(CLIENT), from, destination: ip(SERVER), to, seq: 1000, ack: 0, flags, ...options };
  return tcp(made).subarray(20);
}

function echo(payload: Uint8Array, code = 0): Uint8Array {
  const bytes = concat(Uint8Array.of(8, code, 0, 0, 0x12, 0x34, 0, 7), payload);
  view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

t.test('hand-made packets through a raw socket', { skip: skipWithout('nft', RAW_SOCKET) }, async (t) => {
  const { server, client } = await targetBed(t, 'static');
  // The kernel knows nothing of these connections and would reset them.
  for (const words of [
    'add table ip raw_test',
    'add chain ip raw_test out { type filter hook output priority 0; }',
    'add rule ip raw_test out tcp flags & rst == rst drop',
  ]) {
    const { status, stderr } = await client.run('nft', [words]);
    t.equal(status, 0, stderr);
  }

  await t.test(
    'an echo request is answered with its identifier, sequence number and data [1122 3.2.2.6]',
    async (t) => {
      const payload = Uint8Array.from({ length: 333 }, (_, i) => i);
      const [answer] = await exchange(client, ICMP, [echo(payload)], 1);
      t.equal(answer?.[0], 0);
      t.equal(Buffer.compare(answer?.subarray(4) as Uint8Array, echo(payload).subarray(4)), 0);
      t.equal(checksum(answer as Uint8Array), 0);
    },
  );

  await t.test('an echo request whose checksum is wrong gets no answer', async (t) => {
    const bad = echo(Uint8Array.of(1, 2, 3, 4));
    bad[9] = 99;
    t.same(await exchange(client, ICMP, [bad], 0), []);
  });

  await t.test('a SYN is answered by a SYN-ACK that acknowledges it [9293 MUST-2]', async (t) => {
    const [answer] = await exchange(client, TCP, [segment(40_001, 80, SYN)], 1);
    const got = readTcp(answer as Uint8Array);
    t.equal(got?.flags, SYN | ACK);
    t.equal(got?.ack, 1001);
    t.equal(got?.from, 80);
  });

  await t.test('a SYN to a closed port is reset, with our ACK of it', async (t) => {
    const [answer] = await exchange(client, TCP, [segment(40_002, 81, SYN)], 1);
    const got = readTcp(answer as Uint8Array);
    t.equal(got?.flags, RST | ACK);
    t.equal(got?.ack, 1001);
    t.equal(got?.seq, 0);
  });

  await t.test('an ACK for no connection is reset with its own number', async (t) => {
    const [answer] = await exchange(client, TCP, [segment(40_003, 80, ACK, { ack: 777 })], 1);
    const got = readTcp(answer as Uint8Array);
    t.equal(got?.flags, RST);
    t.equal(got?.seq, 777);
  });

  await t.test('a bad checksum, no flags, and a RST for nothing get no answer', async (t) => {
    const bad = segment(40_004, 80, SYN);
    bad[16] = (bad[16] as number) ^ 1;
    const silent = [bad, segment(40_005, 80, 0), segment(40_006, 80, RST), segment(40_007, 81, RST | ACK)];
    t.same(await exchange(client, TCP, silent, 0), []);
  });

  await t.test('a request that comes with the handshake’s ACK, in pieces and out of order, is answered', async (t) => {
    const first = await exchange(client, TCP, [segment(40_010, 80, SYN)], 1);
    const { seq } = readTcp(first[0] as Uint8Array) as { seq: number };
    const text = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const piece = (from: number, to: number): Uint8Array =>
      segment(40_010, 80, ACK | PSH, { seq: 1001 + from, ack: (seq + 1) | 0, payload: text.subarray(from, to) });
    const answers = await exchange(client, TCP, [piece(20, text.length), piece(0, 10), piece(10, 20)], 3);
    const bytes = concat(...answers.map((answer) => answer.subarray(readTcp(answer)?.header)));
    t.match(new TextDecoder().decode(bytes), /HTTP\/1\.1 200 OK/);
    await exchange(client, TCP, [segment(40_010, 80, RST, { seq: 1001 + text.length })], 0);
  });

  await t.test('SYN with FIN opens nothing', async (t) => {
    const answers = await exchange(client, TCP, [segment(40_011, 80, SYN | FIN)], 0);
    t.notOk(answers.some((answer) => (readTcp(answer)?.flags ?? 0) === (SYN | ACK)));
  });

  t.ok(server.program.running);
});
