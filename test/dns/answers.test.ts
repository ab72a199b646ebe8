/** What a name server answers out of a zone (RFC 1034 4.3.2, RFC 2308, RFC 4592, RFC 8482, RFC 9471). */
import t from 'tap';
import { NameTable } from '../../src/dns/answer/name-table.js';
import { bound } from '../documented.js';
import { type Message, query, read } from './message.js';
import { NameServerInMemory, zone } from './setup.js';

const SITE = `
$ORIGIN site.example.
$TTL 3600
@       SOA ns1 hostmaster 7 7200 900 1209600 300
@       NS  ns1
@       NS  ns2.other.example.
@       A   10.77.0.2
@       MX  10 mail
ns1     A   10.77.0.2
ns1     AAAA fd77::2
www     CNAME @
mail    A   10.77.0.3
*.wild  A   10.77.0.9
*.wild  MX  5 mail
a.b.ent TXT "below an empty non-terminal"
sub     NS  ns.sub
sub     NS  ns1
ns.sub  A   10.77.0.8
alias   CNAME target.other.example.
chain   CNAME www
nowhere CNAME missing
intosub CNAME host.sub
towild  CNAME some.wild
*.star  CNAME mail
loop1   CNAME loop2
loop2   CNAME loop1
`;
const SOA = 'site.example. SOA 300 ns1.site.example. hostmaster.site.example. 7 7200 900 1209600 300';

/** Answer, authority and additional records without their TTLs, and the code. */
function shape({ rcode, aa, answer, authority, additional }: Message): object {
  const bare = (records: readonly string[]): string[] => records.map((one) => one.replace(/^(\S+ \S+) \d+/, '$1'));
  return { rcode, aa, answer: bare(answer), authority: bare(authority), additional: bare(additional) };
}

