import t from 'tap';
import { DEFAULT_LIMITS } from '../../src/http/contracts/limits.js';
import { FIELD } from '../../src/http/parse/fields.js';
import { FieldsCache } from '../../src/http/repeat/fields-cache.js';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const block = (path: string): string => `Host: a.example\r\nReferer: http://a.example/${path}\r\n\r\n`;
const LINE = 'GET / HTTP/1.1\r\n';

/** Lets `text` come as the block of a request; the slot that the connection remembers. */
function come(cache: FieldsCache, text: string): number {
  const bytes = encode(LINE + text);
  return cache.note(bytes, LINE.length, bytes.length);
}

function lookUp(cache: FieldsCache, slot: number, text: string): string | undefined {
  const bytes = encode(LINE + text);
  const seen = cache.match(slot, bytes, LINE.length, bytes.length);
  if (seen === undefined) return undefined;
  const fields = seen.value;
  return new TextDecoder().decode(fields.bytes.subarray(fields.start(FIELD.referer), fields.end(FIELD.referer)));
}

t.test(
  'field lines are remembered from the second time on, for a connection that sent others before, too',
  async (t) => {
    const cache = new FieldsCache(DEFAULT_LIMITS);
    come(cache, block('one'));
    t.equal(lookUp(cache, 0, block('one')), undefined, 'once is not enough');
    const slot = come(cache, block('one'));
    come(cache, block('two'));
    come(cache, block('two'));
    t.equal(lookUp(cache, slot, block('one')), 'http://a.example/one');
    t.equal(lookUp(cache, slot, block('two')), 'http://a.example/two');
    t.equal(lookUp(cache, 511, block('one')), 'http://a.example/one');
    t.equal(lookUp(cache, slot, block('six')), undefined, 'one letter more or less is another block');
  },
);

t.test('of requests in a row only the first block is taken, and only by the connection that had it last', async (t) => {
  const cache = new FieldsCache(DEFAULT_LIMITS);
  come(cache, block('one'));
  const slot = come(cache, block('one'));
  t.equal(lookUp(cache, slot, block('one') + LINE + block('two')), 'http://a.example/one');
  t.equal(lookUp(cache, slot + 1, block('one') + LINE + block('two')), undefined);
  t.equal(lookUp(cache, slot, block('one').slice(0, -1)), undefined, 'not yet whole');
});

t.test('blocks that fall into one set do not drive each other out, as long as there are four', async (t) => {
  const cache = new FieldsCache(DEFAULT_LIMITS);
  const bySet = new Map<number, string[]>();
  let set: string[] = [];
  for (let i = 0; set.length < 5; i++) {
    const text = block(`page-${i}`);
    const slot = come(new FieldsCache(DEFAULT_LIMITS), text) >> 2;
    set = bySet.get(slot) ?? [];
    set.push(text);
    bySet.set(slot, set);
  }
  for (const text of set.slice(0, 4)) {
    come(cache, text);
    come(cache, text);
  }
  for (const text of set.slice(0, 4)) t.ok(lookUp(cache, 0, text) !== undefined);
  come(cache, set[4]!);
  come(cache, set[4]!);
  t.ok(lookUp(cache, 0, set[4]!) !== undefined);
  t.equal(set.filter((text) => lookUp(cache, 0, text) !== undefined).length, 4, 'the fifth takes the place of one');
});
