/** Runs images as processes of this host: a separate supervisor outlives the process that started it. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { askControl, socketAnswers } from '../control/client.js';
import type { ControlAnswer, ControlRequest, Running } from '../control/protocol.js';
import { expectCode, ifNoBug } from '../errors/codes.js';
import { UserError } from '../errors/user-error.js';
import type { MakeRunner, Runner, StagedImage } from '../image/runner.js';
import { makeFolder } from '../native/make-folder.js';

/** Milliseconds between two looks at a supervisor that was started, and until it must serve. */
const LOOK = 50;
const START = 150_000;
const STATUS = 10_000;
/** What a replacement may take: the gate, the take-over, and a place among those that drain. */
const REPLACE = 4_000_000;
const SWAP = 300_000;
const STOP = 120_000;

export const processRunner: MakeRunner = ({ hostFolder, args, log }): Runner => {
  const folder = join(hostFolder, 'run');
  const control = join(folder, 'control.sock');
  const output = join(folder, 'server.log');

  const ask = async (request: ControlRequest, patience: number): Promise<Running> => {
    const answer = await askControl(control, request, patience);
    if (!answer.ok) throw new UserError(answer.error);
    return runningOf(answer);
  };

  const status = async (): Promise<Running | undefined> => {
    if (!(await socketAnswers(control))) return undefined;
    const answer = await askControl(control, { do: 'status' }, STATUS);
    if (!answer.ok) throw new UserError(answer.error);
    return answer.url === undefined ? undefined : runningOf(answer);
  };

  const start = async (image: StagedImage): Promise<Running> => {
    makeFolder(folder, 0o700);
    const from = sizeOf(output);
    const log = openSync(output, 'a', 0o600);
    const main = process.argv[1] as string;
    // It has nothing of ours: no terminal, no folder that could be in the way, no descriptor.
    const child = spawn(
      process.execPath,
      [main, 'supervise', '--control', control, '--log-file', output, '--image', image.folder, '--', ...args],
      { cwd: hostFolder, detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    let over = false;
    child.on('exit', () => {
      over = true;
    });
    child.on('error', () => {
      over = true;
    });
    child.unref();
    for (const until = Date.now() + START; Date.now() < until; ) {
      // A supervisor that was started earlier may come up at this moment, when the process that started it was killed.
      // Then ours ends, and the earlier one counts.
      if (over && !(await socketAnswers(control))) throw new UserError(lastLine(output, from));
      const running = await status().catch(ifNoBug(undefined));
      if (running !== undefined && running.image === image.id) return running;
      if (over && running !== undefined) throw new UserError(lastLine(output, from));
      await new Promise((done) => setTimeout(done, LOOK));
    }
    child.kill('SIGTERM');
    throw new UserError('the image did not serve in time');
  };

  return {
    status,
    start,
    swap: async (image) => {
      const bundle = join(image.folder, 'site.bundle');
      const { site, zones = [] } = image.manifest;
      const files = zones.map(({ path }) => join(image.folder, path));
      const about = { id: image.id, bundleId: site.bundle.id, ...(files.length > 0 && { zones: files }) };
      const running = await ask({ do: 'swap', bundle, ...about }, SWAP);
      log(`swapped to the bundle of image ${image.id.slice(0, 12)}`);
      return running;
    },
    replace: (image) => ask({ do: 'replace', folder: image.folder, id: image.id, args }, REPLACE),
    reload: async () => {
      if (await socketAnswers(control)) await ask({ do: 'reload' }, SWAP).catch(ifNoBug(undefined));
    },
    stop: async () => {
      if (!(await socketAnswers(control))) return;
      await askControl(control, { do: 'drain' }, STATUS);
      for (const until = Date.now() + STOP; Date.now() < until; ) {
        if (!(await socketAnswers(control))) return;
        await new Promise((done) => setTimeout(done, LOOK));
      }
      throw new UserError('what runs does not end');
    },
  };
};

function runningOf(answer: ControlAnswer & { ok: true }): Running {
  const { image = '', bundle = '', url = '', pid = 0, since = 0 } = answer;
  return { image, bundle, url, pid, since };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    expectCode(error, 'ENOENT');
    return 0;
  }
}

/** What was written behind `from` last: a message about why it ended. */
function lastLine(file: string, from: number): string {
  const all = readFileSync(file);
  // It may have been begun anew meanwhile.
  const text = all
    .subarray(all.length < from ? 0 : from)
    .toString('utf8')
    .trim();
  const line = text.split('\n').at(-1) ?? '';
  return line === '' ? 'the image ended at once' : line.replace(/^sitekernel: /, '');
}
