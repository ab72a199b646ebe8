/**
 * Zone files: what is read, and that each error names its place and what to write (RFC 1035 5, RFC 3597 5, RFC 9460 2).
 */
import t from 'tap';
import { TYPE, typeName } from '../../src/dns/wire/constants.js';
import { nameText } from '../../src/dns/wire/name.js';
import { hasErrors, loadZone, selfOf, zoneOf } from '../../src/dns/zone/load.js';
import { parseZone } from '../../src/dns/zone/parse.js';
import { NameServerInMemory, zone } from './setup.js';

const HEAD = '$ORIGIN a.example.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n';

function records(text: string): string[] {
  const { records: found, problems } = parseZone(Buffer.from(text, 'latin1'), undefined);
  if (problems.length > 0)
    throw new Error(problems.map((one) => `${one.line}:${one.column} ${one.message}`).join('\n'));
  return found.map(
    ({ owner, type, ttl, data }) => `${nameText(owner)} ${ttl} ${typeName(type)} ${Buffer.from(data!).toString('hex')}`,
  );
}

/** Everything that is wrong with a zone that begins with HEAD, lines counted from behind it. */
function problems(text: string): string[] {
  return loadZone(Buffer.from(HEAD + text, 'latin1'), 'a.zone').problems.map(
    ({ line, column, severity, message }) =>
      `${line - 5}:${column} ${severity === 'warning' ? 'warning: ' : ''}${message}`,
  );
}

t.test('owners, TTLs and classes in the orders that RFC 1035 allows', async (t) => {
  const lines = [
    'a 1 IN A 192.0.2.1',
    'a IN 1 A 192.0.2.1',
    'a 1 A 192.0.2.1',
    '  1 A 192.0.2.1',
    'a.x. 1 in a 192.0.2.1',
    '@ 1h30m A 192.0.2.1',
  ];
  t.same(records(`$ORIGIN x.\n${lines.join('\n')}\n`), [...Array(5).fill('a.x. 1 A c0000201'), 'x. 5400 A c0000201']);
});

t.test('without $TTL the last TTL holds, and first that of the SOA record', async (t) => {
  t.same(records('$ORIGIN x.\n@ SOA a b 1 2 3 4 77\n@ A 192.0.2.1\n@ 5 A 192.0.2.1\n@ A 192.0.2.1\n').slice(1), [
    'x. 77 A c0000201',
    'x. 5 A c0000201',
    'x. 5 A c0000201',
  ]);
});

t.test('parentheses, comments, quotation marks and escapes', async (t) => {
  t.same(records('$ORIGIN x.\n$TTL 1\n@ SOA a b ( 1 ; serial\n  2 3\n 4 5 ) ; end\n').length, 1);
  t.same(records('$ORIGIN x.\n$TTL 1\n@ TXT "a b" c\\"d "\\\\;" \\065 "" ; comment "x\n'), [
    'x. 1 TXT 03612062' + '03632264' + '025c3b' + '0141' + '00',
  ]);
  t.same(records('$ORIGIN x.\n$TTL 1\na\\.b.\\046c A 192.0.2.1\n'), ['a\\.b.\\.c.x. 1 A c0000201']);
  t.same(records('$ORIGIN x.\n$TTL 1\n@ TXT "caf\xc3\xa9"\n'), ['x. 1 TXT 05636166c3a9'], 'bytes stay as they are');
  t.same(
    records('\xef\xbb\xbf$ORIGIN x.\r\n$TTL 1\r\n@ A 192.0.2.1\r\n'),
    ['x. 1 A c0000201'],
    'a byte order mark, CR LF',
  );
});

t.test('each type as it goes over the wire', async (t) => {
  const data = (line: string): string => records(`$ORIGIN x.\n$TTL 1\n@ ${line}\n`)[0]!.split(' ')[3]!;
  t.equal(data('AAAA 2001:db8::1'), '20010db8000000000000000000000001');
  t.equal(data('AAAA ::ffff:192.0.2.1'), '00000000000000000000ffffc0000201');
  t.equal(data('MX 10 mail'), '000a046d61696c017800');
  t.equal(data('SRV 1 2 443 srv.y.'), '0001000201bb03737276017900');
  t.equal(data('CAA 128 issue "ca.example; x=1"'), `80056973737565${Buffer.from('ca.example; x=1').toString('hex')}`);
  t.equal(data('TLSA 3 1 1 ab CD ef01'), '030101abcdef01');
  t.equal(data('SSHFP 4 2 0011'), '04020011');
  t.equal(data('DS 60485 13 2 00 11'), 'ec450d020011');
  t.equal(data('URI 10 1 "https://x/"'), `000a0001${Buffer.from('https://x/').toString('hex')}`);
  t.equal(
    data('NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:a@x!" .'),
    `000100020175074532552b7369700e${Buffer.from('!^.*$!sip:a@x!').toString('hex')}00`,
  );
  t.equal(data('TYPE65400 \\# 3 0102 ff'), '0102ff');
  t.equal(data('TYPE65400 \\# 0'), '');
  t.equal(data('A \\# 4 c0000201'), 'c0000201', 'a known type in the form of RFC 3597');
});

