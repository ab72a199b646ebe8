import t from 'tap';
import { Dhcpv6Client } from '../../../src/net/dhcpv6/client.js';
import type { LeasedAddress } from '../../../src/net/wire/dhcpv6.js';
import { concat, view } from '../../sim/packets.js';
import { hex, ip6 } from '../../sim/packets6.js';
import { option, words } from './options.js';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const SERVER = Uint8Array.of(0, 3, 0, 1, 2, 9, 9, 9, 9, 9);
const OTHER = Uint8Array.of(0, 3, 0, 1, 2, 8, 8, 8, 8, 8);
const ADDRESS = ip6('2001:db8::a00');
const [SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE, DECLINE, INFORMATION] = [1, 2, 3, 5, 6, 7, 8, 9, 11];

interface Question {
  readonly type: number;
  readonly transaction: number;
  readonly options: ReadonlyMap<number, Uint8Array>;
  readonly at: number;
}

const status = (code: number): Uint8Array => option(13, Uint8Array.of(0, code));

class Bench {
  now = 0;
  readonly asked: Question[] = [];
  readonly leased: string[] = [];
  readonly lost: string[] = [];
  readonly said: string[] = [];
  resolvers: readonly Uint8Array[] = [];
  readonly client: Dhcpv6Client;

  constructor(seed = 5) {
    let x = seed;
    const random32 = (): number => {
      x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
      return x;
    };
    this.client = new Dhcpv6Client(
      MAC,
      { random32 },
      {
        send: (message) => this.asked.push(this.read(message)),
        leased: (all: readonly LeasedAddress[]) => this.leased.push(...all.map(({ address }) => hex(address))),
        lost: (address) => this.lost.push(hex(address)),
        resolvers: (all) => {
          this.resolvers = all;
        },
        event: (sentence) => this.said.push(sentence),
      },
    );
  }

