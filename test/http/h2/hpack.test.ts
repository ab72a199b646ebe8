import t from 'tap';
import { HpackDecoder } from '../../../src/http/hpack/decoder.js';
import { DynamicTable, TABLE_SIZE } from '../../../src/http/hpack/dynamic-table.js';
import { HpackEncoder } from '../../../src/http/hpack/encoder.js';
import { EOS, huffmanCode } from '../../../src/http/hpack/huffman-code.js';
import { HuffmanDecoder } from '../../../src/http/hpack/huffman-decoder.js';
import { IntegerReader, putInteger } from '../../../src/http/hpack/integer.js';
import { Collected } from './collected.js';
import { BlockReader } from './hpack.js';

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** Decodes blocks one behind the other; what each has, and the table's entries, newest first, and size after it. */
class Peer {
  readonly table = new DynamicTable();
  readonly fields = new Collected();
  readonly #decoder = new HpackDecoder(this.fields);

  decode(block: string | Uint8Array): string[] | undefined {
    const bytes = typeof block === 'string' ? hex(block) : block;
    this.fields.begin();
    return this.#decoder.decode(this.table, bytes, 0, bytes.length, this.fields) ? this.fields.lines : undefined;
  }

  get entries(): string[] {
    const { table } = this;
    return Array.from({ length: table.count }, (_, i) => {
      const start = table.start(i);
      const value = start + table.nameLength(i);
      const text = (from: number, length: number): string =>
        Buffer.from(table.bytes.subarray(from, from + length)).toString('latin1');
      return `${text(start, table.nameLength(i))}: ${text(value, table.valueLength(i))}`;
    });
  }
}

t.test('RFC 7541 C.1: the integers of the examples are read', async (t) => {
  const reader = new IntegerReader();
  for (const [octets, bits, value] of [
    ['0a', 5, 10],
    ['1f9a0a', 5, 1337],
    ['2a', 8, 42],
  ] as const) {
    const bytes = hex(octets);
    t.equal(reader.read(bytes, 0, bytes.length, bits), value);
    t.equal(reader.at, bytes.length);
    const out: number[] = [];
    putInteger(out, 0, bits, value);
    t.same(Uint8Array.from(out), bytes);
  }
  t.equal(reader.read(hex('1f9a'), 0, 2, 5), -1, 'it does not end');
  t.equal(reader.read(hex('1fffffffff01'), 0, 6, 5), -1, 'more octets than a number here may have');
  t.equal(reader.read(hex('1f8080808000'), 0, 6, 5), -1, 'zeros, too');
});

t.test('RFC 7541 C.2: the four representations are read', async (t) => {
  const peer = new Peer();
  t.same(peer.decode('400a637573746f6d2d6b65790d637573746f6d2d686561646572'), ['custom-key: custom-header']);
  t.same(peer.entries, ['custom-key: custom-header']);
  t.equal(peer.table.size, 55);
  t.same(new Peer().decode('040c2f73616d706c652f70617468'), [':path: /sample/path']);
  const never = new Peer();
  t.same(never.decode('100870617373776f726406736563726574'), ['password: secret']);
  t.same(never.entries, []);
  t.same(new Peer().decode('82'), [':method: GET']);
});

const REQUESTS: readonly (readonly [
  plain: string,
  huffman: string,
  lines: readonly string[],
  entries: readonly string[],
  size: number,
])[] = [
  [
    '828684410f7777772e6578616d706c652e636f6d',
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    [':authority: www.example.com'],
    57,
  ],
  [
    '828684be58086e6f2d6361636865',
    '828684be5886a8eb10649cbf',
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
    ['cache-control: no-cache', ':authority: www.example.com'],
    110,
  ],
  [
    '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
    ['custom-key: custom-value', 'cache-control: no-cache', ':authority: www.example.com'],
    164,
  ],
];

t.test('RFC 7541 C.3, C.4: requests, without and with Huffman coding', async (t) => {
  for (const column of [0, 1] as const) {
    const peer = new Peer();
    for (const one of REQUESTS) {
      t.same(peer.decode(one[column]), one[2]);
      t.same(peer.entries, one[3]);
      t.equal(peer.table.size, one[4]);
    }
  }
});

const DATE = 'date: Mon, 21 Oct 2013 20:13:21 GMT';
const LATER = 'date: Mon, 21 Oct 2013 20:13:22 GMT';
const LOCATION = 'location: https://www.example.com';
const COOKIE = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const RESPONSES: readonly (readonly [
  plain: string,
  huffman: string,
  lines: readonly string[],
  entries: readonly string[],
  size: number,
])[] = [
  [
    '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    [':status: 302', 'cache-control: private', DATE, LOCATION],
    [LOCATION, DATE, 'cache-control: private', ':status: 302'],
    222,
  ],
  [
    '4803333037c1c0bf',
    '4883640effc1c0bf',
    [':status: 307', 'cache-control: private', DATE, LOCATION],
    [':status: 307', LOCATION, DATE, 'cache-control: private'],
    222,
  ],
  [
    '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    [':status: 200', 'cache-control: private', LATER, LOCATION, 'content-encoding: gzip', COOKIE],
    [COOKIE, 'content-encoding: gzip', LATER],
    215,
  ],
];

