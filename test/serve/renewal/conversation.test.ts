/** What a server and the process that orders its certificates say, and what a broken or hostile end of it can do. */
import { Duplex, PassThrough } from 'node:stream';
import t from 'tap';
import { UserError } from '../../../src/errors/user-error.js';
import { Conversation, type Hearing } from '../../../src/serve/renewal/conversation.js';
import { caaIn, hasTexts, textsOf } from '../../../src/serve/renewal/messages.js';

interface Word {
  readonly do: string;
  readonly text?: string;
}

interface End {
  readonly conversation: Conversation<Word>;
  readonly heard: unknown[];
  /** Writes to it as it is. */
  readonly raw: (text: string) => void;
  closed: number;
  readonly faults: unknown[];
}

function pair(answer: (message: Readonly<Record<string, unknown>>) => unknown = () => undefined): [End, End] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [end(back, there, answer), end(there, back, answer)];
}

function end(readable: PassThrough, writable: PassThrough, answer: Hearing['heard']): End {
  const heard: unknown[] = [];
  const faults: unknown[] = [];
  const made: Omit<End, 'conversation'> = { heard, faults, closed: 0, raw: (text) => void readable.write(text) };
  const conversation = new Conversation<Word>(Duplex.from({ readable, writable }), {
    heard: (message) => {
      heard.push(message);
      return answer(message);
    },
    closed: () => made.closed++,
    faulted: (error) => faults.push(error),
  });
  return Object.assign(made, { conversation });
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(() => setImmediate(done))));

t.test('a question is answered, and a failure is its message', async (t) => {
  const [a, b] = pair(({ do: what }) => {
    if (what === 'no') throw new UserError('not today');
    return { text: 'yes' };
  });
  t.same(await a.conversation.ask({ do: 'yes', text: 'é\n' }), { text: 'yes' });
  t.same(b.heard, [{ do: 'yes', text: 'é\n' }]);
  await t.rejects(b.conversation.ask({ do: 'no' }), { code: 'failed', message: 'not today' });
  t.same(a.heard, [{ do: 'no' }]);
});

t.test('half a line, and what is no message, cost nothing but themselves', async (t) => {
  const [a] = pair();
  a.raw('{"do":"half\n[1]\n7\nnull\n"text"\n{"re":"nobody-asked","value":1}\n\n{"do":"whole"}\n');
  await turn();
  t.same(a.heard, [{ do: 'whole' }]);
  t.same([a.closed, a.faults.length], [0, 0]);
});

t.test('what was asked of a process that is gone fails, and it is said once that it is gone', async (t) => {
  const [a, b] = pair(() => new Promise(() => undefined));
  const asked = a.conversation.ask({ do: 'wait' });
  a.conversation.forget('it ended');
  await t.rejects(asked, { message: 'it ended' });
  const again = a.conversation.ask({ do: 'wait' });
  again.catch(() => undefined);
  b.conversation.close();
  a.conversation.close();
  a.conversation.close();
  await t.rejects(again, { message: 'the other process has ended' });
  t.equal(a.closed, 1);
  await t.rejects(a.conversation.ask({ do: 'late' }), { message: 'nobody answers' });
});

t.test('a line without an end closes it, and open questions are bounded', async (t) => {
  const [a, b] = pair(() => new Promise(() => undefined));
  const refused: unknown[] = [];
  for (let i = 0; i < 80; i++) b.conversation.ask({ do: 'wait' }).catch((error: unknown) => refused.push(error));
  await turn();
  t.equal(refused.length, 16);
  a.raw('x'.repeat(3_000_000));
  await turn();
  t.equal(a.closed, 1);
});

t.test('a mistake of ours in dealing with what is said is a fault, and the next message is heard', async (t) => {
  const [a] = pair(({ do: what }) => {
    if (what === 'bad') throw new TypeError('a mistake');
  });
  a.raw('{"do":"bad"}\n{"do":"good"}\n');
  await turn();
  t.equal(a.faults.length, 1);
  t.same(a.heard, [{ do: 'bad' }, { do: 'good' }]);
});

t.test('answers of a server are looked at', async (t) => {
  t.same(textsOf(['a', 1, null, 'b']), ['a', 'b']);
  t.same(textsOf('a'), []);
  t.same(caaIn([{ tag: 'issue', value: 'ca.test', critical: 1 }, { tag: 1 }, 'x']), [
    { critical: false, tag: 'issue', value: 'ca.test' },
  ]);
  t.same(caaIn({ length: 3 }), []);
  t.notOk(hasTexts(undefined, 'a'));
  t.notOk(hasTexts({ a: 1 }, 'a'));
  t.ok(hasTexts({ a: '', b: '' }, 'a', 'b'));
});
