/** Messages that are odd or broken, and what EDNS adds (RFC 1035, 6891, 7873, 9018, 8914, 9619, 5001, 4892). */
import t from 'tap';
import { parseName } from '../../src/dns/wire/name.js';
import { bound } from '../documented.js';
import { query, read, u16 } from './message.js';
import { framed, messages, NameServerInMemory, zone } from './setup.js';

const SITE = '$ORIGIN site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ A 192.0.2.2\n';
const QUESTION = [...parseName('site.example.', undefined), 0, 1, 0, 1];
const OPT = (options: { owner?: number[]; data?: number[] } = {}): number[] => {
  const { owner = [0], data = [] } = options;
  return [...owner, 0, 41, 4, 208, 0, 0, 0, 0, ...u16(data.length), ...data];
};

/** A message of its parts: flags, the four counts, and what follows. */
function message(flags: number, counts: readonly number[], ...rest: readonly number[][]): Uint8Array {
  return Uint8Array.from([0x12, 0x34, ...u16(flags), ...counts.flatMap(u16), ...rest.flat()]);
}

const open = () => new NameServerInMemory([zone(SITE)], { identity: 'ns-a', version: 'sitekernel' }).open();
const FORMERR = { rcode: 1, question: undefined, answer: [], authority: [], opt: undefined };

t.test('broken messages: FORMERR by the header alone, or silence', async (t) => {
  const server = await open();
  const broken: [string, Uint8Array][] = [
    ['header only', message(0, [1, 0, 0, 0])],
    ['no question', message(0, [0, 0, 0, 0])],
    ['two questions (RFC 9619)', message(0, [2, 0, 0, 0], QUESTION, QUESTION)],
    ['two questions, one there', message(0, [2, 0, 0, 0], QUESTION)],
    ['counts of 65,535', message(0, [65535, 65535, 65535, 65535])],
    ['an answer in a query', message(0, [1, 1, 0, 0], QUESTION, [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4])],
    ['a record of authority in a query', message(0, [1, 0, 1, 0], QUESTION, [0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 1, 0, 0])],
    ['bytes behind the message', message(0, [1, 0, 0, 0], QUESTION, [1, 2, 3])],
    ['a name that points at itself', message(0, [1, 0, 0, 0], [0xc0, 12, 0, 1, 0, 1])],
    ['a name that points into the header', message(0, [1, 0, 0, 0], [0xc0, 0, 0, 1, 0, 1])],
    ['a label of type 0x40', message(0, [1, 0, 0, 0], [0x41, 0x61, 0, 0, 1, 0, 1])],
    [
      'a name of 256 bytes',
      message(
        0,
        [1, 0, 0, 0],
        [...Array(4)].flatMap(() => [63, ...Array(63).fill(97)]),
        [0, 0, 1, 0, 1],
      ),
    ],
    ['a name that is cut off', message(0, [1, 0, 0, 0], [4, 0x73, 0x69])],
    ['a question that is cut off', message(0, [1, 0, 0, 0], QUESTION.slice(0, -1))],
    ['two OPT records', message(0, [1, 0, 0, 2], QUESTION, OPT(), OPT())],
    ['OPT of another name than the root', message(0, [1, 0, 0, 1], QUESTION, OPT({ owner: [1, 97, 0] }))],
    ['an option that runs out of OPT', message(0, [1, 0, 0, 1], QUESTION, OPT({ data: [0, 10, 0, 40, 1, 2] }))],
    [
      'more records than are read',
      message(0, [1, 0, 0, 5], QUESTION, ...[...Array(5)].map(() => [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])),
    ],
    ['TSIG that is not the last', message(0, [1, 0, 0, 2], QUESTION, [0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0], OPT())],
  ];
  for (const [title, bytes] of broken) {
    const answer = server.exchange(bytes);
    t.equal(answer?.length, 12, `${title}: a header`);
    t.match(read(answer!), { id: 0x1234, ...FORMERR }, title);
  }
  for (const [title, bytes] of [
    ['an answer (QR)', message(0x8000, [1, 0, 0, 0], QUESTION)],
    ['eleven bytes', message(0, [1, 0, 0, 0]).slice(0, 11)],
    ['nothing', new Uint8Array(0)],
  ] as const)
    t.equal(server.exchange(bytes), undefined, `${title}: silence`);
});

t.test('opcodes: NOTIFY and UPDATE are refused, others are not known', async (t) => {
  const server = await open();
  for (let opcode = 1; opcode < 16; opcode++) {
    const answer = read(server.exchange(message(opcode << 11, [1, 0, 0, 0], QUESTION))!);
    t.match(answer, { rcode: opcode === 4 || opcode === 5 ? 5 : 4, length: 12 }, `opcode ${opcode}`);
    t.equal((answer.flags >> 11) & 15, opcode);
  }
});

