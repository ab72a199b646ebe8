/**
 * Twenty ways in which keeping certificates has gone wrong for others, each with the rule by which it does not here.
 */
import { createHash, X509Certificate } from 'node:crypto';
import t from 'tap';
import { Dns01 } from '../../src/acme/authority/dns-01.js';
import { challengeAnswers, Http01 } from '../../src/acme/authority/http-01.js';
import { TlsAlpn01 } from '../../src/acme/authority/tls-alpn-01.js';
import { factsOf } from '../../src/acme/der/certificate.js';
import { ACME_IDENTIFIER } from '../../src/acme/der/challenge-certificate.js';
import { identifierOf } from '../../src/acme/der/names.js';
import { objectIdentifier } from '../../src/acme/der/writer.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { checkReady, type Outside } from '../../src/acme/order/ready.js';
import { AcmeError } from '../../src/acme/protocol/problem.js';
import { CERTIFICATE } from '../../src/acme/state/certificate-state.js';
import { REQUEST } from '../../src/acme/state/renewal-state.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { extensionsOf, FakeCa } from './fake-ca.js';
import { DAY, HOUR, MemoryStorage, MINUTE, startHost, World } from './setup.js';

t.test('1: a restart has the certificate still, and without a place for it nothing is ordered', async (t) => {
  const world = new World();
  const first = await startHost(world);
  await world.run(HOUR);
  first.keeper.stop();
  for (let i = 0; i < 20; i++) {
    const next = await startHost(world, {}, first.storage, first.accountStorage);
    await world.run(HOUR);
    t.equal(next.used.length, 1);
    next.keeper.stop();
  }
  t.equal(world.ca.newOrders.length, 1);
  const storage = new MemoryStorage();
  storage.broken = true;
  const lost = await startHost(world, { names: ['lost.example.org'] }, storage, first.accountStorage);
  await world.run(10 * DAY);
  t.equal(world.ca.newOrders.length, 1, 'no order whose result could not be kept');
  t.match(lost.notices[0], /no space left; nothing is ordered until it can/);
});

t.test('2: no failure takes the last good certificate away', async (t) => {
  const world = new World();
  const host = await startHost(world);
  await world.run(HOUR);
  const good = host.storage.texts.get(CERTIFICATE)!;
  const failures: (() => void)[] = [
    () => {
      world.ca.validate = () => 'nothing is there';
    },
    () => {
      world.ca.refuseOrder = () => FakeCa.refused('serverInternal', 500);
    },
    () => {
      world.ca.down = true;
    },
  ];
  await world.run(62 * DAY - HOUR);
  world.ca.life = DAY;
  for (const fail of failures) {
    fail();
    await host.storage.write(REQUEST, String(fail));
    host.keeper.look();
    await world.run(2 * HOUR);
  }
  t.equal(host.storage.texts.get(CERTIFICATE)!.length > 0, true);
  t.ok(factsOf(host.storage.texts.get(CERTIFICATE)!)!.notAfter >= factsOf(good)!.notAfter);
  t.ok(host.notices.length >= 3);
});

t.test('3: the server starts while the CA is down, and serves what is stored, also when it has expired', async (t) => {
  const world = new World();
  const first = await startHost(world);
  await world.run(HOUR);
  first.keeper.stop();
  await world.run(91 * DAY);
  world.ca.down = true;
  const second = await startHost(world, {}, first.storage, first.accountStorage);
  t.equal(second.used.length, 1, 'before the CA is asked anything');
  t.match(second.notices[0], /expired on .* it is served all the same/);
});

t.test('4: a loop of restarts is no loop of orders', async (t) => {
  const world = new World();
  world.ca.validate = () => 'connection refused';
  const storage = new MemoryStorage();
  const account = new MemoryStorage();
  for (let i = 0; i < 600; i++) {
    const host = await startHost(world, { seed: i }, storage, account);
    await world.run(6_000);
    host.keeper.stop();
  }
  t.ok(world.ca.newOrders.length <= 3, `${world.ca.newOrders.length} orders in an hour of 600 restarts`);
  // A program that dies in the middle of an order has the wait before it, too.
  const dying = new MemoryStorage();
  let starts = 0;
  for (let i = 0; i < 60; i++) {
    const host = await startHost(world, { check: () => new Promise(() => starts++) }, dying, account);
    await world.run(10_000);
    host.keeper.stop();
  }
  t.ok(starts <= 2, `${starts} attempts in ten minutes`);
});

