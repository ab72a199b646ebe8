import t from 'tap';
import { documented } from '../../../documented.js';
import { checksum, concat, view } from '../../../sim/packets.js';
import { extension, fragment6, hex, icmp6, ip6, ipv6, pseudo6, summed, udp6 } from '../../../sim/packets6.js';
import { Laboratory6, OURS, PEER6 } from './laboratory6.js';

const ECHO = 128;
const ECHO_REPLY = 129;
const UNREACHABLE = 1;
const TIME_EXCEEDED = 3;
const PARAMETER = 4;

const echoBody = (length: number): Uint8Array => Uint8Array.from({ length: 4 + length }, (_, i) => (i * 7) & 255);
const echoMessage = (length: number): Uint8Array =>
  summed(PEER6, OURS, 58, 2, concat(Uint8Array.of(ECHO, 0, 0, 0), echoBody(length)));
const packet = (next: number, payload: Uint8Array, destination = OURS): Uint8Array =>
  ipv6({ source: PEER6, destination, next, payload });

function replies(lab: Laboratory6): Uint8Array[] {
  return lab.takeIcmp(ECHO_REPLY).map(({ payload }) => payload);
}

/** The one error that was sent: type, code, the last 32 bits of its header, and what it quotes. */
function error(lab: Laboratory6): [number, number, number, string] | undefined {
  const sent = lab.take6().filter(({ payload, next }) => next === 58 && (payload[0] as number) < 128);
  if (sent.length !== 1) return undefined;
  const { payload, source, destination } = sent[0]!;
  const sum = checksum(
    pseudo6(Buffer.from(source, 'hex'), Buffer.from(destination, 'hex'), 58, payload.length),
    payload,
  );
  if (sum !== 0) return undefined;
  return [payload[0] as number, payload[1] as number, view(payload).getUint32(4), hex(payload.subarray(8))];
}

t.test(
  '[4443 4.2] [4443 2.2] an echo is answered with its data, at any size, from the address that was asked',
  async (t) => {
    for (const size of [0, 1, 56, 1440, 1441, 4000]) {
      const lab = Laboratory6.ready();
      const message = echoMessage(size);
      if (size <= 1440) lab.packet6(packet(58, message));
      else
        for (let at = 0; at < message.length; at += 1024) {
          const part = message.subarray(at, at + 1024);
          lab.packet6(packet(44, fragment6(58, at, at + 1024 < message.length, 7, part)));
        }
      const sent = lab.take6();
      t.ok(
        sent.every(
          ({ source, destination, bytes }) =>
            source === hex(OURS) && destination === hex(PEER6) && bytes.length <= 1500,
        ),
      );
      const whole = concat(...sent.map(({ next, payload }) => (next === 44 ? payload.subarray(8) : payload)));
      t.equal(whole[0], ECHO_REPLY);
      t.same(whole.subarray(4), echoBody(size));
      t.equal(checksum(pseudo6(OURS, PEER6, 58, whole.length), whole), 0, `${size} bytes, right sum`);
    }
  },
);

t.test('[4443 4.2] an echo to a group is answered from an address of ours', async (t) => {
  const lab = Laboratory6.ready();
  lab.packet6(icmp6({ source: PEER6, destination: ip6('ff02::1') }, ECHO, 0, echoBody(4)));
  const [reply] = lab.takeIcmp(ECHO_REPLY);
  t.equal(reply?.source, hex(OURS));
});