t.test('parameters of HTTPS records (RFC 9460): ascending, in the forms of appendix D', async (t) => {
  const data = (line: string): string => records(`$ORIGIN x.\n$TTL 1\n@ HTTPS ${line}\n`)[0]!.split(' ')[3]!;
  const target = '03666f6f076578616d706c6503636f6d00';
  t.equal(data('0 foo.example.com.'), `0000${target}`);
  t.equal(data('1 .'), '000100');
  t.equal(data('16 foo.example.com. port=53'), `0010${target}000300020035`);
  t.equal(data('1 foo.example.com. key667=hello'), `0001${target}029b000568656c6c6f`);
  t.equal(data('1 foo.example.com. key667="hello\\210qoo"'), `0001${target}029b000968656c6c6fd2716f6f`);
  t.equal(
    data('1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"'),
    `0001${target}00060020${'20010db8000000000000000000000001'}${'20010db8000000000000000000530001'}`,
  );
  t.equal(
    data('16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1'),
    '0010' +
      '03666f6f076578616d706c65036f726700' +
      '0000000400010004' +
      '00010009' +
      '02683205' +
      '68332d3139' +
      '00040004c0000201',
  );
  t.equal(
    data('16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"'),
    '0010' + '03666f6f076578616d706c65036f726700' + '0001000c' + '08665c6f6f2c62617202' + '6832',
  );
});

t.test('each error has its place and an advice', async (t) => {
  const wrong: [string, RegExp][] = [
    ['w A 192.0.2.256', /^1:5 "192.0.2.256" is not an address of this type; write one like 192.0.2.1/],
    ['w A 2001:db8::1', /^1:5 .*addresses of this family are of type AAAA/],
    ['w AAAA 192.0.2.1', /^1:8 .*of type A$/],
    ['w A', /^1:4 the address is missing/],
    ['w A 192.0.2.1 x', /^1:15 "x" is more than this type takes/],
    ['w TXT', /^1:6 the text is missing/],
    ['w NOTYPE x', /^1:3 "NOTYPE" is no type/],
    ['w CH TXT x', /^1:3 the class CH is not served/],
    ['w MX mail', /^1:6 the preference is a number of 0 to 65535/],
    ['w MX 99999 mail', /^1:6 the preference/],
    ['w..x A 192.0.2.1', /^1:3 .*two dots/],
    [`${'x'.repeat(64)} A 192.0.2.1`, /^1:1 .*a label has 64 bytes; 63/],
    [`${`${'x'.repeat(60)}.`.repeat(5)} A 192.0.2.1`, /^1:1 .*more than 255 bytes/],
    ['w\\999 A 192.0.2.1', /^1:2 .*three digits/],
    ['w TXT "no end', /^1:7 the quotation mark is not closed/],
    ['w TXT ( a', /^1:7 "\(" is not closed/],
    ['w TXT a )', /^1:9 "\)" without "\("/],
    [`w TXT "${'x'.repeat(256)}"`, /^1:7 the text has 256 bytes; 255 are the most; cut it/],
    ['w CNAME "quoted"', /^1:9 a name stands without quotation marks/],
    ['$INCLUDE other.zone', /^1:1 \$INCLUDE is refused/],
    ['$GENERATE 1-4 a A 192.0.2.$', /^1:1 \$GENERATE is refused/],
    ['$OTHER x', /^1:1 \$OTHER is no directive/],
    ['w OPT x', /^1:3 OPT is for questions/],
    ['w RRSIG x', /^1:3 the server signs by itself/],
    ['w DNAME x', /^1:3 DNAME is not supported/],
    ['w TYPE65400 x', /^1:13 .*write its data as/],
    ['w TYPE65400 \\# 2 01', /^1:13 the data has 1 bytes, and not 2/],
    ['w A \\# 3 010203', /^1:5 these bytes are no data of A/],
    ['w CAA 0 is-sue "x"', /^1:9 the tag is letters and digits/],
    ['w TLSA 3 1 1 xyz', /^1:14 the data is an even number/],
    ['w HTTPS 1 . alpn=h2 alpn=h3', /^1:21 the parameter alpn is there twice/],
    ['w HTTPS 1 . other=1', /^1:13 "other" is no parameter/],
    ['w HTTPS 1 . port=70000', /^1:13 port is a number/],
    ['w TXT @SELF\nw A @SELF\nw NS @SELF', /^3:6 @SELF is for A, AAAA, HTTPS, CAA/],
    ['a.*.w A 192.0.2.1', /^1:1 "\*" is a wildcard as the first label only/],
    // What the zone must be as a whole.
    ['other.example. A 192.0.2.1', /^1:1 other.example. is not within the zone a.example.; is a dot missing/],
    ['w CNAME ns\nw A 192.0.2.1', /^1:1 w.a.example. has a CNAME record and one of A/],
    ['w CNAME ns\nw CNAME ns2', /^2:1 w.a.example. has two CNAME records/],
    ['@ SOA a b 1 2 3 4 5', /^1:1 the zone has a second SOA record/],
    ['w NS noaddress.w', /^1:1 noaddress.w.a.example. is below the delegation that it serves/],
    ['@ NS nothere', /^1:1 the NS record leads to nothere.a.example., which has no address here/],
    ['al CNAME ns\n@ NS al', /^2:1 the NS record leads to al.a.example., which is an alias/],
    ['w MX 1 nothere', /^1:1 warning: the MX record leads to nothere/],
    ['*.w NS ns', /^1:1 a wildcard cannot be delegated/],
    ['w DS 1 13 2 00', /^1:1 w.a.example. has a DS record and is not delegated/],
    ['w 1 A 192.0.2.1\nw 2 A 192.0.2.2', /^1:1 warning: the A records of w.a.example. differ in TTL/],
    ['w NS ns\nx.w TXT a', /^2:1 warning: x.w.a.example. is delegated at w.a.example.: its TXT/],
    ['w CNAME v\nv CNAME w', /^1:1 warning: the alias w.a.example. leads back to itself/],
    ['w A @SELF\nw A 192.0.2.1', /^1:1 .*@SELF stands alone/],
  ];
  for (const [text, expected] of wrong) {
    const found = problems(`${text}\n`);
    t.match(found.length, Number, text);
    t.ok(
      found.some((one) => expected.test(one)),
      `${text}: ${found.join(' | ') || 'nothing'}`,
    );
  }
  t.same(problems('w A 192.0.2.1\n'), [], 'and a good one has none');
});

