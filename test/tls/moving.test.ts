/**
 * TLS connections that go to a next program: at every octet of what comes, with all that waits, and with records that
 * are damaged. What carries them is `test/net/tcp/moving-tls.test.ts`.
 */
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { Carrier } from '../../src/memory/pieces.js';
import { decodeBatch, encodeBatch } from '../../src/net/direct/peer-link/moving-codec.js';
import type { CloseReason, Flow, FlowHandler } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { type RefusalCode, RefusedMove } from '../../src/net/refused-move.js';
import type { MovingRecord } from '../../src/net/tcp/moving/record.js';
import { type CipherSuite, SUITES } from '../../src/tls/common/suites.js';
import type { MovedFlow } from '../../src/tls/moving/moved-flow.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Primitives, RecordKey } from '../../src/tls/primitives/primitives.js';
import type { TlsFlow } from '../../src/tls/tls-flow.js';
import { writeKeyUpdate } from '../../src/tls/wire/server-flight.js';
import { bound } from '../documented.js';
import { JoinedFlow, talk } from './joined-flows.js';
import { type Outcome, Setup, send } from './setup.js';

t.setTimeout(300_000);

/** An owner that moves, and remembers what it has heard. */
class Owner implements FlowHandler {
  heard: string;
  ends = 0;
  drains = 0;
  reason: CloseReason | undefined;
  thaws = 0;
  gone = 0;
  echoes = true;

  constructor(heard = '') {
    this.heard = heard;
  }

  data(flow: Flow, bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    this.heard += text;
    const answer = Memory.of(`<${text}>`);
    if (this.echoes) flow.write(answer, 0, answer.bytes.length);
  }

  ended(): void {
    this.ends++;
  }

  drained(): void {
    this.drains++;
  }

  closed(_flow: Flow, reason: CloseReason): void {
    this.reason = reason;
  }

  freeze(): unknown {
    return { heard: this.heard };
  }

  thaw(): void {
    this.thaws++;
  }

  moved(): void {
    this.gone++;
  }
}

/** Keys that were made and not overwritten. */
function counted(): { primitives: Primitives; alive: Set<RecordKey> } {
  const alive = new Set<RecordKey>();
  class Counting extends NodePrimitives {
    override recordKey(...parameters: Parameters<NodePrimitives['recordKey']>): RecordKey {
      const key = super.recordKey(...parameters);
      const destroy = key.destroy.bind(key);
      key.destroy = () => {
        alive.delete(key);
        destroy();
      };
      alive.add(key);
      return key;
    }
  }
  return { primitives: new Counting(), alive };
}

/** One program. */
class Place {
  readonly setup: Setup;
  owner!: Owner;
  flow!: Flow;
  refusals: RefusalCode[] = [];

  constructor(primitives: Primitives = new NodePrimitives()) {
    this.setup = new Setup({
      primitives,
      accept: (flow) => {
        this.flow = flow;
        flow.handler = this.owner = new Owner();
      },
      adopt: (flow, state) => {
        this.flow = flow;
        flow.handler = this.owner = new Owner((state as { heard?: string } | undefined)?.heard);
        return true;
      },
      onRefused: (_flow, { code }) => void this.refusals.push(code),
    });
  }
}

const SITE = new Memory(Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));

/** A connection whose server is in one place after the other. */
class Travelling {
  place: Place;
  readonly outcome: Outcome;

  constructor(place = new Place(), suites?: readonly CipherSuite[]) {
    this.place = place;
    this.outcome = place.setup.connect(suites === undefined ? {} : { suites });
    this.server = this.outcome.below[1];
  }

  server: JoinedFlow;
  /** What waited when it was adopted. */
  queued = 0;

  get client(): JoinedFlow {
    return this.outcome.below[0];
  }

  freeze(carrier = new Carrier((memory) => (memory === SITE ? 'site' : undefined), 1 << 20)): MovedFlow | undefined {
    return this.place.setup.server.freeze(this.server, carrier) as MovedFlow | undefined;
  }

  /** As it arrives there: what was sent is a copy, and overwritten. */
  record(): MovedFlow {
    const [record] = decodeBatch(encodeBatch([{ owner: this.freeze() } as MovingRecord]));
    return record!.owner as MovedFlow;
  }