t.test('[8200 3] [4443 2.3] a header that lies is dropped with a name', async (t) => {
  const lab = Laboratory6.ready();
  const good = packet(58, echoMessage(8));
  const spoilt = (change: (bytes: Uint8Array) => void): void => {
    const bytes = good.slice();
    change(bytes);
    lab.packet6(bytes);
  };
  spoilt((bytes) => view(bytes).setUint16(4, 1400));
  spoilt((bytes) => view(bytes).setUint16(4, 0));
  t.equal(lab.dropped('ip-total-length'), 2);
  spoilt((bytes) => {
    bytes[0] = 0x40;
  });
  t.equal(lab.dropped('ip-version'), 1);
  lab.packet6(good.subarray(0, 30));
  t.equal(lab.dropped('ip-truncated') + lab.dropped('ip-total-length'), 3);
  spoilt((bytes) => bytes.set(ip6('2001:db8::99'), 24));
  t.equal(lab.dropped('ip-not-for-us'), 1);
  for (const source of ['::1', 'ff02::5', '2001:db8::2']) spoilt((bytes) => bytes.set(ip6(source), 8));
  spoilt((bytes) => bytes.set(concat(ip6('::ffff:0:0').subarray(0, 12), Uint8Array.of(10, 0, 0, 1)), 8));
  t.equal(lab.dropped('ip-source-martian'), 4);
  spoilt((bytes) => {
    bytes[42] = (bytes[42] as number) ^ 1;
  });
  t.equal(lab.dropped('icmp-checksum'), 1);
  t.equal(lab.take6().length, 0, 'and nothing is answered');
});

t.test('[8200 4.7] extension headers are walked, in any order, as often as they come', async (t) => {
  const lab = Laboratory6.ready();
  const message = echoMessage(8);
  const pad = Uint8Array.of(1, 4, 0, 0, 0, 0);
  lab.packet6(
    packet(0, concat(extension(60, pad), extension(43, Uint8Array.of(0, 0, 0, 0, 0, 0)), extension(58, pad), message)),
  );
  t.equal(replies(lab).length, 0, 'the chain names the routing header wrongly: an option type 0 routing header is 43');
  lab.packet6(packet(0, concat(extension(43, pad), extension(60, new Uint8Array(6)), extension(58, pad), message)));
  t.equal(replies(lab).length, 1, 'hop-by-hop, routing without segments left, destination options');
  const many = concat(...Array.from({ length: 128 }, (_, i) => extension(i === 127 ? 58 : 60, pad)), message);
  lab.packet6(packet(60, many));
  t.equal(replies(lab).length, 1, '128 headers');
  const [most = 0] = documented('docs/bounds.md', 'IPv6 packet');
  for (const count of [most, most + 1]) {
    const chain = Array.from({ length: count }, (_, i) => extension(i === count - 1 ? 58 : 60, pad));
    lab.packet6(packet(60, concat(...chain, message)));
    t.equal(replies(lab).length, count === most ? 1 : 0, `${count} headers`);
  }
  lab.packet6(packet(59, message));
  t.equal(lab.dropped('ip-no-next-header'), 1);
  t.equal(lab.take6().length, 0);
});

t.test('[8200 4.1] hop-by-hop options stand first or nowhere', async (t) => {
  const lab = Laboratory6.ready();
  const pad = Uint8Array.of(1, 4, 0, 0, 0, 0);
  lab.packet6(packet(60, concat(extension(0, pad), extension(58, pad), echoMessage(0))));
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 1, 40], 'the pointer names the field that says so');
  const hidden = concat(
    extension(58, pad),
    summed(PEER6, OURS, 58, 2, concat(Uint8Array.of(ECHO, 0, 0, 0), echoBody(28))),
  );
  lab.packet6(packet(44, fragment6(0, 0, true, 1, hidden.subarray(0, 24))));
  lab.packet6(packet(44, fragment6(0, 24, false, 1, hidden.subarray(24))));
  t.equal(error(lab)?.[1], 1, 'nor behind a fragment header');
});

