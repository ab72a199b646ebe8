/** What swaps leave in memory: nothing, once nothing refers to a bundle any more. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { askControl } from '../../src/control/client.js';
import { Family } from '../supervise/family.js';
import { bundleOf, MAIN } from '../supervise/supervised.js';

t.setTimeout(180_000);

/** Large enough to be mapped rather than read. */
const LARGE = 12_000_000;
const SWAPS = 20;
/** Bytes that the process's own memory may grow by over all swaps: less than one bundle. */
const GROWTH = 10_000_000;
/** A collection when it is asked for, so that the test need not wait until one comes by itself. */
const COLLECT = `data:text/javascript,process.on('SIGUSR2',()=>globalThis.gc())`;

t.test('an old bundle goes with the last answer out of it, and 20 swaps leave one', async (t) => {
  const family = new Family(t);
  const folder = mkdtempSync(join(tmpdir(), 'sk-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const control = join(folder, 'control.sock');
  const site = (i: number) =>
    bundleOf(t, `swap${i}-`, { 'index.html': `number ${i}`, 'large.bin': Buffer.alloc(LARGE, `${i} `) });
  const argv = ['--expose-gc', '--import', COLLECT, MAIN, '--port', '0', '--control', control, await site(0)];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'], env: family.env });
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const [, url, port] = /^listening on (http:\S+:(\d+)\/)\n$/.exec(said)!;
  const pid = child.pid as number;
  const swap = async (i: number) => {
    t.match(await askControl(control, { do: 'swap', bundle: await site(i), id: `${i}` }), { ok: true, image: `${i}` });
    t.equal(await (await fetch(url!)).text(), `number ${i}`);
  };
  /**
   * Collects until the maps are these; answers what they are in the end. What is ready for a second goes with a request
   * in the next.
   */
  const mapsAre = async (expected: readonly number[]): Promise<readonly number[]> => {
    let maps: readonly number[] = [];
    for (let look = 0; look < 200; look++) {
      await (await fetch(url!)).text();
      child.kill('SIGUSR2');
      await new Promise((done) => setTimeout(done, 25));
      maps = mapsOf(pid);
      if (`${maps}` === `${expected}`) break;
    }
    return maps;
  };

  // Somebody reads slowly out of the first bundle.
  const slow = connect(Number(port), '127.0.0.1');
  slow.write('GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await once(slow, 'data');
  slow.pause();
  await swap(1);
  await swap(2);
  t.same(await mapsAre([0, 2]), [0, 2], 'one is held by the answer under way');
  slow.resume();
  await once(slow, 'close');
  t.same(await mapsAre([2]), [2], 'and goes with its end');

  const before = anonymous(pid);
  for (let i = 3; i < 3 + SWAPS; i++) await swap(i);
  const last = 2 + SWAPS;
  t.same(await mapsAre([last]), [last]);
  const grown = anonymous(pid) - before;
  t.ok(grown < GROWTH, `${grown} bytes more of its own memory after ${SWAPS} swaps`);
});

/** The numbers of the bundles that a process has mapped. */
function mapsOf(pid: number): readonly number[] {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
  const numbers = [...maps.matchAll(/swap(\d+)-\.bundle/g)].map((match) => Number(match[1]));
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Bytes of memory that no file has. */
function anonymous(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}
