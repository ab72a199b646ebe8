/** Starts programs in turns, where it runs itself, and prints how long they took: `start-timer.js ROUNDS JSON`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { median } from './report.js';

export interface Start {
  readonly title: string;
  /** Of `node`. */
  readonly args: readonly string[];
  /** Until the first byte of an answer, at the address that it says; else until its end. */
  readonly asks?: boolean;
}

/** A start that says nothing for so long has failed; ms. */
const PATIENCE = 20_000;

/** Milliseconds. */
async function time({ title, args, asks }: Start): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: PATIENCE });
  const end = once(child, 'close');
  if (asks !== true) {
    await end;
    return performance.now() - began;
  }
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    const url = /http:\/\/([\d.]+)(?::(\d+))?\/\n/.exec(said);
    if (url === null) continue;
    const client = connect(Number(url[2] ?? 80), url[1]!);
    client.write('GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n');
    const [answer] = (await once(client, 'data')) as [Buffer];
    const took = performance.now() - began;
    client.destroy();
    child.kill();
    await end;
    if (!answer.toString('latin1').startsWith('HTTP/1.1 200 '))
      throw new Error(`${title}: ${answer.toString('latin1', 0, 40)}`);
    return took;
  }
  throw new Error(`${title}: it ended without an address: ${said}`);
}

const rounds = Number(process.argv[2]);
const starts = JSON.parse(process.argv[3]!) as Start[];
const times: number[][] = starts.map(() => []);
for (let round = 0; round < rounds; round++) {
  for (const [index, start] of starts.entries()) times[index]!.push(await time(start));
}
for (const [index, { title }] of starts.entries()) {
  const taken = times[index]!;
  console.log(`${title.padEnd(30)} ${median(taken).toFixed(0)} (${Math.min(...taken).toFixed(0)}) ms`);
}