  move(next = new Place()): this {
    const record = this.record();
    const server = new JoinedFlow();
    server.peer = this.client;
    server.out = this.server.out.slice();
    if (!next.setup.server.adopt(server, record, (id) => (id === 'site' ? SITE : undefined)))
      throw new Error(`refused: ${next.refusals}`);
    this.queued = next.flow.queued;
    this.client.peer = server;
    this.place.setup.server.moved(this.server);
    next.setup.server.thaw(server);
    server.flush();
    this.place = next;
    this.server = server;
    return this;
  }

  talk(size?: number): this {
    talk(this.client, this.server, size);
    return this;
  }
}

t.test('at every octet of what comes: records, alerts, and keys that change in between', async (t) => {
  const backends: (() => Primitives)[] = [() => new NodePrimitives(), () => new EvpPrimitives()];
  for (const [i, suite] of SUITES.entries()) {
    for (let cut = 0; ; cut++) {
      const one = new Travelling(new Place(backends[cut % 2]!()), [suite]);
      const client = one.outcome.client as TlsFlow;
      send(client, 'first');
      client.updateKey(cut % 3 === 0);
      send(client, 'second');
      client.end();
      if (cut > one.client.out.length) {
        t.ok(cut > 100, `${cut} cuts`);
        break;
      }
      one.client.deliver(cut);
      const place = new Place(backends[(cut + i) % 2]!());
      one.move(place).talk();
      t.equal(place.owner.heard, 'firstsecond');
      t.equal(one.outcome.clientHeard.received, '<first><second>', `${suite.name} ${cut}`);
      t.same(place.setup.errors, []);
    }
  }
});

t.test('at every octet of what is sent: the client gets each byte once', async (t) => {
  for (let cut = 0; cut < 200; cut += 1) {
    const one = new Travelling();
    one.place.owner.echoes = false;
    one.place.flow.write(Memory.of('x'.repeat(100)), 0, 100);
    one.place.flow.flush();
    (one.place.flow as TlsFlow).updateKey(false);
    one.server.deliver(cut);
    one.move();
    one.place.flow.write(Memory.of('y'.repeat(50)), 0, 50);
    one.place.flow.flush();
    one.talk();
    t.equal(one.outcome.clientHeard.received, 'x'.repeat(100) + 'y'.repeat(50), `${cut}`);
  }
});

t.test('a handshake message that has come in part, and the answer to it', async (t) => {
  const update = writeKeyUpdate(true);
  for (let cut = 1; cut < update.length; cut++) {
    const one = new Travelling();
    const client = one.outcome.client as TlsFlow;
    client.send(update.subarray(0, cut));
    one.talk();
    one.move();
    client.send(update.subarray(cut));
    one.talk();
    one.move();
    // The server's key has changed, and it has said so.
    send(one.place.flow, 'under the next key');
    one.talk();
    t.equal(one.outcome.clientHeard.received, 'under the next key');
  }
});

t.test('what waits goes along by reference, and leaves in the next program', async (t) => {
  const one = new Travelling();
  const { flow } = one.place;
  const own = Memory.of('a head that is nobody else’s');
  flow.write(own, 0, own.bytes.length);
  for (let i = 0; i < 3; i++) flow.write(SITE, i, SITE.bytes.length);
  flow.lowWater = 1000;
  flow.end();
  const owners = new Set<Owner>();
  for (let i = 0; i < 40; i++) {
    for (let n = 0; n < i; n++) one.server.deliver(7001);
    const { queued } = one.place.flow;
    const carrier = new Carrier((memory) => (memory === SITE ? 'site' : undefined), 1 << 20);
    t.ok(one.freeze(carrier));
    t.ok(carrier.copied <= own.bytes.length, 'of the site nothing is copied');
    one.move();
    one.place.flow.lowWater = 1000;
    t.equal(one.queued, queued);
    owners.add(one.place.owner);
  }
  one.talk();
  const expected = own.bytes.length + 3 * SITE.bytes.length - 3;
  t.equal(one.outcome.clientHeard.bytes, expected);
  t.equal(one.outcome.clientHeard.ends, 1, 'and its end behind it');
  t.equal(
    [...owners].reduce((sum, owner) => sum + owner.drains, 0),
    1,
    'the mark is passed once',
  );
});

t.test('an end is one: close_notify of either side is not said again, nor forgotten', async (t) => {
  const one = new Travelling();
  one.outcome.client!.end();
  one.talk();
  t.equal(one.place.owner.ends, 1);
  one.move();
  send(one.place.flow, 'still to be said');
  one.talk();
  t.equal(one.outcome.clientHeard.received, 'still to be said');
  one.place.flow.end();
  const { sent } = one.server;
  t.ok(one.server.ended);
  one.move();
  one.place.flow.end();
  one.place.flow.write(SITE, 0, 10);
  one.place.flow.flush();
  t.equal(one.server.sent, 0, `${sent} octets were sent before, and none after`);
});

