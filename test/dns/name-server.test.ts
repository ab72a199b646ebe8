/**
 * Zones while they are served: read again, refused, signed anew, and with the address of the moment. Time passes as the
 * test says.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { rememberAuthority } from '../../src/acme/state/authority-state.js';
import { FolderStorage } from '../../src/acme/state/storage.js';
import { parseLogOption } from '../../src/cli/arguments/log-options.js';
import type { TYPE } from '../../src/dns/wire/constants.js';
import type { SelfFacts } from '../../src/dns/zone/load.js';
import '../../src/native/signals-first.js';
import { signals } from '../../src/native/process-signals.js';
import type { Accept, Listener, Network } from '../../src/net/flow.js';
import { Log } from '../../src/serve/log.js';
import { checkZoneFiles } from '../../src/serve/names/check-files.js';
import { NameServer } from '../../src/serve/names/name-server.js';
import { caaOf, ownCaa } from '../../src/serve/names/own-caa.js';
import { ZoneKeeper } from '../../src/serve/names/zone-keeper.js';
import type { AcmeArguments } from '../../src/serve/options/acme.js';
import type { DnsArguments } from '../../src/serve/options/dns.js';
import { VirtualClock } from '../http/virtual-clock.js';
import { query, read } from './message.js';
import { MemoryDatagrams } from './setup.js';

const SITE = '$TTL 60\n@ SOA ns h 5 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ A 192.0.2.2\n';
const DAY = 86_400_000;

class Place {
  readonly clock = new VirtualClock();
  readonly datagrams = new MemoryDatagrams();
  readonly warnings: string[] = [];
  readonly folder: string;
  readonly file: string;
  readonly state: string;
  readonly network: { address: string | undefined } & Network;
  server!: NameServer;
  zones!: ZoneKeeper;
  caa: (() => readonly Uint8Array[]) | undefined;
  proofs: readonly string[] = [];

  /** `folder`: with the zone and the state of another. */
  constructor(t: Test, text: string, folder = t.testdir({ 'a.example.zone': text })) {
    this.folder = folder;
    this.file = join(folder, 'a.example.zone');
    this.state = join(folder, 'state');
    this.network = {
      clock: this.clock,
      address: '192.0.2.80',
      listen: async (port: number, _accept: Accept): Promise<Listener> => ({
        endpoint: { address: '', port },
        close: () => undefined,
      }),
      counters: () => ({}),
      close: async () => undefined,
    };
  }

  async open(
    options: Partial<DnsArguments> = {},
    facts: Omit<SelfFacts, 'addresses'> = {},
    watch = false,
  ): Promise<this> {
    const log = new Log(parseLogOption(''));
    log.warn = (message: string): void => void this.warnings.push(message);
    const defaults = {
      zones: [this.file],
      port: 53,
      rate: 0,
      identity: undefined,
      keys: undefined,
      cookies: undefined,
      dnssec: false,
      secondaries: [],
    };
    const all = { ...defaults, ...options };
    const addresses = (): string[] => (this.network.address === undefined ? [] : [this.network.address]);
    this.zones = new ZoneKeeper(
      all,
      { clock: this.clock, addresses, caa: this.caa, proofs: this.proofs },
      this.state,
      log,
      facts,
    );
    await this.zones.prepare(addresses());
    this.server = new NameServer(all, this.network);
    this.zones.publish = (zones) => this.server.replace(zones);
    this.server.replace(this.zones.zones);
    this.server.listen(this.datagrams);
    await this.zones.open(watch);
    return this;
  }

  close(): void {
    this.zones.close();
    this.server.close();
  }

  ask(name: string, type: keyof typeof TYPE, dnssecOk = false): readonly string[] {
    const before = this.datagrams.sent.length;
    this.datagrams.deliver(53, query(name, type, dnssecOk ? { dnssecOk } : {}));
    return read(this.datagrams.sent[before]!.bytes).answer;
  }

  /** The same of the section behind, with signatures. */
  authority(name: string, type: keyof typeof TYPE): readonly string[] {
    const before = this.datagrams.sent.length;
    this.datagrams.deliver(53, query(name, type, { dnssecOk: true }));
    return read(this.datagrams.sent[before]!.bytes).authority;
  }

  get serial(): number {
    return Number(this.ask('a.example', 'SOA')[0]!.split(' ')[5]);
  }

  /** The zones are read again, and what comes of it is there. */
  async hangUp(): Promise<void> {
    process.emit('SIGHUP');
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((done) => setImmediate(done));
}

