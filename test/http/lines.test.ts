/**
 * Each line of what the server promises, over three networks, which must give the same bytes. See
 * docs/generated/http-ledger.md.
 */
import t from 'tap';
import type { SocketKind } from '../../src/net/sockets/open.js';
import { openStore, type Store } from '../../src/store/index.js';
import { SECTIONS } from './lines/index.js';
import type { Case, Line } from './lines/line.js';
import { writeSite } from './lines/site.js';
import { parseResponses } from './responses.js';
import { closeNetworks, inMemory, overOurStack, overSockets } from './three-ways.js';

const KINDS: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];
t.setTimeout(180_000);
t.teardown(closeNetworks);
const dir = t.testdir({});
writeSite(dir);
const stores = new Map<string, Promise<Store>>();

function storeFor({ site }: Line): Promise<Store> {
  const key = JSON.stringify(site ?? {});
  const store = stores.get(key) ?? openStore(dir, { ...site, cache: false });
  stores.set(key, store);
  return store;
}

/** The methods of the requests in the bytes, as far as they are requests. */
function methodsOf({ steps }: Case): string[] {
  const text = steps.filter((step) => typeof step === 'string').join('');
  return [...text.matchAll(/([A-Za-z]+) \S+ HTTP\/[\w.]+\r\n/g)].map((match) => match[1]!);
}

for (const line of SECTIONS.flatMap(([, lines]) => lines)) {
  if (line.cases.length === 0) continue;
  t.test(`${line.text} [${line.id}]`, async (t) => {
    const store = await storeFor(line);
    for (const one of line.cases) {
      const exchange = { store: () => store, options: line.http, steps: one.steps };
      const raw = inMemory(exchange);
      t.equal(await overOurStack(exchange), raw, `${one.name}: over our stack the same bytes`);
      for (const kind of KINDS)
        t.equal(await overSockets(exchange, kind), raw, `${one.name}: over sockets (${kind}) the same bytes`);
      if (one.statuses === 'frames') {
        one.check?.(t, [], raw);
        continue;
      }
      const answers = parseResponses(Buffer.from(raw, 'latin1'), methodsOf(one));
      t.equal(answers.map((answer) => answer.status).join(' '), one.statuses, one.name);
      one.check?.(t, answers, raw);
    }
  });
}