t.test('5: one account, found again by its key when its URL is lost', async (t) => {
  const world = new World();
  const first = await startHost(world);
  await world.run(HOUR);
  first.keeper.stop();
  first.accountStorage.texts.delete('account.json');
  await startHost(world, { names: ['other.example.org'] }, new MemoryStorage(), first.accountStorage);
  await world.run(HOUR);
  t.equal(world.ca.newOrders.length, 2);
  t.equal(world.ca.registered.length, 1);
});

t.test('6: each certificate is an order of its own: one that fails keeps no other back', async (t) => {
  const world = new World();
  world.ca.validate = ({ identifier }) => (identifier.value === 'bad.example.org' ? 'nothing' : undefined);
  const account = new MemoryStorage();
  const bad = await startHost(world, { names: ['bad.example.org'] }, new MemoryStorage(), account);
  const good = await startHost(world, { names: ['good.example.org'] }, new MemoryStorage(), account);
  await world.run(HOUR);
  t.equal(good.used.length, 1);
  t.equal(bad.used.length, 0);
  t.match(bad.notices[0], /bad\.example\.org is not proven: nothing \(unauthorized\)/);
});

t.test(
  '7: a hundred hosts do not renew at the same minute, neither in time nor after months without power',
  async (t) => {
    const world = new World();
    const hosts = [];
    for (let i = 0; i < 100; i++) hosts.push(await startHost(world, { seed: i, names: [`h${i}.example.org`] }));
    await world.run(DAY);
    for (const { keeper } of hosts) keeper.stop();
    const most = (from: number): number => {
      const minutes = new Map<number, number>();
      for (const { at } of world.ca.newOrders.filter((one) => one.at >= from))
        minutes.set(Math.floor(at / MINUTE), (minutes.get(Math.floor(at / MINUTE)) ?? 0) + 1);
      return Math.max(0, ...minutes.values());
    };
    await world.run(80 * DAY);
    const boot = world.time.wallClock();
    for (let i = 0; i < 100; i++)
      hosts[i] = await startHost(
        world,
        { seed: 1000 + i, names: [`h${i}.example.org`] },
        hosts[i]!.storage,
        hosts[i]!.accountStorage,
      );
    await world.run(3 * HOUR);
    t.equal(world.ca.newOrders.filter((one) => one.at >= boot).length, 100);
    const spread = most(boot);
    t.ok(spread < 20, `${spread} in one minute`);
  },
);

t.test(
  '8: of two hosts with one name, one orders; the other takes what it is given, and answers for the same key',
  async (t) => {
    const world = new World();
    const account = new MemoryStorage();
    const a = await startHost(world, {}, new MemoryStorage(), account);
    const b = await startHost(world, { orders: false }, new MemoryStorage(), account);
    await world.run(70 * DAY);
    t.equal(b.used.length, 0);
    await b.storage.write(CERTIFICATE, a.storage.texts.get(CERTIFICATE)!);
    await world.run(HOUR);
    t.same(b.used, [a.used.at(-1)]);
    t.equal(world.ca.newOrders.length, 2, 'both of one host');
    t.equal(b.client.account.thumbprint, a.client.account.thumbprint);
  },
);