/** As a server has it: SIGHUP reads again. */
void signals.server();

t.test('SIGHUP: a newer version is served, one with the old serial is refused, and one with errors', async (t) => {
  const place = await new Place(t, SITE).open();
  t.teardown(() => place.close());
  t.equal(place.serial, 5);
  writeFileSync(place.file, SITE.replace(' 5 2', ' 6 2').replace('192.0.2.2', '192.0.2.3'));
  await place.hangUp();
  t.same(place.ask('a.example', 'A'), ['a.example. A 60 192.0.2.3']);
  t.same(place.warnings, []);
  writeFileSync(place.file, SITE.replace(' 5 2', ' 6 2').replace('192.0.2.2', '192.0.2.4'));
  await place.hangUp();
  t.same(place.ask('a.example', 'A'), ['a.example. A 60 192.0.2.3'], 'the serial was not raised');
  t.match(
    place.warnings.at(-1),
    /has changed, and its serial 6 is not newer than 6; raise it; the version that was served stays/,
  );
  writeFileSync(place.file, SITE.replace(' 5 2', ' 7 2').replace('192.0.2.2', '192.0.2.400'));
  await place.hangUp();
  t.match(place.warnings.at(-1), /a\.example\.zone:5:5: "192\.0\.2\.400" is not an address.*stays/);
  writeFileSync(place.file, SITE.replace('$TTL', '$ORIGIN b.example.\n$TTL'));
  await place.hangUp();
  t.match(place.warnings.at(-1), /is about b\.example\. now/);
  t.equal(place.serial, 6);
});

t.test('--watch: a file that is written or put in its place is read', async (t) => {
  const place = await new Place(t, SITE).open({}, {}, true);
  t.teardown(() => place.close());
  const comes = async (serial: number): Promise<void> => {
    for (let i = 0; i < 200 && place.serial !== serial; i++) await new Promise((done) => setTimeout(done, 10));
    t.equal(place.serial, serial);
  };
  writeFileSync(place.file, SITE.replace(' 5 2', ' 6 2'));
  await comes(6);
  writeFileSync(`${place.file}.new`, SITE.replace(' 5 2', ' 7 2'));
  renameSync(`${place.file}.new`, place.file);
  await comes(7);
});

t.test('serials compare as RFC 1982 says: 0 follows 4,294,967,295', async (t) => {
  const place = await new Place(t, SITE.replace(' 5 2', ' 4294967295 2')).open();
  t.teardown(() => place.close());
  writeFileSync(place.file, SITE.replace(' 5 2', ' 0 2'));
  await place.hangUp();
  t.equal(place.serial, 0);
});

t.test('CAA of @SELF: the authority and the account alone, once they are known, and of this authority', async (t) => {
  const state = t.testdir({ state: {}, zone: { 'a.example.zone': `${SITE}@ CAA @SELF\n` } });
  const place = new Place(t, '', join(state, 'zone'));
  const directory = 'https://ca.example/directory';
  const acme = { state: join(state, 'state'), directory } as AcmeArguments;
  place.caa = ownCaa(acme);
  await place.open();
  t.teardown(() => place.close());
  t.same(place.ask('a.example', 'CAA'), []);
  const storage = new FolderStorage(acme.state);
  const account = 'https://ca.example/acct/7';
  await rememberAuthority(storage, { directory, identities: ['ca.example', 'ca.test'], account });
  place.clock.advance(1000);
  await settled();
  const texts = place.ask('a.example', 'CAA').map((one) => Buffer.from(one.split(' ')[3]!, 'hex').toString('latin1'));
  t.same(texts, [
    '\0\x05issueca.example; accounturi=https://ca.example/acct/7',
    '\0\x05issueca.test; accounturi=https://ca.example/acct/7',
  ]);
  t.equal(place.serial, 6);
  t.same(ownCaa({ ...acme, directory: 'https://other.example/' })(), [], 'another authority is another account');
  const odd = caaOf({ directory, identities: ['ca.example'], account: 'https://ca.example/a;b' });
  t.equal(Buffer.from(odd[0]!).toString('latin1'), '\0\x05issueca.example', 'what the record cannot say is left out');
});

