/**
 * Whether a zone file is one: what `zone check` says of generated files against named-checkzone, kzonecheck and
 * ldns-read-zone. DNS_ZONES
 * and DNS_ZONES_SEED choose how many, and which.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { hasErrors, loadZone } from '../../src/dns/zone/load.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { run, skipWithoutCommands } from './peers.js';

const COUNT = Number(process.env['DNS_ZONES'] ?? 60);
const SEED = Number(process.env['DNS_ZONES_SEED'] ?? Date.now() % 1_000_000_007);

/** A zone that is good. */
class Generator {
  constructor(private readonly random: SeededRandom) {}

  below(limit: number): number {
    return (this.random.random32() >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  private blanks(): string {
    return this.pick([' ', '\t', '   ', ' \t ']);
  }

  label(): string {
    const letters = 'abcdefghijklmnopqrstuvwxyz0123456789-_ABC';
    const inner = Array.from({ length: this.below(12) }, () => letters[this.below(letters.length)]).join('');
    return `x${inner}y${this.below(1000)}`;
  }

  private address(): string {
    return `192.0.2.${this.below(256)}`;
  }

  private six(): string {
    return this.pick([
      '2001:db8::1',
      '2001:DB8:0:0:1::',
      '::1',
      'fe80::1:2',
      '2001:db8:1:2:3:4:5:6',
      '::ffff:192.0.2.1',
    ]);
  }

  private data(): string {
    const b = () => this.blanks();
    return this.pick([
      () => `A${b()}${this.address()}`,
      () => `AAAA${b()}${this.six()}`,
      () => `MX${b()}${this.below(65536)}${b()}ns1`,
      () => `MX${b()}10${b()}mail.other.example.`,
      () => `TXT${b()}"${'t'.repeat(this.below(200))}"${b()}plain${b()}"a \\"quoted\\" ; word"`,
      () => `TXT (${b()}"one"\n  "two" ; with a comment\n )`,
      () => `SRV${b()}1 2 443 ns1`,
      () => `CAA${b()}0 issue "ca.example; policy=x"`,
      () => `TLSA${b()}3 1 1 ${'0a'.repeat(32)}`,
      () => `SSHFP${b()}4 2 ${'0b'.repeat(32)}`,
      () => `PTR${b()}host.other.example.`,
      () => `NAPTR${b()}1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" .`,
      () => `HTTPS${b()}1 . alpn=h2,h3 port=8443`,
      () => `SVCB${b()}1 svc.other.example. alpn="h2"`,
      () => `TYPE65400${b()}\\# 4 01020304`,
      () => `HINFO${b()}"PC" "Linux"`,
    ])();
  }

  zone(): string[] {
    const lines = [
      '$ORIGIN site.example.',
      `$TTL ${this.pick(['3600', '1h', '1h30m', '1d'])}`,
      this.pick([
        '@ SOA ns1 hostmaster 1 7200 900 1209600 300',
        '@ IN SOA ns1.site.example. host\\.master.site.example. (\n  2026112901 ; serial\n  2h 15m 2w 5m )',
      ]),
      '@ NS ns1',
      `ns1 A ${this.address()}`,
    ];
    const count = 3 + this.below(25);
    for (let i = 0; i < count; i++) {
      const owner = this.pick([
        () => this.label(),
        () => `*.${this.label()}`,
        () => `${this.label()}.${this.label()}`,
        () => `${this.label()}.site.example.`,
      ])();
      const ttl = this.pick(['', '', '', ' 600', ' IN', ' 600 IN']);
      lines.push(`${owner}${ttl} ${this.data()}`);
      if (this.below(4) === 0) lines.push(`\t${this.data()}`.replace(/ (600|IN)/, ' $1'));
    }
    if (this.below(2) === 0) lines.push(`${this.label()} CNAME ns1`);
    if (this.below(2) === 0) {
      const child = this.label();
      lines.push(`${child} NS ns.${child}`, `ns.${child} A ${this.address()}`);
    }
    return lines;
  }

  /** One thing that is wrong in every checker's eyes. (A string of 256 bytes is not: Knot cuts it in two.) */
  spoil(lines: string[]): string {
    const wrong: readonly (readonly [string, () => void])[] = [
      ['an address that is none', () => lines.push('bad A 192.0.2.300')],
      ['an address of the other family', () => lines.push('bad AAAA 192.0.2.1')],
      ['no SOA record', () => void lines.splice(2, 1)],
      ['two CNAME records', () => lines.push('bad CNAME ns1', 'bad CNAME other.example.')],
      ['CNAME and other data', () => lines.push('bad CNAME ns1', 'bad A 192.0.2.1')],
      ['a label of 64 bytes', () => lines.push(`${'a'.repeat(64)} A 192.0.2.1`)],
      ['a name of more than 255 bytes', () => lines.push(`${`${'a'.repeat(60)}.`.repeat(5)}x A 192.0.2.1`)],
      ['an empty label', () => lines.push('a..b A 192.0.2.1')],
      ['a preference that is no number', () => lines.push('bad MX high ns1')],
      ['a preference of more than 16 bits', () => lines.push('bad MX 65536 ns1')],
      ['data that is missing', () => lines.push('bad MX 10')],
      ['data that is too much', () => lines.push('bad A 192.0.2.1 192.0.2.2')],
      ['a parenthesis that stays open', () => lines.push('bad TXT ( "x"')],
      ['a type that nobody knows', () => lines.push('bad NOTATYPE 1')],
      ['hexadecimal digits that are none', () => lines.push('bad TLSA 3 1 1 xyz')],
      ['the wrong length of unknown data', () => lines.push('bad TYPE65400 \\# 3 01')],
    ];
    const [title, change] = this.pick(wrong);
    change();
    return title;
  }
}

const skip = skipWithoutCommands('named-checkzone', 'kzonecheck', 'ldns-read-zone');
t.test(`${COUNT} generated zone files (seed ${SEED})`, { skip }, async (t) => {
  const folder = t.testdir({});
  const generator = new Generator(new SeededRandom(SEED));
  let [good, bad] = [0, 0];
  for (let i = 0; i < COUNT; i++) {
    const lines = generator.zone();
    const spoiled = generator.below(2) === 0 ? generator.spoil(lines) : undefined;
    const text = `${lines.join('\n')}\n`;
    const file = join(folder, 'site.zone');
    writeFileSync(file, text);
    const { problems } = loadZone(Buffer.from(text), file);
    const ours = !hasErrors(problems);
    const [bind, knot, ldns] = await Promise.all([
      run('named-checkzone', '-k', 'ignore', 'site.example', file),
      run('kzonecheck', '-o', 'site.example', file),
      run('ldns-read-zone', file),
    ]);
    const theirs = { 'named-checkzone': bind.status === 0, kzonecheck: knot.status === 0 };
    const said = problems.map((one) => `${one.line}:${one.column} ${one.message}`).join('; ');
    for (const [name, ok] of Object.entries(theirs)) {
      if (ok === ours) continue;
      t.fail(
        `${name} ${ok ? 'takes' : 'refuses'} a zone (${spoiled ?? 'not spoiled'}) of which we say: ${said || 'good'}\n${bind.out}${knot.out}\n${text}`,
      );
      return;
    }
    // ldns reads records, and looks at nothing beyond them.
    if (ours && ldns.status !== 0) t.fail(`ldns refuses what we take: ${ldns.out}\n${text}`);
    if (ours !== (spoiled === undefined)) t.fail(`${spoiled ?? 'not spoiled'}: ${said || 'good'}\n${text}`);
    if (ours) good += 1;
    else bad += 1;
  }
  t.ok(good > COUNT / 5 && bad > COUNT / 5, `${good} were good, ${bad} bad, and all agreed`);
});