const KEY_UPDATES = bound('docs/tls.md', 'KeyUpdates in a second; answers to several');

t.test('what is counted of a peer is counted on', async (t) => {
  const one = new Travelling();
  const client = one.outcome.client as TlsFlow;
  for (let i = 0; i <= KEY_UPDATES; i++) {
    if (i % 5 === 0) one.move();
    client.updateKey(false);
    one.talk();
    t.equal(one.place.setup.server.counters.failed, i < KEY_UPDATES ? 0 : 1, `KeyUpdate ${i + 1} in a second`);
  }
});

t.test('a connection stays here while another program could not go on with it', async (t) => {
  const carrier = new Carrier(() => undefined, 1000);
  const one = new Travelling();
  const { setup } = one.place;
  t.equal(setup.server.freeze(one.server), undefined, 'the other program takes no bytes');
  one.server.kernel(() => 1e9);
  t.equal(one.freeze(), undefined, 'the kernel has it');
  const handshake = setup.begin();
  handshake.below[0].deliver(100_000);
  t.equal(setup.server.freeze(handshake.below[1], carrier), undefined, 'its handshake is under way');
  const failing = new Travelling();
  failing.client.out = Uint8Array.of(23, 3, 3, 0, 60, ...new Uint8Array(60));
  failing.client.deliver(65);
  t.equal(failing.freeze(), undefined, 'it ends with an alert');
  const full = new Travelling();
  full.place.flow.write(new Memory(new Uint8Array(2_000_000)), 0, 2_000_000);
  full.place.flow.flush();
  t.equal(full.freeze(carrier), undefined, 'it would take too much along');
  t.equal(full.place.owner.reason, undefined);
  full.talk();
  t.equal(full.outcome.clientHeard.bytes, 2_000_000, 'and goes on here');
});

t.test('one that is not taken goes on where it was', async (t) => {
  const one = new Travelling();
  send(one.outcome.client!, 'before');
  one.talk();
  const record = one.record();
  const next = new Place();
  t.notOk(next.setup.server.adopt(new JoinedFlow(), { ...record, suite: 1 }));
  one.place.setup.server.thaw(one.server);
  t.equal(one.place.owner.thaws, 1);
  send(one.outcome.client!, 'after');
  one.talk();
  t.equal(one.outcome.clientHeard.received, '<before><after>');
});

t.test(
  'keys are overwritten: in the record when it has left, in the old program, and where it is refused',
  async (t) => {
    const [old, next] = [counted(), counted()];
    const one = new Travelling(new Place(old.primitives));
    const state = one.freeze()!;
    const { secret } = state.reading;
    t.ok(secret.some((octet) => octet !== 0));
    const batch = encodeBatch([{ owner: state } as MovingRecord]);
    t.notOk(secret.some((octet) => octet !== 0));
    t.equal(batch.indexOf(123), 5, 'keys are bytes behind the text');
    decodeBatch(batch);
    t.notOk(batch.some((octet) => octet !== 0));
    // The client's keys are of the same backend.
    t.equal(old.alive.size, 4);
    t.notOk(new Place(next.primitives).setup.server.adopt(new JoinedFlow(), { ...one.record(), owner: {}, alpn: 'x' }));
    t.equal(next.alive.size, 0);
    one.move(new Place(next.primitives));
    t.equal(old.alive.size, 2);
    t.equal(next.alive.size, 2);
  },
);

