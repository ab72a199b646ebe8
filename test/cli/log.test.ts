import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseLogOption } from '../../src/cli/arguments/log-options.js';
import type { AccessRecord } from '../../src/http/index.js';
import { Log } from '../../src/serve/log.js';
import { LogSink } from '../../src/serve/log-sink.js';
import { documented } from '../documented.js';

const record = {
  flow: {
    remote: { address: '192.0.2.9', port: 4711 },
    info: () => ({ srtt: 1.5, cwnd: 14600, state: 'ESTABLISHED' }),
  },
  client: '192.0.2.9',
  time: Date.UTC(2026, 10, 23, 21, 4, 5),
  status: 200,
  contentBytes: 5120,
  elapsed: 0.25,
  method: 'GET',
  target: '/a"\n\x1b[2J',
  protocol: 'HTTP/1.1',
  host: 'example.org',
  referer: undefined,
  userAgent: 'curl/8',
} as unknown as AccessRecord;

function logTo(option: string): { log: Log; text: () => string } {
  let out = '';
  const log = new Log(parseLogOption(option), (text) => {
    out += text;
  });
  return {
    log,
    text: () => {
      log.flush();
      return out;
    },
  };
}

/** Lines at once, lines a second, characters of a line. */
function documentedLines(): readonly [number, number, number] {
  const [perSecond, most, longest] = documented('docs/bounds.md', 'lines of `--log net`, and of `--log drops`');
  return [most!, perSecond!, longest!];
}

t.test('an answer is a line of the Combined Log Format; what a peer sent cannot break out of it', (t) => {
  const { log, text } = logTo('access');
  log.access(record);
  t.equal(
    text(),
    '192.0.2.9 - - [23/Nov/2026:21:04:05 +0000] "GET /a\\x22\\x0a\\x1b[2J HTTP/1.1" 200 5120 "-" "curl/8" 0.250\n',
  );
  t.end();
});

t.test('a request that did not parse has a dash', (t) => {
  const { log, text } = logTo('access');
  log.access({ ...record, method: '', target: '', protocol: '', status: 400 } as unknown as AccessRecord);
  t.match(text(), '] "-" 400 ');
  t.end();
});

t.test('as JSON each line parses by itself', (t) => {
  const { log, text } = logTo('json');
  log.access(record);
  log.event('net', 'bound');
  log.warn('careful');
  const lines = text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(lines[0], {
    channel: 'access',
    remote: '192.0.2.9',
    target: '/a"\n\x1b[2J',
    status: 200,
    ms: 0.25,
    srtt: 1.5,
  });
  t.match(lines[1], { channel: 'net', message: 'bound' });
  t.match(lines[2], { channel: 'warning', message: 'careful' });
  t.end();
});

t.test('channels that were not asked for stay silent, warnings do not', (t) => {
  const { log, text } = logTo('');
  log.event('net', 'bound');
  log.warn('careful');
  t.equal(text(), 'sitekernel: careful\n');
  t.end();
});

t.test('lines are gathered: many of them are few writes', (t) => {
  let writes = 0;
  const log = new Log(parseLogOption('net'), () => {
    writes += 1;
  });
  for (let i = 0; i < 1000; i++) log.event('net', 'x'.repeat(60));
  log.flush();
  t.ok(writes <= 4, `${writes} writes`);
  t.end();
});

t.test('the option `common` writes Common Log Format, and escapes controls', (t) => {
  const { log, text } = logTo('common');
  log.access(record);
  t.equal(text(), '192.0.2.9 - - [23/Nov/2026:21:04:05 +0000] "GET /a\\x22\\x0a\\x1b[2J HTTP/1.1" 200 5120\n');
  t.end();
});