t.test('@SELF follows the address, with a serial that grows', async (t) => {
  const place = await new Place(t, `${SITE}w A @SELF\nw AAAA @SELF\n`).open();
  t.teardown(() => place.close());
  t.same(place.ask('w.a.example', 'A'), ['w.a.example. A 60 192.0.2.80']);
  t.same(place.ask('w.a.example', 'AAAA'), []);
  place.network.address = '2001:db8::80';
  place.clock.advance(1000);
  await settled();
  t.same(place.ask('w.a.example', 'A'), []);
  t.same(place.ask('w.a.example', 'AAAA'), ['w.a.example. AAAA 60 20010db8000000000000000000000080']);
  t.equal(place.serial, 6);
  place.network.address = undefined;
  place.clock.advance(1000);
  await settled();
  t.same(place.ask('w.a.example', 'AAAA'), [], 'without an address there is none');
  t.equal(place.serial, 7);
});

t.test('a serial that the file does not have goes on in the next program', async (t) => {
  const place = await new Place(t, `${SITE}w A @SELF\n`).open();
  place.network.address = '192.0.2.81';
  place.clock.advance(1000);
  await settled();
  t.equal(place.serial, 6);
  place.close();
  const again = await new Place(t, '', place.folder).open();
  t.teardown(() => again.server.close());
  t.equal(again.serial, 7);
});

t.test('proofs for a certificate authority are served beside the zone while they are wanted', async (t) => {
  for (const dnssec of [false, true]) {
    const place = await new Place(t, SITE).open({ dnssec });
    t.teardown(() => place.close());
    const name = '_acme-challenge.a.example';
    const withdraw = await place.zones.present(`${name}.`, ['proof one', 'proof two']);
    const text = (value: string): string =>
      `${name}. TXT 1 ${Buffer.from([value.length, ...Buffer.from(value)]).toString('hex')}`;
    t.same(place.ask(name, 'TXT'), [text('proof one'), text('proof two')]);
    t.equal(place.serial, 6);
    await withdraw();
    t.same(place.ask(name, 'TXT'), []);
    t.equal(place.serial, 7);
    await t.rejects(place.zones.present('_acme-challenge.b.example.', ['x']), { message: /in none of the zones/ });
  }
});

/** The next name of the NSEC record with the name server's answer that there is no TXT record at the apex. */
function nextOfApex(place: Place): string {
  const [denial] = place.authority('a.example', 'TXT').filter((one) => one.startsWith('a.example. NSEC '));
  return Buffer.from(denial!.split(' ')[3]!, 'hex').toString('latin1');
}

t.test('a signed zone has the names of proofs before there is a proof, so that no NSEC denies them', async (t) => {
  const place = new Place(t, `${SITE}_acme-challenge.own CNAME @\nsub NS ns.b.example.\n`);
  place.proofs = ['', 'own.', 'sub.', 'w.'].map((name) => `_acme-challenge.${name}a.example.`);
  place.proofs = [...place.proofs, '_acme-challenge.b.example.'];
  await place.open({ dnssec: true });
  t.teardown(() => place.close());
  t.equal(nextOfApex(place).slice(0, 16), '\x0f_acme-challenge');
  const name = '_acme-challenge.a.example';
  const placeholder = [`${name}. TXT 1 ${Buffer.from('\x0bplaceholder').toString('hex')}`];
  t.same(place.ask(name, 'TXT'), placeholder);
  t.match(place.ask('_acme-challenge.own.a.example', 'TXT'), [/ CNAME /], 'what the file has stays');
  t.same(place.ask('_acme-challenge.sub.a.example', 'TXT'), [], 'another server answers for this one');
  const withdraw = await place.zones.present(`${name}.`, ['proof']);
  t.same(place.ask(name, 'TXT'), [`${name}. TXT 1 ${Buffer.from('\x05proof').toString('hex')}`]);
  await withdraw();
  t.same(place.ask(name, 'TXT'), placeholder);
});

t.test('RFC 4592 3.3.1: a name that a wildcard answers for keeps its records while it is proven', async (t) => {
  for (const dnssec of [false, true]) {
    const place = new Place(t, `${SITE}* A 192.0.2.9\n* MX 5 mail.b.example.\n`);
    await place.open({ dnssec });
    t.teardown(() => place.close());
    const seen = (): unknown => [
      place.ask('www.a.example', 'A'),
      place.ask('Deep.www.a.example', 'A'),
      place.ask('www.a.example', 'MX'),
      place.ask('x.y.a.example', 'A'),
    ];
    const before = seen();
    const withdraw = await place.zones.present('_acme-challenge.www.a.example.', ['proof']);
    t.equal(place.ask('_acme-challenge.www.a.example', 'TXT').length, 1);
    t.same(seen(), before);
    await withdraw();
    t.same(seen(), before);
  }
});