t.test('RFC 6891 6.1.1: OPT is answered by OPT, also by a refusal', async (t) => {
  const server = await open();
  const refused = (title: string, bytes: Uint8Array, rcode: number): void => {
    const answer = read(server.exchange(bytes)!);
    t.match(answer, { rcode, question: undefined, answer: [], opt: { size: 1232 } }, title);
    t.equal(answer.opt?.options.size, 0);
  };
  for (const opcode of [1, 2, 4, 5, 6, 15])
    refused(
      `opcode ${opcode}`,
      message(opcode << 11, [1, 0, 0, 1], QUESTION, OPT()),
      opcode === 4 || opcode === 5 ? 5 : 4,
    );
  // A NOTIFY has the new SOA record (RFC 1996 3.7), an UPDATE what it wants and what must hold (RFC 2136 2.2).
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 3];
  refused('NOTIFY with a record', message(4 << 11, [1, 1, 0, 1], QUESTION, record, OPT()), 5);
  refused('UPDATE with records', message(5 << 11, [1, 2, 1, 1], QUESTION, record, record, record, OPT()), 5);
  for (const [title, bytes] of [
    ['cut off', message(5 << 11, [1, 2, 0, 1], QUESTION, record, record.slice(0, 9))],
    ['65 records', message(5 << 11, [1, 65, 0, 1], QUESTION, ...Array(65).fill(record), OPT())],
    ['counts of 65,535', message(5 << 11, [1, 65535, 65535, 1], QUESTION, record, OPT())],
  ] as const)
    t.match(read(server.exchange(bytes)!), { rcode: 5, length: 12 }, `UPDATE, ${title}: by the header alone`);
  refused('no question, and no cookie', message(0, [0, 0, 0, 1], OPT()), 1);
  for (const length of [0, 7, 9, 15, 41])
    refused(
      `a cookie of ${length} bytes (RFC 7873 5.2.2)`,
      message(0, [1, 0, 0, 1], QUESTION, OPT({ data: [0, 10, 0, length, ...Array(length).fill(1)] })),
      1,
    );
});

/** The sections of a query of RFC 8906 8, what is asked beside the SOA record, and what must come. */
const RFC_8906: readonly [string, Parameters<typeof query>[2], object][] = [
  ['8.1.1: no EDNS', {}, { flags: 0x8400, rcode: 0, opt: undefined }],
  ['8.1.3.1: CD', { flags: 0x10 }, { flags: 0x8400, rcode: 0 }],
  ['8.1.3.2: AD', { flags: 0x20 }, { flags: 0x8400, rcode: 0 }],
  ['8.1.3.3: the reserved bit', { flags: 0x40 }, { flags: 0x8400, rcode: 0 }],
  ['8.1.3.4: RD', { flags: 0x100 }, { flags: 0x8500, rcode: 0 }],
  ['8.2.1: EDNS', { udpSize: 1232 }, { rcode: 0, opt: { dnssecOk: false } }],
  ['8.2.2: EDNS version 1', { ednsVersion: 1 }, { flags: 0x8000, rcode: 16, answer: [], opt: {} }],
  ['8.2.3: an unknown option', { options: [[100, '']] }, { rcode: 0, opt: { options: new Map() } }],
  ['8.2.4: an unknown flag', { ednsFlags: 0x40 }, { rcode: 0, opt: { flags: 0 } }],
  ['8.2.5: both', { ednsVersion: 1, ednsFlags: 0x40 }, { rcode: 16, opt: { flags: 0 } }],
  ['8.2.6: version and option', { ednsVersion: 1, options: [[100, '']] }, { rcode: 16, opt: { options: new Map() } }],
  ['8.2.8: DO', { dnssecOk: true }, { rcode: 0, opt: { dnssecOk: true } }],
  ['8.2.9: version 1 and DO', { ednsVersion: 1, dnssecOk: true }, { rcode: 16, answer: [], opt: {} }],
  [
    '8.2.10: options of the registry',
    {
      options: [
        [3, ''],
        [8, '00010000'],
        [9, ''],
        [10, '0102030405060708'],
      ],
    },
    { rcode: 0, opt: {} },
  ],
  ['version 1, with an option that would be none', { ednsVersion: 1, options: [[10, '01']] }, { rcode: 16, opt: {} }],
];

