import t from 'tap';
import { formatIpv6, parseIpv6, samePrefix } from '../../../src/net/wire/ipv6.js';
import { responseDelay } from '../../../src/net/wire/mld.js';

t.test('[5952 4] the text of an address is the one that RFC 5952 recommends', async (t) => {
  const texts = [
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['fe80::1:2:3:4', 'fe80::1:2:3:4'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ] as const;
  for (const [text, expected] of texts) t.equal(formatIpv6(parseIpv6(text) as Uint8Array), expected, text);
});

t.test('[4291 2.2] what is no address is none', async (t) => {
  const wrong = [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '::1.2.3',
    '::1.2.3.4.5',
  ];
  const more = [
    '1.2.3.4',
    '::256.1.1.1',
    '::01.2.3.4',
    '1:2:3:4:5:6:7::8:9',
    '1:2:3:4:5:6:7:8::',
    ' ::1',
    '::1%eth0',
    '::1/64',
    '1.2.3.4::',
  ];
  for (const text of [...wrong, ...more]) t.equal(parseIpv6(text), undefined, JSON.stringify(text));
});

t.test('every address survives its text', async (t) => {
  let x = 12_345;
  const random = (): number => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    return x >>> 24;
  };
  for (let i = 0; i < 5000; i++) {
    const bytes = Uint8Array.from({ length: 16 }, () => (random() < 128 ? 0 : random()));
    const text = formatIpv6(bytes);
    if (text.startsWith('::ffff:')) continue;
    const again = parseIpv6(text);
    if (again === undefined || again.some((byte, at) => byte !== bytes[at])) t.fail(`${text} of ${bytes.join(' ')}`);
  }
});

t.test('prefixes are compared by their bits', async (t) => {
  const a = parseIpv6('2001:db8:0:ff00::') as Uint8Array;
  const b = parseIpv6('2001:db8:0:fe00::1') as Uint8Array;
  t.equal(samePrefix(a, 0, b, 0, 55), true);
  t.equal(samePrefix(a, 0, b, 0, 56), false);
  t.equal(samePrefix(a, 0, b, 0, 0), true);
});

t.test('[3810 5.1.3] long response delays are told as floating-point numbers', async (t) => {
  t.equal(responseDelay(10_000, false), 10_000);
  t.equal(responseDelay(0x8000, false), 0x1000 << 3);
  t.equal(responseDelay(0xffff, false), 0x1fff << 10);
  t.equal(responseDelay(0xffff, true), 0xffff);
});