t.test('[8200 4.2] an unknown option is dealt with by its two highest bits', async (t) => {
  const group = ip6('ff02::1');
  const tried = (type: number, destination: Uint8Array): [number, number, number, string] | undefined | 'answered' => {
    const lab = Laboratory6.ready();
    const option = concat(extension(58, Uint8Array.of(1, 0, type, 2, 0, 0)));
    const message = summed(PEER6, destination, 58, 2, concat(Uint8Array.of(ECHO, 0, 0, 0), echoBody(4)));
    lab.packet6(packet(60, concat(option, message), destination));
    const sent = lab.take6();
    if (sent.some(({ payload }) => payload[0] === ECHO_REPLY)) return 'answered';
    const [one] = sent;
    return one && [one.payload[0] as number, one.payload[1] as number, view(one.payload).getUint32(4), ''];
  };
  t.equal(tried(0x1e, OURS), 'answered', '00: skipped');
  t.equal(tried(0x5e, OURS), undefined, '01: dropped in silence');
  t.same(tried(0x9e, OURS), [PARAMETER, 2, 44, ''], '10: told');
  t.same(tried(0xde, OURS), [PARAMETER, 2, 44, ''], '11: told');
  t.same(tried(0x9e, group), [PARAMETER, 2, 44, ''], '10, to a group: told all the same');
  t.equal(tried(0xde, group), undefined, '11, to a group: not told');
});

t.test('[8504 5.3] options and padding without end are not walked', async (t) => {
  const lab = Laboratory6.ready();
  lab.packet6(packet(60, concat(extension(58, new Uint8Array(14)), echoMessage(0))));
  const unknown = concat(...Array.from({ length: 9 }, () => Uint8Array.of(0x1e, 0)));
  lab.packet6(packet(60, concat(extension(58, concat(unknown, Uint8Array.of(1, 2, 0, 0))), echoMessage(0))));
  t.equal(lab.dropped('ip-extension-chain'), 2);
  t.equal(lab.take6().length, 0);
});

t.test('[8200 4.4] [5095 3] a routing header with segments left is an error, type 0 or not', async (t) => {
  const lab = Laboratory6.ready();
  for (const type of [0, 2, 4, 200]) {
    lab.packet6(packet(43, concat(extension(58, concat(Uint8Array.of(type, 1), new Uint8Array(20))), echoMessage(0))));
    t.same(error(lab)?.slice(0, 3), [PARAMETER, 0, 42], `type ${type}`);
  }
  t.equal(lab.dropped('ip-routing-header'), 4);
});

t.test('[8200 4] a next header that is not known is told of, with a pointer to who names it', async (t) => {
  const lab = Laboratory6.ready();
  lab.packet6(packet(99, new Uint8Array(12)));
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 1, 6]);
  lab.packet6(packet(60, concat(extension(99, Uint8Array.of(1, 4, 0, 0, 0, 0)), new Uint8Array(12))));
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 1, 40]);
});

t.test('[4443 3.1] [4443 2.4 c] a closed port is told of, by what came, at most 1280 bytes', async (t) => {
  const lab = Laboratory6.ready();
  const asked = udp6(PEER6, 5000, OURS, 9, new Uint8Array(1400));
  lab.packet6(asked);
  const sent = lab.take6();
  t.equal(sent.length, 1);
  t.equal(sent[0]?.bytes.length, 1280);
  t.same(sent[0]?.payload.subarray(0, 2), Uint8Array.of(UNREACHABLE, 4));
  t.equal(hex(sent[0]?.payload.subarray(8) as Uint8Array), hex(asked.subarray(0, 1232)));
});

t.test('[4443 2.4] no error about an error, a redirect, a group, or to nobody; and not without end', async (t) => {
  const lab = Laboratory6.ready();
  const silent = (what: string, bytes: Uint8Array): void => {
    lab.packet6(bytes);
    t.equal(lab.take6().length, 0, what);
  };
  silent(
    'an error',
    icmp6({ source: PEER6, destination: OURS }, 1, 0, concat(new Uint8Array(4), packet(99, new Uint8Array(8)))),
  );
  silent(
    'an error behind an unknown option',
    packet(
      60,
      concat(
        extension(58, Uint8Array.of(0x9e, 4, 0, 0, 0, 0)),
        summed(PEER6, OURS, 58, 2, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)),
      ),
    ),
  );
  silent('a group', udp6(PEER6, 1, ip6('ff02::1'), 9, new Uint8Array(4)));
  silent('nobody', ipv6({ source: ip6('::'), destination: OURS, next: 99, payload: new Uint8Array(8) }));
  let count = 0;
  for (let i = 0; i < 200; i++) {
    lab.packet6(udp6(PEER6, i + 1, OURS, 9, new Uint8Array(1)));
    count += lab.takeIcmp(UNREACHABLE).length;
  }
  t.ok(count <= 51, `${count} of 200`);
  t.equal(lab.dropped('icmp-rate-limited'), 200 - count);
});