t.test('@SELF of HTTPS and CAA: what the server speaks, and who may certify it', async (t) => {
  const caa = Uint8Array.from([0, 5, ...Buffer.from('issueca.example')]);
  const place = new Place(t, `${SITE}@ HTTPS @SELF\n@ CAA @SELF\n`);
  await place.open({}, { protocols: ['h2', 'http/1.1'], caa: [caa] });
  t.teardown(() => place.close());
  t.same(place.ask('a.example', 'HTTPS'), ['a.example. HTTPS 60 0001000001000c02683208687474702f312e31']);
  t.same(place.ask('a.example', 'CAA'), [`a.example. CAA 60 ${Buffer.from(caa).toString('hex')}`]);
});

/** Expiration of the signature of the zone's A set, seconds since 1970. */
function expiration(place: Place): number {
  const signature = place.ask('a.example', 'A', true).find((one) => one.includes(' RRSIG '))!;
  return Number.parseInt(signature.split(' ')[3]!.slice(16, 24), 16);
}

t.test('signatures hold 14 days, and are made anew when 7 of them are left, again and again', async (t) => {
  const place = await new Place(t, SITE).open({ dnssec: true });
  t.teardown(() => place.close());
  let renewed = 0;
  let [last, serial] = [expiration(place), place.serial];
  t.equal(last - Math.floor(place.clock.wallClock() / 1000), 14 * 86_400);
  for (let day = 0; day < 50; day++) {
    place.clock.advance(DAY);
    await settled();
    const next = expiration(place);
    if (next - place.clock.wallClock() / 1000 < 7 * 86_400 - 10) t.fail(`day ${day}: ${next}`);
    if (next !== last) {
      renewed += 1;
      if (place.serial !== serial + 1) t.fail(`day ${day}: serial ${place.serial} after ${serial}`);
      serial = place.serial;
    }
    last = next;
  }
  t.ok(renewed === 7, `${renewed} times in 50 days`);
  t.equal(place.clock.pending, 1);
});

t.test('a signed zone keeps its key and goes on with its serial in the next program', async (t) => {
  const place = await new Place(t, SITE).open({ dnssec: true });
  const key = place.ask('a.example', 'DNSKEY');
  t.equal(place.serial, 5);
  place.close();
  const again = new Place(t, SITE, place.folder);
  await again.open({ dnssec: true });
  t.teardown(() => again.server.close());
  t.same(again.ask('a.example', 'DNSKEY'), key);
  t.equal(again.serial, 6, 'its signatures are others');
  t.equal(readFileSync(join(place.state, 'dns', 'a.example.serial'), 'utf8'), '6\n');
});

t.test('what cannot be served is told before anything is', async (t) => {
  const folder = t.testdir({
    'a.example.zone': SITE,
    'copy.zone': `$ORIGIN a.example.\n${SITE}`,
    'bad.zone': 'x A\n',
    keys: 'hmac-md5:k:AAAA\n',
  });
  const check = (options: Partial<DnsArguments>): void =>
    checkZoneFiles({
      zones: [],
      port: 53,
      rate: 0,
      identity: undefined,
      keys: undefined,
      cookies: undefined,
      dnssec: false,
      secondaries: [],
      ...options,
    });
  const at = (name: string): string => join(folder, name);
  t.throws(() => check({ zones: [at('none.zone')] }), { message: /there is no zone file .*none\.zone/ });
  t.throws(() => check({ zones: [folder] }), { message: /is a directory/ });
  t.throws(() => check({ zones: [at('bad.zone')] }), { message: /bad\.zone:1:4: / });
  t.throws(() => check({ zones: [at('a.example.zone'), at('copy.zone')] }), {
    message: /are both about a\.example\.; leave one out/,
  });
  t.throws(() => check({ zones: [at('a.example.zone')], keys: at('keys') }), {
    message: /keys:1: "hmac-md5" is none of hmac-sha256/,
  });
  writeFileSync(at('keys'), 'hmac-sha256:k:AAAA\n');
  writeFileSync(at('cookies'), '# shared\n0011\n');
  t.throws(() => check({ cookies: at('cookies') }), { message: /cookies:2: a secret is 32 hexadecimal digits/ });
  t.throws(() => check({ secondaries: ['192.0.2.5#other'], keys: at('keys') }), {
    message: /less than 16 bytes; "openssl rand/,
  });
});