t.test('A log that nobody reads never blocks: lines are dropped, counted, and that is said', async (t) => {
  const dir = t.testdir({});
  const pipe = join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Read and write, so that it can be opened without a reader; a pipe takes 64 KiB.
  const fd = openSync(pipe, constants.O_RDWR);
  const sink = new LogSink(fd, 100_000);
  const line = `${'x'.repeat(99)}\n`;
  for (let i = 0; i < 5000; i++) sink.write(line.repeat(5));
  t.ok(sink.dropped > 15_000, `${sink.dropped} of 25,000 lines are dropped, and the call returned`);
  const before = sink.dropped;
  const reader = spawn('head', ['-c', String((25_000 - before) * 100 + 60)], { stdio: [fd, 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of reader.stdout!) text += chunk;
  t.match(text, new RegExp(`${before} lines of the log were dropped`));
  await sink.close();
  closeSync(fd);
});

t.test(
  'by default 4 MiB of lines wait for a reader, and a file is begun anew at 8 MiB, as docs/bounds.md says',
  async (t) => {
    const text = readFileSync('docs/bounds.md', 'utf8').replaceAll('\n', ' ');
    const mebi = (sentence: RegExp): number => Number(sentence.exec(text)?.[1]) * 2 ** 20;
    const [waiting, largest] = [mebi(/standard error take (\d+) MiB at most/), mebi(/is begun anew at (\d+) MiB/)];
    const dir = t.testdir({});
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const fd = openSync(pipe, constants.O_RDWR);
    const sink = new LogSink(fd);
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < waiting / 1024 - 100; i++) sink.write(line);
    t.equal(sink.dropped, 0);
    for (let i = 0; i < 200; i++) sink.write(line);
    t.ok(sink.dropped > 0 && sink.dropped < 200, `${sink.dropped} lines are dropped`);
    const kept = waiting / 1024 - 100 + 200 - sink.dropped;
    const reader = spawn('head', ['-c', String(kept * 1024 + 60)], { stdio: [fd, 'ignore', 'inherit'] });
    await new Promise((resolve) => reader.on('close', resolve));
    await sink.close();
    closeSync(fd);
    for (const [name, bytes, files] of [
      ['less', largest - 2 ** 20, 1],
      ['more', largest + 2 ** 20, 2],
    ] as const) {
      const folder = join(dir, name);
      mkdirSync(folder);
      const file = new LogSink({ file: join(folder, 'log') });
      const piece = line.repeat(512);
      for (let at = 0; at < bytes; at += piece.length) {
        file.write(piece);
        await file.close();
      }
      t.equal(readdirSync(folder).length, files, name);
      t.equal(file.dropped, 0);
    }
  },
);

t.test(
  'what strangers cause in a channel has a bound in lines and in size, and what is left out is counted',
  async (t) => {
    const [most, perSecond, longest] = documentedLines();
    let now = 5000;
    let out = '';
    const log = new Log(
      parseLogOption('net,drops'),
      (text) => {
        out += text;
      },
      () => now,
    );
    const lines = (): string[] => {
      log.flush();
      const all = out.split('\n').slice(0, -1);
      out = '';
      return all;
    };
    for (let i = 0; i < 50_000; i++) log.event('net', `one ${i}`);
    t.equal(lines().length, most, 'as many at once as a start needs');
    log.event('drops', 'another channel has a bound of its own');
    t.equal(lines().length, 1);
    for (let second = 0; second < 5; second++) {
      now += 1000;
      for (let i = 0; i < 5000; i++) log.event('net', 'x'.repeat(1e5));
      const written = lines();
      t.equal(written.length, perSecond + 1);
      t.match(written[0], second === 0 ? `${50_000 - most} more lines` : `${5000 - perSecond} more lines`);
      for (const line of written) t.ok(line.length < longest + 50, `${line.length} characters`);
    }
    now += 3_600_000;
    for (let i = 0; i < 50_000; i++) log.event('net', 'after an hour');
    t.equal(lines().length, most + 1, 'no more is saved up than at the start');
    await log.close();
    t.match(lines().join(), `${50_000 - most} more lines`, 'the end tells of those that are left');
  },
);