t.test('the queries of RFC 8906 8 have the answers that it asks for', async (t) => {
  const server = await open();
  for (const [title, options, expected] of RFC_8906) {
    const answer = server.ask('site.example', 'SOA', options);
    t.match(answer, { question: 'site.example.', ...expected }, title);
    t.equal(answer.answer.length, answer.rcode === 0 ? 1 : 0, title);
    t.match(server.askTcp('site.example', 'SOA', options), expected, `${title}, over TCP (8.1.5)`);
  }
  t.match(server.ask('site.example', 1000), { rcode: 0, answer: [], aa: true }, '8.1.2: an unknown type');
  const header = server.exchange(message(15 << 11, [0, 0, 0, 0]));
  t.match(read(header!), { rcode: 4, flags: 0x8000 | (15 << 11) | 4, length: 12 }, '8.1.4: an unknown opcode');
});

t.test('flags: RD is copied, TC, Z, AD and CD are ignored', async (t) => {
  const server = await open();
  for (const flags of [0x100, 0x200, 0x40, 0x30]) {
    const answer = server.ask('site.example', 'A', { flags });
    t.equal(answer.answer.length, 1);
    t.equal(answer.flags, 0x8400 | (flags & 0x100), `0x${flags.toString(16)}`);
  }
});

t.test('classes: CH names the server, others are refused', async (t) => {
  const server = await open();
  const text = (value: string): string => Buffer.from([value.length, ...Buffer.from(value)]).toString('hex');
  t.match(server.ask('id.server', 'TXT', { class: 3 }).answer, [`id.server. TXT 0 ${text('ns-a')}`]);
  t.match(server.ask('HOSTNAME.bind', 'TXT', { class: 3 }).answer, [`HOSTNAME.bind. TXT 0 ${text('ns-a')}`]);
  t.match(server.ask('version.server', 'TXT', { class: 3 }).answer, [`version.server. TXT 0 ${text('sitekernel')}`]);
  for (const [name, type, qclass] of [
    ['id.server', 'A', 3],
    ['other.server', 'TXT', 3],
    ['site.example', 'A', 4],
    ['site.example', 'A', 255],
  ] as const)
    t.match(server.ask(name, type, { class: qclass }), { rcode: 5, answer: [] }, `${name} ${type} ${qclass}`);
});

t.test('OPT is answered by OPT, and by nothing else', async (t) => {
  const server = await open();
  t.equal(server.ask('site.example', 'A').opt, undefined);
  t.match(server.ask('site.example', 'A', { udpSize: 4096 }).opt, { size: 1232, dnssecOk: false });
  t.match(server.ask('site.example', 'A', { dnssecOk: true }).opt, { dnssecOk: true });
  t.match(
    server.ask('site.example', 'A', { ednsVersion: 1 }),
    { rcode: 16, answer: [], opt: { size: 1232 } },
    'BADVERS',
  );
  t.equal(server.ask('site.example', 'A', { options: [[65001, 'aa']] }).opt?.options.size, 0, 'an unknown option');
  t.equal(
    server.ask('site.example', 'A', { options: [[3, '']] }).opt?.options.get(3),
    Buffer.from('ns-a').toString('hex'),
    'NSID',
  );
  t.equal(server.ask('example.net', 'A', { udpSize: 512 }).opt?.options.get(15), '0014', 'RFC 8914: not authoritative');
});

t.test('keepalive is for TCP (RFC 7828)', async (t) => {
  const server = await open();
  t.equal(server.askTcp('site.example', 'A', { options: [[11, '']] }).opt?.options.get(11), '0064', '10 s, in tenths');
  t.equal(server.ask('site.example', 'A', { options: [[11, '']] }).opt?.options.has(11), false);
  t.equal(messages(framed(query('a', 'A'))).length, 1);
});

t.test('a query without a question gets a cookie (RFC 7873 5.4)', async (t) => {
  const server = await open();
  const answer = read(server.exchange(message(0, [0, 0, 0, 1], OPT({ data: [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8] })))!);
  t.match(answer, { rcode: 0, question: undefined });
  t.match(answer.opt?.options.get(10), /^0102030405060708[0-9a-f]{32}$/);
});

t.test('options of a query: as many as docs/dns.md says', async (t) => {
  const most = bound('docs/dns.md', 'Options of a query; records behind its question');
  const server = await open();
  const ask = (count: number): number | undefined => {
    const data = Array.from({ length: count }, () => [0xfd, 0xe9, 0, 0]).flat();
    return read(server.exchange(message(0, [1, 0, 0, 1], QUESTION, OPT({ data })))!).rcode;
  };
  t.equal(ask(most), 0);
  t.equal(ask(most + 1), 1, 'FORMERR');
});
