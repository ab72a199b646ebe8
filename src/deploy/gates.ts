/** The two gates: what an image must show before it gets traffic, and what a client must see after. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { get } from 'node:http';
import { join } from 'node:path';
import type { StagedImage } from '../image/runner.js';
import { PARENT } from '../native/parent.js';
import { type Expected, expectations } from '../self-test/self-test.js';
import { openStore } from '../store/index.js';

/** Seconds that the self-test may take: it hashes the whole bundle. */
const SELF_TEST_SECONDS = 120;
/** Milliseconds that one answer may take, between its pieces. */
const ANSWER_MS = 5000;
/** Pages that are drawn at random for a probe. */
const PAGES = 5;

/**
 * Has the image fetch pages from itself over a wire in memory, before it is given any traffic. Answers why it must not
 * be started; undefined: all is well. `folder`: where relative paths in `args` begin; that of this process by default.
 */
export function selfTest(
  image: StagedImage,
  args: readonly string[],
  abort?: AbortSignal,
  folder?: string,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const env = { ...process.env, SITEKERNEL_NODE: process.execPath, [PARENT]: String(process.pid) };
    const child = spawn(join(image.folder, 'run'), [...args, '--self-test'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
    });
    let said = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, SELF_TEST_SECONDS * 1000);
    const stop = (): void => void child.kill('SIGKILL');
    abort?.addEventListener('abort', stop);
    child.stderr.on('data', (piece: Buffer) => {
      said = (said + piece.toString()).slice(-4096);
    });
    const done = (status: number | null, signal: string | null): void => {
      clearTimeout(timer);
      abort?.removeEventListener('abort', stop);
      if (status === 0) return resolve(undefined);
      if (late) return resolve(`its self-test did not end within ${SELF_TEST_SECONDS} s`);
      const last = said
        .trim()
        .split('\n')
        .pop()
        ?.replace(/^sitekernel: /, '');
      resolve(last ? `its self-test: ${last}` : `its self-test ended with ${signal ?? `status ${status}`}`);
    };
    child.on('error', (error) => {
      said = error.message;
      done(1, null);
    });
    child.on('close', done);
  });
}

/**
 * Asks at `url` as a client does, from outside: the home page, one that is not there, some at random, on connections of
 * their own; each must have the content that the image's bundle has. Returns what is wrong; undefined: all is well.
 */
export async function probe(url: string, image: StagedImage, abort?: AbortSignal): Promise<string | undefined> {
  const store = await openStore(join(image.folder, 'site.bundle'));
  try {
    const random = { random32: () => randomBytes(4).readUInt32LE() };
    const wanted = expectations({ store, random, wallClock: Date.now(), pages: PAGES, bytes: 2 ** 23 });
    for (const one of wanted) {
      if (abort?.aborted) return 'the probe was cancelled';
      const wrong = await ask(new URL(`.${one.path}`, url), one);
      if (wrong !== undefined) return `GET ${one.path} at ${url}: ${wrong}`;
    }
    return undefined;
  } finally {
    store.close();
  }
}

function ask(url: URL, { status, sha256 }: Expected): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get(
      url,
      { agent: false, timeout: ANSWER_MS, headers: { 'accept-encoding': 'identity' } },
      (answer) => {
        const hash = createHash('sha256');
        answer.on('data', (piece: Buffer) => hash.update(piece));
        answer.on('end', () => {
          if (answer.statusCode !== status) resolve(`status ${answer.statusCode}, ${status} was expected`);
          else if (sha256 !== undefined && hash.digest('hex') !== sha256) resolve("content that is not the image's");
          else resolve(undefined);
        });
        answer.on('error', (error) => resolve(error.message));
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    request.on('error', (error) => resolve(error.message));
  });
}
