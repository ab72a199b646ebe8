/**
 * The same frames to the same server in memory, over the kernel's sockets and over our stack: the same frames come
 * back.
 */
import t from 'tap';
import { FRAME, SETTING } from '../../../src/http/h2/frames.js';
import type { SocketKind } from '../../../src/net/sockets/open.js';
import { HandMadeStore } from '../hand-made-store.js';
import { closeNetworks, type Exchange, inMemory, overOurStack, overSockets } from '../three-ways.js';
import { frame, get, headers, PREFACE, settings, word } from './client.js';

const KINDS: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];
t.teardown(closeNetworks);

const LARGE = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i * 29) & 0xff);
const store = new HandMadeStore({
  '/large.bin': { type: 'application/octet-stream', content: LARGE },
  '/small.txt': { type: 'text/plain', content: 'small'.repeat(300) },
  '/page': { type: 'text/html', content: 'page'.repeat(1000), compress: true },
});

function text(...pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString('latin1');
}

const HELLO = text(
  PREFACE,
  settings([[SETTING.initialWindowSize, 0x7fffffff]]),
  frame(FRAME.windowUpdate, 0, 0, word(0x7fffffff - 65535)),
);

const CASES: Readonly<Record<string, Exchange['steps']>> = {
  'short answers': [
    HELLO,
    text(...Array.from({ length: 90 }, (_, i) => headers(i * 2 + 1, get(i % 2 > 0 ? '/small.txt' : '/page')))),
  ],
  'a long answer, and short ones behind it': [
    HELLO + text(headers(1, get('/large.bin')), headers(3, get('/small.txt')), headers(5, get('/large.bin'))),
  ],
  'windows by the piece': [
    text(PREFACE, settings([[SETTING.initialWindowSize, 3]]), headers(1, get('/small.txt'))),
    ...Array.from({ length: 20 }, () => text(frame(FRAME.windowUpdate, 0, 1, word(80)))),
  ],
  content: [
    HELLO,
    text(headers(1, get('/small.txt', ['content-length', '30000']), false)),
    text(frame(FRAME.data, 0, 1, new Uint8Array(15000))),
    text(frame(FRAME.data, 1, 1, new Uint8Array(15000))),
  ],
  'an error': [HELLO, text(headers(1, get('/small.txt')), frame(FRAME.ping, 0, 0, [1]))],
};

for (const [name, steps] of Object.entries(CASES)) {
  t.test(name, async (t) => {
    const exchange: Exchange = { store: () => store, steps };
    const raw = inMemory(exchange);
    t.ok(raw.length > 30);
    t.equal(digest(await overOurStack(exchange)), digest(raw), 'over our stack');
    for (const kind of KINDS) t.equal(digest(await overSockets(exchange, kind)), digest(raw), `over sockets (${kind})`);
  });
}

/** What two runs of bytes are compared by: shown in a failure, megabytes say nothing. */
function digest(raw: string): string {
  const frames: string[] = [];
  const bytes = Buffer.from(raw, 'latin1');
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3));
    // The date is in field blocks as Huffman code, and another one in each run.
    const sum = payload.reduce((sum, octet) => (sum * 31 + octet) | 0, 7);
    const shown = bytes[at + 3] === FRAME.headers ? '' : `${payload.length} ${sum}`;
    frames.push(`${bytes.subarray(at + 3, at + 9).toString('hex')} ${shown}`);
  }
  return frames.join('\n');
}