t.test('each name and type in a zone, and beside it, has its answer', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)]).open();
  const nodata = { rcode: 0, aa: true, answer: [], authority: [SOA.replace(' 300', '')], additional: [] };
  const cases: [string, string, Parameters<NameServerInMemory['ask']>[1], object][] = [
    ['a set', 'site.example', 'A', { ...nodata, answer: ['site.example. A 10.77.0.2'], authority: [] }],
    ['NODATA has the SOA record', 'mail.site.example', 'AAAA', nodata],
    ['a name that is not there is NXDOMAIN', 'no.site.example', 'A', { ...nodata, rcode: 3 }],
    ['an empty non-terminal is NODATA', 'b.ent.site.example', 'A', nodata],
    ['a type that nobody knows is NODATA', 'site.example', 65400, nodata],
    [
      'an alias is followed within the zone',
      'www.site.example',
      'A',
      {
        ...nodata,
        answer: ['www.site.example. CNAME site.example.', 'site.example. A 10.77.0.2'],
        authority: [],
      },
    ],
    [
      'a chain of aliases',
      'chain.site.example',
      'MX',
      {
        ...nodata,
        authority: [],
        answer: [
          'chain.site.example. CNAME www.site.example.',
          'www.site.example. CNAME site.example.',
          'site.example. MX 000a mail.site.example.',
        ],
      },
    ],
    [
      'the alias itself',
      'www.site.example',
      'CNAME',
      { ...nodata, answer: ['www.site.example. CNAME site.example.'], authority: [] },
    ],
    [
      'an alias to NODATA',
      'www.site.example',
      'AAAA',
      { ...nodata, answer: ['www.site.example. CNAME site.example.'] },
    ],
    [
      'an alias to a name that is not there',
      'nowhere.site.example',
      'A',
      {
        ...nodata,
        rcode: 3,
        answer: ['nowhere.site.example. CNAME missing.site.example.'],
      },
    ],
    [
      'an alias out of the zone',
      'alias.site.example',
      'A',
      { ...nodata, answer: ['alias.site.example. CNAME target.other.example.'], authority: [] },
    ],
    [
      'an alias into a delegation',
      'intosub.site.example',
      'A',
      {
        rcode: 0,
        aa: true,
        answer: ['intosub.site.example. CNAME host.sub.site.example.'],
        authority: ['sub.site.example. NS ns.sub.site.example.', 'sub.site.example. NS ns1.site.example.'],
        additional: [
          'ns.sub.site.example. A 10.77.0.8',
          'ns1.site.example. A 10.77.0.2',
          'ns1.site.example. AAAA fd770000000000000000000000000002',
        ],
      },
    ],
    [
      'an alias to a wildcard',
      'towild.site.example',
      'A',
      {
        ...nodata,
        answer: ['towild.site.example. CNAME some.wild.site.example.', 'some.wild.site.example. A 10.77.0.9'],
        authority: [],
      },
    ],
    [
      'aliases in a circle end',
      'loop1.site.example',
      'A',
      {
        ...nodata,
        answer: ['loop1.site.example. CNAME loop2.site.example.', 'loop2.site.example. CNAME loop1.site.example.'],
        authority: [],
      },
    ],
    [
      'a wildcard',
      'x.y.wild.site.example',
      'A',
      { ...nodata, answer: ['x.y.wild.site.example. A 10.77.0.9'], authority: [] },
    ],
    [
      'pointers move with the name that a wildcard stands for',
      'x.wild.site.example',
      'MX',
      {
        ...nodata,
        answer: ['x.wild.site.example. MX 0005 mail.site.example.'],
        authority: [],
      },
    ],
    ['a wildcard without the type', 'x.wild.site.example', 'TXT', nodata],
    [
      'the wildcard by its own name',
      '*.wild.site.example',
      'A',
      { ...nodata, answer: ['*.wild.site.example. A 10.77.0.9'], authority: [] },
    ],
    ['a wildcard stands for no parent', 'wild.site.example', 'A', nodata],
    [
      'a wildcard alias',
      'any.star.site.example',
      'A',
      {
        ...nodata,
        answer: ['any.star.site.example. CNAME mail.site.example.', 'mail.site.example. A 10.77.0.3'],
        authority: [],
      },
    ],
    ['what is there stops the wildcard above', 'no.ent.site.example', 'A', { ...nodata, rcode: 3 }],
    [
      'a delegation',
      'sub.site.example',
      'A',
      {
        rcode: 0,
        aa: false,
        answer: [],
        authority: ['sub.site.example. NS ns.sub.site.example.', 'sub.site.example. NS ns1.site.example.'],
        additional: [
          'ns.sub.site.example. A 10.77.0.8',
          'ns1.site.example. A 10.77.0.2',
          'ns1.site.example. AAAA fd770000000000000000000000000002',
        ],
      },
    ],
    [
      'glue is no data of ours',
      'ns.sub.site.example',
      'A',
      {
        rcode: 0,
        aa: false,
        answer: [],
        authority: ['sub.site.example. NS ns.sub.site.example.', 'sub.site.example. NS ns1.site.example.'],
        additional: [
          'ns.sub.site.example. A 10.77.0.8',
          'ns1.site.example. A 10.77.0.2',
          'ns1.site.example. AAAA fd770000000000000000000000000002',
        ],
      },
    ],
    ['DS of a delegation is ours to say', 'sub.site.example', 'DS', nodata],
    [
      'the servers of the zone come with their addresses',
      'site.example',
      'NS',
      {
        ...nodata,
        authority: [],
        answer: ['site.example. NS ns1.site.example.', 'site.example. NS ns2.other.example.'],
        additional: ['ns1.site.example. A 10.77.0.2', 'ns1.site.example. AAAA fd770000000000000000000000000002'],
      },
    ],
    ['ANY gets one set', 'site.example', 'ANY', { ...nodata, answer: ['site.example. A 10.77.0.2'], authority: [] }],
    ['ANY of a name that is not there', 'no.site.example', 'ANY', { ...nodata, rcode: 3 }],
    ['another zone is refused', 'example.net', 'A', { rcode: 5, aa: false, answer: [], authority: [], additional: [] }],
    ['the zone above is refused', 'example', 'NS', { rcode: 5, aa: false, answer: [], authority: [], additional: [] }],
    ['the root is refused', '.', 'NS', { rcode: 5, aa: false, answer: [], authority: [], additional: [] }],
  ];
  for (const [title, name, type, expected] of cases) {
    t.same(shape(server.ask(name, type)), expected, title);
    t.same(shape(server.askTcp(name, type)), expected, `${title}, over TCP`);
  }
  t.equal(
    server.ask('no.site.example', 'A').authority[0],
    SOA,
    'a negative answer holds for MINIMUM seconds (RFC 2308 5)',
  );
});

t.test('below a delegation the referral fits questions of any length', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)]).open();
  for (const name of [
    'sub',
    'a.sub',
    'ns.sub',
    'x.ns.sub',
    `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(50)}.sub`,
  ]) {
    const { authority, additional } = server.ask(`${name}.site.example`, 'A');
    t.match(authority[0], /^sub\.site\.example\. NS 3600 ns\.sub\.site\.example\.$/, name);
    t.equal(additional[0], 'ns.sub.site.example. A 3600 10.77.0.8');
  }
});

t.test('the question comes back in the case that it had, and matches in any', async (t) => {
  const server = await new NameServerInMemory([zone(SITE)]).open();
  const { question, answer } = server.ask('WwW.SiTe.eXaMpLe', 'A');
  t.equal(question, 'WwW.SiTe.eXaMpLe.');
  t.equal(answer.length, 2);
});