t.test('a record that cannot be is refused with a code, and the program goes on', async (t) => {
  const one = new Travelling();
  one.place.flow.write(SITE, 0, 200_000);
  one.place.flow.flush();
  const next = new Place();
  const refuse = (code: RefusalCode, change: (record: Record<string, unknown>) => void): void => {
    const record = one.record() as unknown as Record<string, unknown>;
    change(record);
    t.notOk(next.setup.server.adopt(new JoinedFlow(), record, (id) => (id === 'site' ? SITE : undefined)));
    t.equal(next.refusals.pop(), code, `${code}: ${change}`);
  };
  const wrong = [undefined, null, -1, 1.5, '1', {}, [], Number.NaN];
  for (const value of wrong) {
    refuse('moved-field', (record) => Object.assign(record, { tls: value }));
    refuse('moved-suite', (record) => Object.assign(record, { suite: value }));
    refuse('moved-key', (record) => Object.assign(record, { reading: value }));
    refuse('moved-key', (record) => Object.assign(record['writing'] as object, { number: value }));
    refuse('moved-key', (record) => Object.assign(record['reading'] as object, { secret: value }));
    refuse('moved-incoming', (record) => Object.assign(record, { incoming: value }));
    refuse('moved-incoming', (record) => Object.assign(record, { message: value }));
    refuse('moved-field', (record) => Object.assign(record, { counts: value }));
    refuse('moved-field', (record) => Object.assign(record, { sizes: [1, value] }));
    refuse('moved-field', (record) => Object.assign(record, { flags: value }));
    refuse('moved-memory', (record) => Object.assign(record, { queue: [value] }));
  }
  refuse('moved-key', (record) => Object.assign(record['reading'] as object, { secret: new Uint8Array(31) }));
  refuse('moved-key', (record) => Object.assign(record['writing'] as object, { number: 2 ** 23 + 1 }));
  refuse('moved-field', (record) => Object.assign(record, { counts: [33, 0, 0] }));
  refuse('moved-field', (record) => Object.assign(record, { counts: [0, KEY_UPDATES + 1, 0] }));
  refuse('moved-field', (record) => Object.assign(record, { flags: 16 }));
  refuse('moved-field', (record) => Object.assign(record, { flags: 2 }));
  refuse('moved-field', (record) => Object.assign(record, { alpn: 'x'.repeat(256) }));
  refuse('moved-owner', (record) => Object.assign(record, { alpn: 'gopher' }));
  refuse('moved-memory', (record) => Object.assign(record, { queue: [{ id: 'gone', start: 0, end: 1 }] }));
  refuse('moved-memory', (record) => Object.assign(record, { queue: [{ id: 'site', start: 0, end: 1e7 }] }));
  for (const bytes of [
    [23, 3, 3, 0, 2, 1, 1],
    [23, 3, 3, 255, 255],
    [99, 3, 3, 0, 2],
  ])
    refuse('moved-incoming', (record) => Object.assign(record, { incoming: Uint8Array.from(bytes) }));
  for (const bytes of [
    [24, 0, 0, 1, 0],
    [24, 1, 0, 0],
  ])
    refuse('moved-incoming', (record) => Object.assign(record, { message: Uint8Array.from(bytes) }));
  for (const value of wrong) {
    t.notOk(next.setup.server.adopt(new JoinedFlow(), value));
    t.equal(next.refusals.pop(), 'moved-field');
  }
  t.same(next.setup.errors, []);
});

t.test('bytes that are damaged anywhere are refused with a code, or are a record', async (t) => {
  const one = new Travelling();
  one.place.flow.write(SITE, 0, 200_000);
  send(one.place.flow, 'own bytes');
  send(one.outcome.client!, 'half of a record');
  one.client.deliver(20);
  const random = new SeededRandom(9);
  const codes = new Set<string>();
  const next = new Place();
  for (let i = 0; i < 4000; i++) {
    let bytes: Uint8Array = Uint8Array.from(encodeBatch([{ owner: one.freeze() } as MovingRecord]));
    if (i % 4 === 0) bytes = bytes.slice(0, random.below(bytes.length));
    for (let n = 0; n < 1 + (i % 3) && bytes.length > 0; n++) bytes[random.below(bytes.length)] = random.below(256);
    try {
      for (const record of decodeBatch(bytes)) {
        next.refusals = [];
        const owner: unknown = (record as { owner?: unknown } | null)?.owner;
        const taken = next.setup.server.adopt(new JoinedFlow(), owner, (id) => (id === 'site' ? SITE : undefined));
        if (taken === next.refusals.length > 0) t.fail(`${i}: neither taken nor refused`);
        for (const code of next.refusals) codes.add(code);
      }
    } catch (error) {
      if (!(error instanceof RefusedMove)) throw error;
      codes.add(error.code);
    }
  }
  t.ok(codes.size >= 6, `${[...codes]}`);
  t.throws(() => decodeBatch(Buffer.from(`${'\0\0\0\x02'}{}`)), { code: 'moved-batch' });
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(deep.length);
  try {
    decodeBatch(Buffer.concat([head, Buffer.from(deep)]));
  } catch (error) {
    t.match(error, { code: 'moved-batch' }, 'deeper than the stack');
  }
});
