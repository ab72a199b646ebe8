/**
 * How and when the stack sends: marks, acknowledgements, small windows, giving up; segments by hand, in virtual time.
 */
import t from 'tap';
import { ACK, concat, ethernet, FIN, icmpError, ip, PSH, SYN, TYPE_IPV4, tcp } from '../../sim/packets.js';
import { Script } from './script.js';

const MSS = Uint8Array.of(2, 4, 1460 >> 8, 1460 & 255);

t.test('what is written leaves at once, the last of it with PSH [9293 MUST-60] [9293 MUST-61]', async (t) => {
  const s = new Script();
  s.open(MSS);
  s.since();
  s.write(4000);
  s.wait(1);
  const sent = s.since().filter((one) => one.data.length > 0);
  t.same(
    sent.map((one) => [one.data.length, (one.flags & PSH) !== 0]),
    [
      [1460, false],
      [1460, false],
      [1080, true],
    ],
  );
});

t.test('options are padded with zeros or NOPs to four bytes [9293 MUST-69]', async (t) => {
  const s = new Script();
  const answer = s.open(concat(MSS, Uint8Array.of(1, 3, 3, 7)));
  t.equal(answer.options.length % 4, 0);
  t.same([...answer.options.subarray(4)], [1, 3, 3, 3], 'a NOP before the scale');
});

t.test(
  'segments that come together draw one ACK, after all of them were read [9293 MUST-58] [9293 MUST-59]',
  async (t) => {
    const s = new Script();
    s.open(MSS);
    s.since();
    s.send(ACK | PSH, { seq: s.seq + 4, payload: s.text('5678') });
    s.since();
    s.send(ACK | PSH, { payload: s.text('1234') });
    const acks = s.since();
    t.equal(acks.length, 1);
    t.equal(acks[0]?.ack, s.seq + 8, 'the gap and what lay behind it in one');
    t.equal(s.received, '12345678');
  },
);

t.test('Karn: a retransmitted segment gives no sample, and the timer stays backed off [9293 MUST-18]', async (t) => {
  const s = new Script();
  s.open(MSS);
  s.since();
  const measured = (): number | undefined => s.flow?.info().srtt;
  const before = measured();
  s.write(100);
  s.wait(5000);
  t.ok(s.since().length >= 3, 'sent again');
  s.send(ACK, { ack: s.ack + 100 });
  t.equal(measured(), before, 'five seconds are no round trip');
});

t.test('the receiver does not open its window by crumbs [9293 MUST-39]', async (t) => {
  const s = new Script();
  s.open(MSS);
  s.flow?.pause();
  let seq = s.seq;
  for (let i = 0; i < 60; i++) {
    s.send(ACK, { seq, payload: new Uint8Array(1460) });
    seq += 1460;
  }
  const windows = s.since().map((one) => one.window);
  t.ok(windows.length > 10);
  for (const [i, window] of windows.entries()) {
    t.ok(i === 0 || window <= (windows[i - 1] as number) || window - (windows[i - 1] as number) >= 1460, 'no crumbs');
  }
  s.host.enter(() => s.flow?.resume());
  s.wait(1);
  const update = s.since().at(-1);
  t.ok(update !== undefined && update.window > 60_000, 'and tells of it when it is all free again');
});

t.test('the sender does not fill small windows by crumbs [9293 MUST-38]', async (t) => {
  const s = new Script();
  s.open(MSS, 4000);
  s.since();
  s.write(20_000);
  s.wait(1);
  const first = s.since().reduce((sum, one) => sum + one.data.length, 0);
  t.equal(first, 2920, 'two whole segments into 4,000 bytes, and no third of 1,080');
  s.send(ACK, { ack: s.ack + 1460, window: 2600 });
  s.wait(1);
  t.same(
    s.since().map((one) => one.data.length),
    [],
    'room for 1,140 bytes is not used while data is in flight',
  );
});

t.test(
  'R2: unacknowledged data ends the connection after the user time-out, and not before [9293 MUST-20] [9293 MUST-21]',
  async (t) => {
    const s = new Script();
    s.open(MSS);
    s.write(100);
    s.wait(100_000);
    t.equal(s.closedWith, undefined, 'R2 is at least 100 seconds');
    s.wait(200_000);
    t.equal(s.closedWith, 'timed-out');
  },
);

t.test('IP options in a segment are no matter to TCP [9293 MUST-50]', async (t) => {
  const s = new Script();
  s.open(MSS);
  const plain = tcp({
    source: ip('10.0.0.2'),
    from: 5000,
    destination: ip('10.0.0.1'),
    to: 80,
    seq: s.seq,
    ack: s.ack,
    flags: ACK | PSH,
    payload: s.text('hi'),
  });
  const packet = concat(plain.subarray(0, 20), Uint8Array.of(1, 1, 1, 1), plain.subarray(20));
  packet[0] = 0x46;
  packet[3] = packet.length;
  packet[10] = packet[11] = 0;
  let sum = 0;
  for (let i = 0; i < 24; i += 2) sum += ((packet[i] as number) << 8) | (packet[i + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet[10] = (~sum >> 8) & 255;
  packet[11] = ~sum & 255;
  s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, packet));
  s.wait(1);
  t.equal(s.received, 'hi');
});

t.test(
  'ICMP: soft errors, hard ones and source quench leave an open connection alone [9293 MUST-54] [9293 MUST-55] [9293 MUST-56]',
  async (t) => {
    const s = new Script();
    s.open(MSS);
    s.since();
    s.write(100);
    s.wait(1);
    const ours = tcp({
      source: ip('10.0.0.1'),
      from: 80,
      destination: ip('10.0.0.2'),
      to: 5000,
      seq: s.ack,
      ack: s.seq,
      flags: ACK,
    });
    for (const [type, code] of [
      [3, 0],
      [3, 1],
      [3, 2],
      [3, 3],
      [3, 5],
      [4, 0],
      [11, 0],
      [12, 0],
    ] as const) {
      const error = icmpError(ip('10.0.0.9'), type, code, 0, ours);
      s.host.take(ethernet(s.host.mac, Uint8Array.of(2, 0, 0, 0, 0, 2), TYPE_IPV4, error));
      s.wait(1);
    }
    t.equal(s.closedWith, undefined);
    s.send(ACK, { ack: s.ack + 100 });
    s.send(ACK | FIN);
    t.equal(s.ends, 1, 'it goes on');
  },
);

t.test(
  'a SYN again in SYN-RECEIVED draws the same SYN-ACK: where it came from is remembered [9293 MUST-11]',
  async (t) => {
    const s = new Script();
    s.send(SYN, { options: MSS });
    s.wait(1);
    s.send(SYN, { options: MSS });
    s.wait(1);
    const [one, two] = s.since();
    t.equal(one?.seq, two?.seq);
  },
);