t.test('[8200 8.1] UDP without a checksum, or with a wrong one, is dropped', async (t) => {
  const lab = Laboratory6.ready();
  let got = 0;
  lab.stack.udp.bind(9, () => {
    got += 1;
  });
  const good = udp6(PEER6, 5, OURS, 9, new Uint8Array(3));
  lab.packet6(good);
  const zero = good.slice();
  view(zero).setUint16(46, 0);
  lab.packet6(zero);
  const wrong = good.slice();
  wrong[50] = 1;
  lab.packet6(wrong);
  t.equal(got, 1);
  t.equal(lab.dropped('udp-checksum'), 2);
});

t.test('[8200 4.5] pieces of an IPv6 packet are put together, whatever their order', async (t) => {
  const message = echoMessage(3000);
  const cuts = [0, 1024, 2048];
  const parts = cuts.map((at) =>
    fragment6(58, at, at < 2048, 9, message.subarray(at, Math.min(at + 1024, message.length))),
  );
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [0, 1, 1, 2],
    [2, 0, 2, 1],
  ]) {
    const lab = Laboratory6.ready();
    for (const i of order) lab.packet6(packet(44, parts[i] as Uint8Array));
    const sent = lab.take6();
    t.equal(sent.length > 1 && sent[0]?.payload[8], ECHO_REPLY, order.join(' '));
  }
});

t.test('[8200 4.5 overlap] [5722 4] an overlap drops all of a packet, the rest of it included', async (t) => {
  const message = echoMessage(2000);
  const part = (at: number, length: number, more: boolean): Uint8Array =>
    packet(44, fragment6(58, at, more, 9, message.subarray(at, at + length)));
  const lab = Laboratory6.ready();
  lab.packet6(part(0, 1024, true));
  lab.packet6(part(1016, 500, true));
  t.equal(lab.dropped('fragment-malformed'), 1, 'a length that is no multiple of 8, told of');
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 0, 4]);
  lab.packet6(part(1016, 504, true));
  lab.packet6(part(1024, 2000, false));
  t.equal(lab.dropped('fragment-overlap'), 2);
  t.equal(lab.take6().length, 0);
  lab.advance(60_001);
  t.equal(lab.take6().filter(({ payload }) => payload[0] === TIME_EXCEEDED).length, 0, 'nor is its end told of');
});

t.test('[8200 4.5 atomic] [6946 4] a fragment that is a whole packet is dealt with by itself', async (t) => {
  const lab = Laboratory6.ready();
  const message = echoMessage(2000);
  lab.packet6(packet(44, fragment6(58, 0, true, 9, message.subarray(0, 1024))));
  lab.packet6(packet(44, fragment6(58, 0, false, 9, echoMessage(5))));
  t.equal(replies(lab).length, 1);
  lab.packet6(packet(44, fragment6(58, 1024, false, 9, message.subarray(1024))));
  t.equal(lab.take6().length, 2, 'the other one is whole, too, and its answer is cut');
});