t.test('the nearest of several zones answers; DS is of the one above', async (t) => {
  const child = '$ORIGIN sub.site.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nhost A 192.0.2.2\n';
  const server = await new NameServerInMemory([zone(SITE), zone(child)]).open();
  t.same(server.ask('host.sub.site.example', 'A').answer, ['host.sub.site.example. A 60 192.0.2.2']);
  t.match(server.ask('sub.site.example', 'DS').authority[0], /^site\.example\. SOA/);
});

t.test('an answer that is too long is cut to nothing, with TC (RFC 2181 9)', async (t) => {
  const strings = Array.from({ length: 12 }, () => `"${'x'.repeat(200)}"`).join(' ');
  const server = await new NameServerInMemory([zone(`${SITE}\nbig TXT ${strings}\n`)]).open();
  for (const udpSize of [undefined, 100, 512, 1232, 65535]) {
    const message = server.ask('big.site.example', 'TXT', udpSize === undefined ? {} : { udpSize });
    t.match(message, { tc: true, aa: true, answer: [], authority: [] }, `offered ${udpSize}`);
  }
  t.match(server.askTcp('big.site.example', 'TXT'), { tc: false, answer: [/^big/] });
});

t.test('addresses that an answer may do without are left out where they do not fit', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `ns1 A 192.0.2.${i}`).join('\n');
  const server = await new NameServerInMemory([zone(`${SITE}\n${many}\n`)]).open();
  t.match(server.ask('site.example', 'NS'), { tc: false, answer: { length: 2 }, additional: [] });
  t.equal(server.ask('site.example', 'NS', { udpSize: 1232 }).additional.length, 42);
});

t.test('glue that is needed and does not fit is TC (RFC 9471 2.1)', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `ns.sub A 192.0.2.${i}`).join('\n');
  const server = await new NameServerInMemory([zone(`${SITE}\n${many}\n`)]).open();
  t.match(server.ask('sub.site.example', 'A'), { tc: true, authority: [] });
});

t.test('a name of any bytes is found, and nothing that looks like it', async (t) => {
  const server = await new NameServerInMemory([zone(`${SITE}\na\\000b\\.c\\255 A 192.0.2.9\n`)]).open();
  t.equal(server.ask('a\\000b\\.c\\255.site.example', 'A').answer.length, 1);
  t.equal(server.ask('A\\000B\\.C\\255.site.example', 'A').answer.length, 1);
  t.equal(server.ask('a\\000b.c\\255.site.example', 'A').rcode, 3);
});

t.test('a zone of 4,000 names answers for each, with few comparisons', async (t) => {
  const names = Array.from({ length: 4000 }, (_, i) => `n${i} A 10.0.${i >> 8}.${i & 255}`).join('\n');
  const server = await new NameServerInMemory([zone(`${SITE}\n${names}\n`)]).open();
  for (let i = 0; i < 4000; i++) {
    const bytes = server.exchange(query(`n${i}.site.example`, 'A'))!;
    if (read(bytes).answer[0] !== `n${i}.site.example. A 3600 10.0.${i >> 8}.${i & 255}`) t.fail(`n${i}`);
  }
  t.equal(server.server.counters()['answers'], 4000);
});

t.test('a question costs a bounded number of look-ups, whatever its name', async (t) => {
  const zones = Array.from({ length: 10 }, (_, i) => zone(SITE.replaceAll('site.example', `site${i}.example`)));
  const server = await new NameServerInMemory(zones).open();
  const { find } = NameTable.prototype;
  let count = 0;
  NameTable.prototype.find = function (...given) {
    count += 1;
    return find.apply(this, given);
  };
  t.teardown(() => {
    NameTable.prototype.find = find;
  });
  for (const name of [`${'a.'.repeat(120)}site3.example`, 'a.'.repeat(127), `${'*.'.repeat(100)}wild.site3.example`]) {
    count = 0;
    server.exchange(query(name, 'A', { dnssecOk: true }));
    t.ok(count > 10 && count <= 2 * 128, `${count} look-ups`);
  }
});

t.test('aliases: an answer follows as many as docs/dns.md says', async (t) => {
  const most = bound('docs/dns.md', 'Aliases that an answer follows');
  const chain = Array.from({ length: 2 * most }, (_, i) => `c${i} CNAME c${i + 1}\n`).join('');
  const server = await new NameServerInMemory([zone(`${SITE}${chain}c${2 * most} A 10.77.0.7\n`)]).open();
  t.equal(server.ask(`c${most}.site.example`, 'A').answer.length, most + 1, 'and what they lead to');
  t.equal(
    server.ask(`c${most - 1}.site.example`, 'A').answer.length,
    most + 1,
    'the last of them is told, not followed',
  );
  t.equal(server.ask('c0.site.example', 'A').answer.length, most + 1);
});