t.test('a CAA record that is legal and says nothing to an authority is warned of', async (t) => {
  const odd: [string, RegExp][] = [
    [
      '0 issuewld "ca.example"',
      /^1:1 warning: no authority knows the CAA tag "issuewld", so that they pass over it; did you mean "issuewild"\?$/,
    ],
    ['0 Isue "ca.example"', /the CAA tag "Isue", .* did you mean "issue"\?$/],
    ['0 tbs "x"', /the CAA tag "tbs", so that they pass over it$/],
    ['128 issuewld "ca.example"', /"issuewld", and it is critical, so that none issues anything; did you mean/],
    [
      '0 issue "https://ca.example"',
      /^1:1 warning: no authority is named by the value "https:\/\/ca.example", so that none may/,
    ],
    ['0 issue "ca.example, other.example"', /no authority is named by/],
    ['0 issue "ca.example; accounturi"', /no authority is named by/],
    ['0 issuemail "ca_example"', /no authority is named by/],
    ['0 iodef "security@example.org"', /nobody can be told at "security@example.org"; write a URL/],
  ];
  for (const [data, expected] of odd) t.match(problems(`w CAA ${data}\n`), [expected], data);
  const good = [
    ...['0 issue "ca.example"', '0 ISSUE "ca.example"', '128 issuewild ";"', '0 issue ""', '0 issue "; "'],
    ...['0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01,http-01"'],
    ...['0 issue " ca.example ;x=1"', '0 issue "ca.example;"', '0 iodef "mailto:security@example.org"'],
    ...['0 iodef "https://example.org/report"', '0 issuemail "ca.example"', '0 contactemail "a@example.org"', '@SELF'],
  ];
  for (const data of good) t.same(problems(`w CAA ${data}\n`), [], data);
});

t.test('one run names all errors, up to a bound', async (t) => {
  t.equal(problems('a A x\nb A 192.0.2.1\nc A y\n').length, 2);
  t.equal(problems('a A x\n'.repeat(1000)).length, 51);
});

t.test('a zone without SOA or NS is refused', async (t) => {
  const missing = loadZone(Buffer.from('$ORIGIN x.\n$TTL 1\n@ A 192.0.2.1\n'), 'x');
  t.match(missing.problems, [{ line: 1, severity: 'error', message: /no SOA record; begin with one/ }]);
  const noServer = loadZone(Buffer.from('$ORIGIN x.\n$TTL 1\n@ SOA a b 1 2 3 4 5\n'), 'x');
  t.match(noServer.problems, [{ line: 3, message: /x. has no NS record/ }]);
});

t.test('the name of the file is the origin', async (t) => {
  const loaded = loadZone(
    Buffer.from('$TTL 1\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'),
    '/etc/b.example.zone',
  );
  t.equal(hasErrors(loaded.problems), false);
  t.equal(nameText(loaded.apex!), 'b.example.');
});

t.test('@SELF is what the server knows, and nothing where it does not', async (t) => {
  const text = `${HEAD}@ A @SELF\n@ AAAA @SELF\n@ CAA @SELF\n`;
  const self = selfOf({ addresses: [Uint8Array.of(192, 0, 2, 80)] });
  const server = await new NameServerInMemory([zone(text, self)]).open();
  t.same(server.ask('a.example', 'A').answer, ['a.example. A 60 192.0.2.80']);
  t.same(server.ask('a.example', 'AAAA').answer, []);
  t.equal(
    zoneOf(loadZone(Buffer.from(text), 'a.zone'), self)
      .nodes.get('\x01a\x07example\x00')
      ?.rrsets.has(TYPE.CAA),
    false,
  );
});
