import t from 'tap';
import { ReadyAnswers } from '../../src/http/answer/ready-answers.js';
import { CLOSE, PERSIST, Tails } from '../../src/http/answer/tails.js';
import { Memory } from '../../src/memory/memory.js';
import type { Extent } from '../../src/store/store.js';

function text(value: string): Extent {
  const memory = Memory.of(`before ${value}after`);
  return { memory, start: 7, end: 7 + value.length };
}

const string = (memory: Memory | undefined) => Buffer.from(memory?.bytes ?? []).toString('latin1');

t.test(
  'an answer is made ready when it is asked for twice in a second, byte for byte what its pieces are',
  async (t) => {
    const ready = new ReadyAnswers(new Tails('x'));
    const [head, body] = [text('HTTP/1.1 200 OK\r\n'), text('content')];
    t.equal(ready.get(head, body, { wallClock: 1000 }, PERSIST), undefined);
    const first = ready.get(head, body, { wallClock: 1999 }, PERSIST);
    const date = 'Thu, 01 Jan 1970 00:00:01 GMT';
    t.equal(string(first), `HTTP/1.1 200 OK\r\nServer: x\r\nDate: ${date}\r\n\r\ncontent`);
    t.equal(ready.get(head, body, { wallClock: 1500 }, PERSIST), first, 'once a second');
  },
);

t.test('with another second comes another memory, and the one that was handed out stays as it was', async (t) => {
  const ready = new ReadyAnswers(new Tails(undefined));
  const [head, body] = [text('HTTP/1.1 200 OK\r\n'), text('content')];
  ready.get(head, body, { wallClock: 1000 }, PERSIST);
  const first = ready.get(head, body, { wallClock: 1000 }, PERSIST);
  const before = string(first);
  t.equal(ready.get(head, body, { wallClock: 2000 }, PERSIST), undefined);
  t.not(ready.get(head, body, { wallClock: 2000 }, PERSIST), first);
  t.equal(string(first), before);
});

t.test(
  'a connection that closes is told so, and other answers than the one in the slot are not mixed up',
  async (t) => {
    const ready = new ReadyAnswers(new Tails(undefined));
    const [one, other, body] = [text('HTTP/1.1 200 OK\r\n'), text('HTTP/1.1 404 Not Found\r\n'), text('content')];
    for (const head of [one, other]) {
      for (const ending of [PERSIST, CLOSE] as const) {
        t.equal(ready.get(head, body, { wallClock: 1000 }, ending), undefined);
        const memory = ready.get(head, body, { wallClock: 1000 }, ending);
        t.match(string(memory), head === one ? /^HTTP\/1\.1 200/ : /^HTTP\/1\.1 404/);
        t.equal(/Connection: close/.test(string(memory)), ending === CLOSE);
      }
    }
  },
);

t.test('a large answer goes out in its pieces', async (t) => {
  const ready = new ReadyAnswers(new Tails(undefined));
  const [head, body] = [text('HTTP/1.1 200 OK\r\n'), text('x'.repeat(10_000))];
  t.equal(ready.get(head, body, { wallClock: 1000 }, PERSIST), undefined);
  t.equal(ready.get(head, body, { wallClock: 1000 }, PERSIST), undefined);
});
