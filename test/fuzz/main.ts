/**
 * `npm run fuzz:net -- [--frames N] [--seed N] [--replay FILE]`: throws structured lies at the whole stack. A run that
 * fails is written as a tape, cut short, which `--replay` plays again. Runs whose tape reached code that none before it
 * reached are kept in memory and changed (V8's block coverage decides), unless `--no-coverage`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Corpus } from './corpus.js';
import { Coverage } from './coverage.js';
import { type Episode, runEpisode } from './episode.js';
import { shortest } from './shorten.js';

const FRAMES = 400;

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    show: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: true },
  },
  allowNegative: true,
});

function report(episode: Episode): void {
  console.log(`seed ${episode.seed} fails after ${episode.frames} frames: ${episode.problem}`);
  const small = shortest(episode);
  mkdirSync('build', { recursive: true });
  const file = join('build', `fuzz-${episode.seed}.tape`);
  writeFileSync(file, small.tape);
  console.log(`shortest: ${small.frames} frames, ${small.tape.length} bytes of tape: ${small.problem}`);
  console.log(`replay: npm run fuzz:net -- --replay ${file}`);
}

async function main(): Promise<boolean> {
  if (values.replay !== undefined) {
    const tape = new Uint8Array(readFileSync(values.replay));
    const frames = new DataView(tape.buffer, tape.byteOffset).getUint32(0);
    const episode = runEpisode(0, frames, tape.subarray(4), (frame, now) => {
      if (values.show) console.log(`${now.toFixed(3)} ${Buffer.from(frame).toString('hex')}`);
    });
    console.log(episode.problem ?? `${episode.frames} frames: everything held`);
    return episode.problem === undefined;
  }
  const coverage = values.coverage ? await Coverage.start() : undefined;
  const corpus = new Corpus(Number(values.seed));
  const wanted = Number(values.frames);
  const began = process.hrtime.bigint();
  let frames = 0;
  let runs = 0;
  let told = 0;
  for (let seed = Number(values.seed); frames < wanted; seed++) {
    const episode = runEpisode(seed, FRAMES, corpus.next());
    frames += episode.frames;
    runs++;
    if (episode.problem !== undefined) {
      report(episode);
      return false;
    }
    const found = (await coverage?.fresh()) ?? 0;
    if (found > 0) corpus.keep(episode.tape);
    if (frames - told >= 100_000) {
      told = frames;
      const heap = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
      const reached = coverage === undefined ? '' : `, ${coverage.blocks} blocks reached, ${corpus.size} tapes kept`;
      console.log(`${frames} frames, ${runs} runs${reached}, heap ${heap} MiB`);
    }
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(`${frames} frames in ${runs} runs held, ${seconds.toFixed(0)} s`);
  return true;
}

process.exitCode = (await main()) ? 0 : 1;