t.test('9: a clock that is years off orders nothing by itself', async (t) => {
  for (const skew of [20 * 365 * DAY, -20 * 365 * DAY]) {
    const world = new World();
    const first = await startHost(world);
    await world.run(HOUR);
    first.skew = skew;
    await world.run(30 * DAY);
    t.equal(world.ca.newOrders.length, 1, 'the time of the CA holds');
    // By a clock that is behind nothing is due, and nobody is asked for the time.
    t.equal(
      first.notices.filter((one) => /^this machine's clock is 7300 days ahead of .*; set it/.test(one)).length,
      skew > 0 ? 1 : 0,
      'a clock that would order is told of, once',
    );
    first.skew = 0;
    await world.run(32 * DAY);
    t.equal(world.ca.newOrders.length, 2);
  }
});

t.test('10: certificates of six days are renewed at half of their life, of 45 and 90 days at two thirds', async (t) => {
  for (const [days, part] of [
    [6.67, 0.5],
    [45, 2 / 3],
    [90, 2 / 3],
  ] as const) {
    const world = new World();
    world.ca.life = days * DAY;
    await startHost(world);
    await world.run(days * (part - 0.03) * DAY);
    t.equal(world.ca.newOrders.length, 1);
    await world.run(days * 0.06 * DAY);
    t.equal(world.ca.newOrders.length, 2);
  }
});

t.test(
  '11: what was renewed is in use at once; a look from outside that sees the old one puts it in use again',
  async (t) => {
    const world = new World();
    let given: string | undefined;
    let served: string | undefined;
    let deaf = true;
    const sink = {
      use: (chain: string) => {
        given = factsOf(chain)!.fingerprint;
        if (!deaf) served = given;
      },
    };
    const host = await startHost(world, { sink, served: async () => served });
    await world.run(MINUTE);
    served = 'another one';
    await world.run(20 * MINUTE);
    t.ok(host.notices.some((one) => one.includes('clients get another certificate')));
    deaf = false;
    await world.run(20 * MINUTE);
    t.equal(served, given);
  },
);

t.test(
  '12: a challenge is answered before every redirect and rule (test/http/acme-challenge.test.ts has the server’s side)',
  async (t) => {
    const answer = challengeAnswers(() => 'thumb');
    t.equal(answer('any-token'), 'any-token.thumb');
    t.equal(challengeAnswers(() => undefined)('any-token'), undefined);
  },
);

const expected = {
  caaIdentities: ['ca.test'],
  account: 'https://ca.test/acct/1',
  thumbprint: 'own',
  authorities: [new Http01()],
  token: 'token',
};

function outside(more: Partial<Outside>): Outside {
  return {
    addresses: async () => ['192.0.2.1'],
    caa: async () => [],
    challenge: async (_address, _name, token) => `${token}.own`,
    ...more,
  };
}

async function refusal(name: string, more: Partial<Outside>): Promise<string | undefined> {
  try {
    await checkReady([identifierOf(name)!], outside(more), expected);
  } catch (error) {
    if (error instanceof AcmeError && error.code === 'not-ready') return error.message;
    throw error;
  }
  return undefined;
}

t.test('13: an AAAA record that leads elsewhere is found before an order is spent on it', async (t) => {
  const both = async (): Promise<string[]> => ['192.0.2.1', '2001:db8::1'];
  const challenge = async (address: string): Promise<string> => (address.includes(':') ? 'It works!' : 'token.own');
  t.match(
    await refusal('a.example.org', { addresses: both, challenge }),
    /leads to 2001:db8::1, where another server answers \("It works!"\); correct its AAAA record/,
  );
  t.match(await refusal('a.example.org', { addresses: async () => [] }), /a\.example\.org has no address/);
  t.equal(await refusal('a.example.org', {}), undefined);
  // The stack's answer comes when the host can be reached itself.
  for (const authority of ['tls-alpn-01', 'dns-01']) {
    const asked: string[] = [];
    const addresses = async (name: string): Promise<string[]> => {
      asked.push(name);
      return [];
    };
    const authorities = [{ type: authority, proves: () => true }];
    await checkReady([identifierOf('a.example.org')!], outside({ addresses }), { ...expected, authorities });
    t.same(asked, ['a.example.org'], `${authority}: its addresses are asked for, and no address is no fault`);
  }
  const silent = async (): Promise<never> => {
    throw new Error('EHOSTUNREACH');
  };
  t.equal(
    await refusal('a.example.org', { challenge: silent }),
    undefined,
    'a router that does not lead back proves nothing',
  );
  const world = new World();
  const check = (): Promise<void> => Promise.reject(new AcmeError('not-ready', 'elsewhere'));
  await startHost(world, { check });
  await world.run(DAY);
  t.equal(world.ca.newOrders.length, 0);
});

t.test('14: behind one address every host answers, whichever asked', async (t) => {
  const world = new World();
  const account = new MemoryStorage();
  const a = await startHost(world, {}, new MemoryStorage(), account);
  const b = await startHost(world, { orders: false }, new MemoryStorage(), account);
  const answerOfB = challengeAnswers(() => b.client.account.thumbprint);
  world.ca.validate = ({ token, thumbprint }) => (answerOfB(token) === `${token}.${thumbprint}` ? undefined : 'wrong');
  await world.run(HOUR);
  t.equal(a.used.length, 1);
});

t.test('15: exactly one challenge of an authorization is answered', async (t) => {
  const world = new World();
  const records = { owns: () => true, add: async () => undefined, remove: async () => undefined };
  await startHost(world, {
    authorities: [new Http01(), new Dns01(records, nodeCrypto)],
    names: ['a.example.org', 'b.example.org'],
  });
  await world.run(HOUR);
  t.same(
    world.ca.validations.map(({ type }) => type),
    ['http-01', 'http-01'],
  );
  // Where it fails, the next order tries another kind.
  const other = new World();
  other.ca.validate = ({ type }) => (type === 'http-01' ? 'port 80 is closed' : undefined);
  await startHost(other, { authorities: [new Http01(), new Dns01(records, nodeCrypto)] });
  await other.run(HOUR);
  t.same(
    other.ca.validations.map(({ type }) => type),
    ['http-01', 'dns-01'],
  );
});

t.test(
  '16: the certificate of tls-alpn-01 has one name, a critical digest, no CN, also for names of more than 64 octets and addresses',
  async (t) => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.example.org`;
    const given = new Map<string, string>();
    const certificates = {
      set: (name: string, chain: string) => void given.set(name, chain),
      remove: (name: string) => void given.delete(name),
    };
    const world = new World();
    const authority = new TlsAlpn01({
      certificates,
      crypto: nodeCrypto,
      clock: world.time,
      random: new SeededRandom(1),
    });
    for (const [name, sni, san] of [
      [long, long, `DNS:${long}`],
      ['192.0.2.7', '7.2.0.192.in-addr.arpa', 'IP Address:192.0.2.7'],
      ['2001:db8::1', `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, 'IP Address:2001:DB8:0:0:0:0:0:1'],
    ] as const) {
      const proof = { identifier: identifierOf(name)!, token: 't', keyAuthorization: 't.k' };
      await authority.prepare(proof);
      const certificate = new X509Certificate(given.get(sni)!);
      t.equal(certificate.subjectAltName, san);
      t.notOk(certificate.subject, 'undefined before Node 26, and empty there');
      t.ok(certificate.verify(certificate.publicKey));
      const digest = createHash('sha256').update('t.k').digest();
      const wanted = Buffer.concat([
        objectIdentifier(ACME_IDENTIFIER),
        Buffer.from([1, 1, 0xff, 4, 34, 4, 32]),
        digest,
      ]);
      t.ok(
        extensionsOf(certificate.raw).some((one) => wanted.equals(one)),
        'the digest, critical',
      );
      await authority.withdraw(proof);
      t.equal(given.size, 0);
    }
  },
);