t.test('RFC 7541 C.5, C.6: responses, with a table of 256 octets that evicts', async (t) => {
  for (const column of [0, 1] as const) {
    const peer = new Peer();
    peer.table.resize(256);
    for (const one of RESPONSES) {
      t.same(peer.decode(one[column]), one[2]);
      t.same(peer.entries, one[3]);
      t.equal(peer.table.size, one[4]);
    }
  }
});

t.test('RFC 7541 5.2, appendix B: each code is decoded, and none is the beginning of another', async (t) => {
  const { lengths, codes } = huffmanCode();
  const decoder = new HuffmanDecoder();
  const out = new Uint8Array(64);
  // Kraft's sum of a code that has no gap is 1.
  t.equal(
    lengths.reduce((sum, length) => sum + 2 ** -length, 0),
    1,
  );
  for (let symbol = 0; symbol < EOS; symbol++) {
    const bits = (codes[symbol]! >>> 0).toString(2).padStart(lengths[symbol]!, '0').repeat(3);
    const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
    const bytes = Uint8Array.from(padded.match(/.{8}/g)!, (octet) => Number.parseInt(octet, 2));
    t.equal(decoder.decode(bytes, 0, bytes.length, out, 0), 3);
    t.same([...out.subarray(0, 3)], [symbol, symbol, symbol]);
  }
  t.equal(decoder.decode(hex('ffffffff'), 0, 4, out, 0), -1, 'EOS');
  t.equal(decoder.decode(hex('1fff'), 0, 2, out, 0), -1, 'more than seven bits of padding');
  t.equal(decoder.decode(hex('1e'), 0, 1, out, 0), -1, 'padding with a zero');
  t.equal(decoder.decode(hex('1f'), 0, 1, out, 0), 1);
  t.equal(decoder.decode(hex(''), 0, 0, out, 0), 0, 'nothing is a string');
});

t.test('what is no field block is refused: COMPRESSION_ERROR', async (t) => {
  for (const [block, why] of [
    ['80', 'index 0'],
    ['be', 'an index beyond both tables'],
    ['7e0161', 'a name beyond both tables'],
    ['ff', 'an integer without end'],
    ['00', 'a literal without name'],
    ['0001', 'a name cut short'],
    ['000161', 'no value'],
    ['00016105', 'a value cut short'],
    ['0081ff0161', 'a Huffman string of padding alone, a whole octet'],
    ['008400000000', 'no value behind a Huffman name'],
    ['3fe21f', 'a table larger than SETTINGS_HEADER_TABLE_SIZE'],
    ['8220', 'a size behind a field'],
    ['202020', 'more sizes than two'],
  ] as const) {
    t.equal(new Peer().decode(block), undefined, why);
  }
  t.same(new Peer().decode('203fe11f82'), [':method: GET'], 'the lowest and the last size (RFC 7541 4.2)');
});

t.test('RFC 7541 4.4: an entry larger than the table empties it', async (t) => {
  const peer = new Peer();
  peer.decode(hex('40016101624001630164'));
  t.equal(peer.table.count, 2);
  const value = 'v'.repeat(TABLE_SIZE);
  const out: number[] = [0x40, 1, 0x78];
  putInteger(out, 0, 7, value.length);
  t.same(peer.decode(Uint8Array.from([...out, ...Buffer.from(value)])), [`x: ${value}`]);
  t.equal(peer.table.count, 0);
  t.equal(peer.table.size, 0);
});

t.test('the table holds no more than its size, in memory too, whatever entries come', async (t) => {
  const peer = new Peer();
  const expected: string[] = [];
  let random = 7;
  for (let i = 0; i < 3000; i++) {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    const value = String(i).padStart(1 + ((random >>> 8) % (i % 50 === 0 ? 3900 : 90)), '.');
    const out: number[] = [0x40, 1, 0x6e];
    putInteger(out, 0, 7, value.length);
    peer.decode(Uint8Array.from([...out, ...Buffer.from(value)]));
    expected.unshift(`n: ${value}`);
    while (expected.reduce((sum, line) => sum + line.length - 2 + 32, 0) > TABLE_SIZE) expected.pop();
    if (i % 100 === 0) t.same(peer.entries, expected);
    if (peer.table.bytes.length > TABLE_SIZE) t.fail(`${peer.table.bytes.length} bytes`);
  }
  t.same(peer.entries, expected);
});

t.test('a head of HTTP/1 becomes a block without state, that says the same', async (t) => {
  const encoder = new HpackEncoder();
  const head = [
    'HTTP/1.1 404 Not Found',
    'Content-Type: text/html; charset=utf-8',
    'ETag: "5f1494977bbccc1f"',
    'X-Odd: \xe9\x80 ~{}',
    'Connection: close',
    'Keep-Alive: timeout=5',
    'Transfer-Encoding: chunked',
    'Accept-Encoding: gzip, deflate',
    'Set-Cookie: a=b',
    '',
    'Not: a field',
  ].join('\r\n');
  const fields = new BlockReader().read(encoder.head(head));
  t.same(fields, [
    [':status', '404'],
    ['content-type', 'text/html; charset=utf-8'],
    ['etag', '"5f1494977bbccc1f"'],
    ['x-odd', '\xe9\x80 ~{}'],
    ['accept-encoding', 'gzip, deflate'],
    ['set-cookie', 'a=b'],
  ]);
  t.same(encoder.head(head), encoder.head(head));
});
