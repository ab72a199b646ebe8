/** Each line of what the server promises, asked for in HTTP/2 as well: the same answers. See docs/http-ledger.md. */
import t from 'tap';
import { HttpServer } from '../../../src/http/index.js';
import { openStore, type Store } from '../../../src/store/index.js';
import { SECTIONS } from '../lines/index.js';
import type { Line } from '../lines/line.js';
import { writeSite } from '../lines/site.js';
import { MemoryFlow } from '../memory-flow.js';
import { differenceOf, parseResponses, type Response } from '../responses.js';
import { inMemory } from '../three-ways.js';
import { VirtualClock } from '../virtual-clock.js';
import { Http2Client } from './client.js';
import { type Translated, translate } from './translate.js';

const dir = t.testdir({});
writeSite(dir);
const stores = new Map<string, Promise<Store>>();

function storeFor({ site }: Line): Promise<Store> {
  const key = JSON.stringify(site ?? {});
  const store = stores.get(key) ?? openStore(dir, { ...site, cache: false });
  stores.set(key, store);
  return store;
}

/** Answers that tell of the server itself: they differ from one server to the next. */
const OF_THE_SERVER = /^\/(internal\/)?(metrics|status)/;

function overHttp1(line: Line, store: Store, { text }: Translated): Response[] {
  return parseResponses(Buffer.from(inMemory({ store: () => store, options: line.http, steps: [text] }), 'latin1'), [
    text.slice(0, text.indexOf(' ')),
  ]);
}

function overHttp2(line: Line, store: Store, { fields, body }: Translated): Response[] {
  const clock = new VirtualClock();
  const own = typeof line.http === 'function' ? line.http(() => server) : line.http;
  const server: HttpServer = new HttpServer({ store: () => store, clock, ...own });
  const client = new Http2Client(MemoryFlow.connect(server.accept));
  const stream = client.request(fields, body);
  const interim = client.streams.get(stream)!.interim.map((lines): Response => {
    const [status, ...rest] = lines;
    return { status: Number(status![1]), reason: '', fields: new Map(rest), body: new Uint8Array(0), text: '' };
  });
  return [...interim, client.response(stream)];
}

let compared = 0;
for (const line of SECTIONS.flatMap(([, lines]) => lines)) {
  const asked = line.cases.flatMap(({ name, steps }) => {
    const texts = steps.filter((step) => typeof step === 'string' && step !== 'stay');
    return (translate(texts.join('')) ?? []).map((one) => ({ name, one }));
  });
  if (asked.length === 0) continue;
  t.test(`${line.text} [${line.id}]`, async (t) => {
    const store = await storeFor(line);
    for (const { name, one } of asked) {
      const [here, there] = [overHttp1(line, store, one), overHttp2(line, store, one)];
      const path = one.fields.find(([field]) => field === ':path')![1];
      if (OF_THE_SERVER.test(path)) {
        t.same(
          there.map(({ status }) => status),
          here.map(({ status }) => status),
          name,
        );
        continue;
      }
      t.equal(there.length, here.length, `${name}: as many answers`);
      for (let i = 0; i < here.length; i++) t.equal(differenceOf(here[i]!, there[i]!), undefined, name);
      compared++;
    }
  });
}

t.test('most of the lines can be asked for in HTTP/2', async (t) => {
  t.ok(compared > 150, `${compared} requests`);
});