t.test('17: CAA that forbids is found before an order is spent on it', async (t) => {
  const caa = (value: string, tag = 'issue', critical = false): Partial<Outside> => ({
    caa: async () => [{ critical, tag, value }],
  });
  t.match(
    await refusal('a.example.org', caa('other.example')),
    /CAA record of a\.example\.org does not allow .*"other\.example", and not ca\.test/,
  );
  t.equal(await refusal('a.example.org', caa('ca.test')), undefined);
  t.equal(
    await refusal('a.example.org', caa('CA.test; accounturi=https://ca.test/acct/1; validationmethods=dns-01,http-01')),
    undefined,
  );
  t.match(
    await refusal('a.example.org', caa('ca.test; accounturi=https://ca.test/acct/2')),
    /for the account .*acct\/2/,
  );
  t.match(
    await refusal('a.example.org', caa('ca.test; validationmethods=dns-01')),
    /allows dns-01, and this server answers http-01/,
  );
  t.match(await refusal('a.example.org', caa(';')), /does not allow/);
  t.match(await refusal('a.example.org', caa('x', 'newthing', true)), /critical property newthing/);
  t.match(await refusal('*.a.example.org', caa(';', 'issuewild')), /does not allow/);
  t.equal(await refusal('a.example.org', caa(';', 'issuewild')), undefined);
  // RFC 8659 3: the nearest name above that has records.
  const above = async (name: string) =>
    name === 'example.org' ? [{ critical: false, tag: 'issue', value: 'other.example' }] : [];
  t.match(await refusal('a.b.example.org', { caa: above }), /CAA record of example\.org/);
});