  private read(message: Uint8Array): Question {
    const options = new Map<number, Uint8Array>();
    for (let at = 4; at < message.length; ) {
      const length = view(message).getUint16(at + 2);
      options.set(view(message).getUint16(at), message.slice(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return { type: message[0] as number, transaction: view(message).getUint32(0) & 0xffffff, options, at: this.now };
  }

  /** Lets `ms` pass; what was asked meanwhile. */
  pass(ms: number): Question[] {
    const end = this.now + ms;
    this.asked.length = 0;
    for (;;) {
      const next = this.client.poll(this.now);
      if (next > end) break;
      this.now = Math.max(this.now, next);
    }
    this.now = end;
    return [...this.asked];
  }

  answer(question: Question, type: number, more: Uint8Array, server = SERVER, client = question.options.get(1)!): void {
    const head = words(((type << 24) | question.transaction) >>> 0);
    const message = concat(head, option(1, client), option(2, server), more);
    this.client.input(message, 0, message.length, this.now);
  }

  /** An association with one address. */
  lease(t1: number, t2: number, preferred: number, valid: number, address = ADDRESS): Uint8Array {
    const iaid = view(MAC).getUint32(2);
    return option(3, concat(words(iaid, t1, t2), option(5, concat(address, words(preferred, valid)))));
  }

  /** Through SOLICIT and REQUEST to a lease. */
  bound(t1 = 100, t2 = 160, preferred = 200, valid = 300): this {
    this.client.advertised(true, true, this.now);
    const [solicit] = this.pass(1100).filter(({ type }) => type === SOLICIT);
    this.answer(solicit!, ADVERTISE, concat(this.lease(t1, t2, preferred, valid), option(7, Uint8Array.of(255))));
    const [request] = this.pass(1);
    this.answer(request!, REPLY, this.lease(t1, t2, preferred, valid));
    return this;
  }
}

t.test(
  '[8415 18.2.1] a solicitation goes within a second, asks for an address and rapid commit, and again and again',
  async (t) => {
    const bench = new Bench();
    bench.client.advertised(true, false, 0);
    const asked = bench.pass(70_000);
    t.ok(asked.every(({ type }) => type === SOLICIT));
    t.ok((asked[0]?.at as number) <= 1000);
    const { options } = asked[0]!;
    t.same(options.get(1), concat(Uint8Array.of(0, 3, 0, 1), MAC));
    t.equal(options.has(14), true);
    t.equal(options.get(3)?.length, 12);
    t.same(options.get(8), Uint8Array.of(0, 0), 'elapsed: the exchange begins');
    const gaps = asked.slice(1).map(({ at }, i) => at - (asked[i]?.at as number));
    t.ok((gaps[0] as number) >= 1000 && (gaps[0] as number) <= 1100, 'never less than a second for the first');
    t.ok(gaps.slice(1).every((gap, i) => gap / (gaps[i] as number) >= 1.9 && gap / (gaps[i] as number) <= 2.1));
  },
);

t.test('[8415 18.2.9] the offer of the highest preference is taken, after the first second', async (t) => {
  const bench = new Bench();
  bench.client.advertised(true, false, 0);
  const [solicit] = bench.pass(1000);
  bench.answer(solicit!, ADVERTISE, concat(bench.lease(1, 2, 3, 4), option(7, Uint8Array.of(5))), OTHER);
  bench.answer(solicit!, ADVERTISE, concat(bench.lease(1, 2, 3, 4), option(7, Uint8Array.of(9))));
  bench.answer(solicit!, ADVERTISE, concat(bench.lease(1, 2, 3, 4), status(2), option(7, Uint8Array.of(255))), OTHER);
  const [request] = bench.pass(1200);
  t.equal(request?.type, REQUEST);
  t.same(request?.options.get(2), SERVER);
});

t.test('[8415 18.2.10] a lease is used, renewed with its server, then with any, and ends', async (t) => {
  const bench = new Bench().bound();
  t.same(bench.leased, [hex(ADDRESS)]);
  t.equal(bench.client.state, 'bound');
  t.same(bench.pass(99_000), []);
  const renewals = bench.pass(59_000);
  t.ok(renewals.length >= 2 && renewals.every(({ type, options }) => type === RENEW && options.has(2)));
  const rebinding = bench.pass(60_000);
  t.ok(rebinding.some(({ type, options }) => type === REBIND && !options.has(2)));
  bench.pass(90_000);
  t.equal(bench.client.state, 'soliciting', 'the lease is over');
});

t.test(
  '[8415 18.2.10] a renewal extends it; without times of the server, half and four fifths of what is preferred',
  async (t) => {
    const bench = new Bench().bound(0, 0, 200, 300);
    t.same(bench.pass(99_000), []);
    const [renew] = bench.pass(2000);
    t.equal(renew?.type, RENEW);
    bench.answer(renew!, REPLY, concat(bench.lease(0, 0, 400, 600), option(23, ip6('2001:db8::53'))));
    t.equal(bench.client.state, 'bound');
    t.same(bench.resolvers.map(hex), [hex(ip6('2001:db8::53'))]);
    t.same(bench.pass(190_000), []);
  },
);

t.test(
  '[8415 18.2.10.1] a server that knows of no lease is asked for one; another address takes the place of the first',
  async (t) => {
    const bench = new Bench().bound();
    const [renew] = bench.pass(101_000);
    const iaid = view(MAC).getUint32(2);
    bench.answer(renew!, REPLY, option(3, concat(words(iaid, 0, 0), status(3))));
    const [request] = bench.pass(10);
    t.equal(request?.type, REQUEST);
    bench.answer(request!, REPLY, bench.lease(10, 20, 30, 40));
    const [again] = bench.pass(10_500);
    bench.answer(again!, REPLY, bench.lease(10, 20, 30, 40, ip6('2001:db8::b00')));
    t.same(bench.lost, [hex(ADDRESS)]);
    t.equal(bench.leased.at(-1), hex(ip6('2001:db8::b00')));
  },
);

t.test('[8415 18.2.1] rapid commit saves a round trip', async (t) => {
  const bench = new Bench();
  bench.client.advertised(true, false, 0);
  const [solicit] = bench.pass(1000);
  bench.answer(solicit!, REPLY, bench.lease(10, 20, 30, 40));
  t.equal(bench.client.state, 'soliciting', 'not without the option');
  bench.answer(solicit!, REPLY, concat(bench.lease(10, 20, 30, 40), option(14, new Uint8Array(0))));
  t.equal(bench.client.state, 'bound');
});

t.test('[8415 18.2.8] an address that another host has is declined', async (t) => {
  const bench = new Bench().bound();
  bench.client.taken(ADDRESS, bench.now);
  const [decline] = bench.pass(10);
  t.equal(decline?.type, DECLINE);
  t.equal(hex(decline!.options.get(3)!).includes(hex(ADDRESS)), true);
  bench.answer(decline!, REPLY, status(0));
  t.equal(bench.pass(1100).at(-1)?.type, SOLICIT);
  const silent = new Bench().bound();
  silent.client.taken(ADDRESS, silent.now);
  t.equal(silent.pass(60_000).filter(({ type }) => type === DECLINE).length, 4);
});

t.test('[8415 18.2.7] at the end the lease is given back', async (t) => {
  const bench = new Bench().bound();
  bench.asked.length = 0;
  bench.client.stop();
  t.match(bench.asked, [{ type: RELEASE }]);
  t.equal(bench.client.poll(bench.now), Number.POSITIVE_INFINITY);
});

t.test(
  '[8415 18.2.6] where only other configuration is to be had, that is asked for, and again after its time',
  async (t) => {
    const bench = new Bench();
    bench.client.advertised(false, true, 0);
    const [question] = bench.pass(1000);
    t.equal(question?.type, INFORMATION);
    t.equal(question?.options.has(3), false);
    bench.answer(question!, REPLY, concat(option(23, ip6('2001:db8::53')), option(32, words(1000))));
    t.equal(bench.client.state, 'informed');
    t.same(bench.pass(999_000), []);
    t.equal(bench.pass(2000)[0]?.type, INFORMATION);
  },
);

t.test('[8415 16] answers of others, to others, and such as lie are not heeded; nothing is thrown', async (t) => {
  const bench = new Bench();
  bench.client.advertised(true, false, 0);
  const [solicit] = bench.pass(1000);
  const good = concat(bench.lease(1, 2, 3, 4), option(7, Uint8Array.of(255)));
  bench.answer({ ...solicit!, transaction: solicit!.transaction ^ 1 }, ADVERTISE, good);
  bench.answer(solicit!, ADVERTISE, good, SERVER, OTHER);
  bench.answer(solicit!, ADVERTISE, bench.lease(1, 2, 5, 4));
  bench.answer(solicit!, ADVERTISE, concat(good, Uint8Array.of(0, 99, 0, 9, 1)));
  bench.answer(solicit!, ADVERTISE, good, new Uint8Array(0));
  t.notOk(bench.pass(500).some(({ type }) => type === REQUEST));
  let x = 1;
  const dice = (): number => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0;
    return x >>> 8;
  };
  const whole = concat(
    words(((ADVERTISE << 24) | solicit!.transaction) >>> 0),
    option(1, solicit!.options.get(1)!),
    option(2, SERVER),
    good,
  );
  for (let i = 0; i < 20_000; i++) {
    const spoilt = whole.slice(0, 1 + (dice() % whole.length));
    for (let n = dice() % 4; n >= 0; n--) spoilt[dice() % spoilt.length] = dice() & 255;
    bench.client.input(spoilt, 0, spoilt.length, bench.now);
  }
  t.ok(bench.client.poll(bench.now) >= 0);
});

t.test('a program that comes after this one goes on with the lease', async (t) => {
  const old = new Bench().bound();
  old.pass(50_000);
  const carried = old.client.leave(old.now)!;
  const young = new Bench(9);
  young.client.adopt(JSON.parse(JSON.stringify(carried)), [{ address: ADDRESS, preferred: 150, valid: 250 }], 0, 0);
  t.same(young.pass(49_000), []);
  t.equal(young.pass(2000)[0]?.type, RENEW);
  t.same(young.leased, []);
});

t.test(
  '[8415 14.1] a server whose answers make the client ask again at once gets 20 messages, then one a second',
  async (t) => {
    const lies: readonly [string, (bench: Bench) => Uint8Array][] = [
      ['a lease that is to be renewed at once', (bench) => bench.lease(0, 0, 0, 1000)],
      ['a lease of a second', (bench) => bench.lease(1, 1, 1, 1)],
      ['a lease that is over', (bench) => bench.lease(0, 0, 0, 0)],
      ['no address', () => option(3, concat(words(view(MAC).getUint32(2), 0, 0), status(2)))],
      ['no binding', () => option(3, concat(words(view(MAC).getUint32(2), 0, 0), status(3)))],
      ['a failure', () => status(1)],
    ];
    for (const [lie, answer] of lies) {
      const bench = new Bench();
      bench.client.advertised(true, false, 0);
      let asked = 0;
      const end = 600_000;
      for (let steps = 0; bench.now < end && steps < 50_000; steps++) {
        const questions = bench.pass(20);
        asked += questions.length;
        for (const question of questions) {
          const good = concat(bench.lease(1, 1, 1, 1), option(7, Uint8Array.of(255)));
          if (question.type === SOLICIT) bench.answer(question, ADVERTISE, good);
          for (let i = 0; i < 10; i++) bench.answer(question, REPLY, answer(bench));
        }
      }
      t.equal(bench.now, end);
      t.ok(asked <= 20 + end / 1000, `${lie}: ${asked} messages in ${end / 1000} s`);
      t.ok(bench.said.length <= asked, `${lie}: ${bench.said.length} lines`);
    }
  },
);

t.test('an address that no host on a link can have is no lease', async (t) => {
  for (const address of ['::', '::1', 'ff02::1', 'ff05::1:3', '::ffff:c000:201', 'fe80::77']) {
    const bench = new Bench();
    bench.client.advertised(true, false, 0);
    const [solicit] = bench.pass(1000);
    const lease = bench.lease(100, 160, 200, 300, ip6(address));
    bench.answer(solicit!, REPLY, concat(lease, option(14, new Uint8Array(0))));
    t.equal(bench.client.state, 'soliciting', address);
    t.same(bench.leased, []);
  }
});