t.test('[8200 4.5] [4443 3.3] what does not come within 60 s is told of where the first fragment came', async (t) => {
  const lab = Laboratory6.ready();
  const message = echoMessage(2000);
  lab.packet6(packet(44, fragment6(58, 1024, true, 1, message.subarray(1024, 1512))));
  const first = packet(44, fragment6(58, 0, true, 2, message.subarray(0, 1024)));
  lab.packet6(first);
  lab.advance(59_000);
  t.equal(error(lab), undefined);
  lab.introduce6();
  lab.advance(2000);
  const sent = lab.takeIcmp(TIME_EXCEEDED);
  t.equal(sent.length, 1);
  t.same(sent[0]?.payload.subarray(0, 2), Uint8Array.of(TIME_EXCEEDED, 1));
  t.equal(hex(sent[0]?.payload.subarray(8) as Uint8Array), hex(first), 'as it came');
  t.equal(lab.dropped('fragment-timeout'), 2);
});

t.test('[8200 4.5 chain] [7112 5] a first fragment without the whole chain of headers is told of', async (t) => {
  const lab = Laboratory6.ready();
  lab.packet6(
    packet(
      44,
      fragment6(
        60,
        0,
        true,
        3,
        extension(
          17,
          new Uint8Array(6).fill(0).map((_, i) => (i === 0 ? 1 : i === 1 ? 4 : 0)),
        ),
      ),
    ),
  );
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 3, 0]);
  lab.packet6(packet(44, fragment6(58, 0, true, 5, new Uint8Array(0))));
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 3, 0], 'one that has nothing');
  lab.packet6(packet(44, fragment6(59, 0, true, 6, new Uint8Array(0))));
  lab.packet6(packet(44, fragment6(58, 8, false, 7, new Uint8Array(0))));
  t.equal(error(lab), undefined, 'one that has nothing, and no chain that could be whole');
  lab.packet6(packet(44, fragment6(17, 0xfff8, false, 4, new Uint8Array(32))));
  t.same(error(lab)?.slice(0, 3), [PARAMETER, 0, 42], 'one that ends beyond 65535');
});

t.test('fragments are bounded in number and bytes', async (t) => {
  const lab = Laboratory6.ready();
  for (let id = 0; id < 500; id++) lab.packet6(packet(44, fragment6(58, 0, true, id, new Uint8Array(1024))));
  t.ok(lab.dropped('fragment-table-full') >= 436);
  const other = Laboratory6.ready();
  for (let i = 0; i < 200; i++) other.packet6(packet(44, fragment6(58, i * 8, true, 1, new Uint8Array(8))));
  t.equal(other.dropped('fragment-table-full'), 72, 'of one packet 128 are kept');
});

t.test('fragments of all packets together take as much memory as docs/ipv6.md says', async (t) => {
  const [packets = 0, , memory = 0] = documented('docs/ipv6.md', 'packets in fragments');
  const [size, pieces] = [1400, 4];
  // What a part costs beyond its bytes; what a packet does, and the copy of its first fragment.
  const some = Math.floor(memory / (pieces * (size + 320) + 512 + size + 48));
  t.ok(2 * some < packets * 3, 'few enough that their number is no bound');
  for (const [each, full] of [
    [pieces, false],
    [2 * pieces, true],
  ] as const) {
    const lab = Laboratory6.ready();
    for (let id = 0; id < Math.min(some, packets) - 1; id++)
      for (let i = 0; i < each; i++) lab.packet6(packet(44, fragment6(58, i * size, true, id, new Uint8Array(size))));
    t.equal(lab.dropped('fragment-table-full') > 0, full, `${each} pieces of each`);
  }
});

t.test('errors: as many at once and a second as docs/ipv6.md says [4443 2.4 f]', async (t) => {
  const [rate = 0, burst = 0] = documented('docs/ipv6.md', 'errors that we send');
  const lab = Laboratory6.ready();
  const draw = (times: number): number => {
    for (let i = 0; i < times; i++) lab.packet6(udp6(PEER6, i + 1, OURS, 9, new Uint8Array(1)));
    return lab.takeIcmp(UNREACHABLE).length;
  };
  t.equal(draw(burst + 10), burst);
  let sent = 0;
  for (let i = 0; i < 10; i++) {
    lab.now += 100;
    sent += draw(rate / 5);
  }
  t.equal(sent, rate);
});