t.test(
  '18: a wait of days is planned, and not slept: a limit is kept to, over restarts and over a request of a person',
  async (t) => {
    const world = new World();
    world.ca.refuseOrder = () => FakeCa.refused('rateLimited', 429, 3 * 86_400, 'too many certificates, retry after');
    let refused = 0;
    const count = world.ca.refuseOrder;
    world.ca.refuseOrder = () => {
      refused++;
      return count();
    };
    let host = await startHost(world);
    for (let hours = 0; hours < 71; hours += 1) {
      await world.run(HOUR);
      host.keeper.stop();
      host = await startHost(world, { seed: hours }, host.storage, host.accountStorage);
      await host.storage.write(REQUEST, `${hours}`);
      host.keeper.look();
    }
    t.equal(refused, 1);
    world.ca.refuseOrder = () => undefined;
    await world.run(9 * HOUR);
    t.equal(world.ca.newOrders.length, 1);
    // The same for a certificate that is being made: the order is found again later.
    const slow = new World();
    slow.ca.processing = { times: 3, retryAfter: 7200 };
    const waiting = await startHost(slow);
    await slow.run(DAY);
    t.equal(waiting.used.length, 1);
    t.equal(slow.ca.newOrders.length, 1);
    t.equal(slow.ca.issued.length, 1);
  },
);

t.test(
  '19: bad nonces are retried and bounded; another chain can be had; an account that is gone is made again',
  async (t) => {
    const world = new World();
    world.ca.alternates = 1;
    const host = await startHost(world, { issuer: 'Fake Root X2' });
    await world.run(HOUR);
    t.match(new X509Certificate(host.used[0]!.slice(host.used[0]!.indexOf('-----BEGIN', 10))).subject, /X2/);
    world.ca.forgetAccounts();
    await host.storage.write(REQUEST, 'now');
    host.keeper.look();
    await world.run(HOUR);
    t.equal(host.used.length, 2);
    t.equal(world.ca.registered.length, 2);
    world.ca.badNonce = () => true;
    const before = world.ca.requests.length;
    const error = await host.client
      .newOrder({ identifiers: [], profile: undefined, replaces: undefined })
      .catch((one) => one);
    t.equal((error as AcmeError).problem?.type, 'badNonce');
    t.ok(world.ca.requests.length - before <= 7, 'six tries, and one nonce');
  },
);

t.test(
  '20: every request says what sends it; an order that replaces what is replaced already is made without that',
  async (t) => {
    const world = new World();
    world.ca.renewalWindow = (from, to) => [from + 0.5 * (to - from), from + 0.6 * (to - from)];
    const host = await startHost(world);
    await world.run(HOUR);
    world.ca.replaced.add(factsOf(host.used[0]!)!.id!);
    await world.run(60 * DAY);
    t.equal(host.used.length, 2);
    t.equal(world.ca.newOrders[1]!.payload['replaces'], undefined);
    t.ok(world.ca.requests.every(({ fields }) => fields['user-agent'] === 'test'));
  },
);
