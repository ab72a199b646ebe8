/** `sitekernel supervise`: what a site is served on stays, and programs come and go. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ControlSocket, openControl } from '../../control/server.js';
import { hasCode } from '../../errors/codes.js';
import { badUsage } from '../../errors/user-error.js';
import { imageId } from '../../image/manifest.js';
import { signals } from '../../native/process-signals.js';
import { Containment } from '../../net/containment.js';
import { thisKernel } from '../../seal/kernel.js';
import { sealParent } from '../../seal/parent.js';
import { programsUser } from '../../seal/programs-user.js';
import { faultSentence } from '../../serve/log.js';
import { LogSink } from '../../serve/log-sink.js';
import { tellNode } from '../../serve/node-line.js';
import type { ServeOptions } from '../../serve/options/serve.js';
import { imageArguments } from '../../supervise/image-arguments.js';
import { takeFromOrphan } from '../../supervise/orphan.js';
import type { What } from '../../supervise/program.js';
import { activatedSockets } from '../../supervise/socket-activation.js';
import { Supervisor } from '../../supervise/supervisor.js';
import { parseArguments } from '../arguments/arguments.js';
import type { SuperviseOptions } from '../arguments/supervise.js';

export async function runSupervise(options: SuperviseOptions): Promise<void> {
  const { write, close } = logTo(options.logFile);
  const log = (sentence: string): void => write(`sitekernel: ${sentence}\n`);
  const signal = signals.server(log);
  const folder = mkdtempSync(join(tmpdir(), 'sitekernel-'));
  const { handoverDrain } = options;
  const control = resolve(options.control);
  const faults = new Containment((...fault) => log(faultSentence(...fault)));
  const faulted = (error: unknown): void => faults.note(error, 'program', performance.now());
  const supervisor = new Supervisor({ control, folder, handoverDrain, optionsOf, log, write, faulted });
  signals.onReload(() => supervisor.reload());
  const what = firstOf(options);
  if (optionsOf(what).seal.level !== 'off') await sealParent(thisKernel());
  try {
    const server = await begin(control, supervisor, what, signal);
    tellNode({ warn: log });
    await Promise.race([signal, supervisor.over]);
    await supervisor.end(undefined);
    server.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await close();
  }
}

function logTo(file: string | undefined) {
  const sink = new LogSink(file === undefined ? 2 : { file: resolve(file), standardError: true });
  return { write: sink.write, close: () => sink.close() };
}

/** Milliseconds between two looks for a program that holds what we want, and how often. */
const LOOK = 500;
const LOOKS = 10;

/** Starts the first program. Returns the control socket. */
async function begin(
  control: string,
  supervisor: Supervisor,
  what: What,
  signal: Promise<string>,
): Promise<ControlSocket> {
  const activated = activatedSockets(optionsOf(what).tls === undefined ? 1 : 2);
  for (let look = 1; ; look++) {
    // One that outlived its supervisor hands over what it serves on.
    const options = optionsOf(what);
    const orphan = await takeFromOrphan(control, options);
    // Nothing shows that a card is in use: the file of a control socket may be left from an orphan that is about to
    // open its own.
    if (orphan === undefined && options.direct.interface !== undefined && look < LOOKS && existsSync(control)) {
      await new Promise((done) => setTimeout(done, LOOK));
      continue;
    }
    const server = await openControl(control, supervisor.answer, programsUser(options.seal)?.uid);
    try {
      await Promise.race([supervisor.start(what, orphan?.held ?? activated, orphan?.foreign), signal]);
      return server;
    } catch (error) {
      server.close();
      // It may be an orphan's that has not opened its control socket yet.
      if (look === LOOKS || !hasCode(error, 'in-use')) throw error;
      await new Promise((done) => setTimeout(done, LOOK));
    }
  }
}

function firstOf(options: SuperviseOptions): What {
  if (options.image === undefined) return { image: '', folder: undefined, args: options.args, instead: undefined };
  const folder = resolve(options.image);
  const image = imageId(readFileSync(join(folder, 'manifest.json')));
  return { image, folder, args: options.args, instead: undefined };
}

/** Arguments of an image and of this host together, checked. Throws a `UserError`. */
function optionsOf(what: What): ServeOptions {
  const own = what.folder === undefined ? what.args : imageArguments(what.folder, what.args);
  const site = what.instead ?? (what.folder === undefined ? undefined : join(what.folder, 'site.bundle'));
  const args = [...own, ...(site === undefined ? [] : ['--instead', site])];
  const task = parseArguments(args);
  if (task?.kind !== 'serve') throw badUsage(`what is supervised is a server; "${args.join(' ')}" is none`);
  checkSupervised(task);
  return task;
}

/** What a server may not be asked when another takes over from it. Throws a `UserError`. */
export function checkSupervised({ direct, workers }: ServeOptions): void {
  if (direct.record !== undefined)
    throw badUsage('--record is not for a supervised program: what it takes over from another cannot be played again');
  if (workers > 1) throw badUsage('--workers is not for a supervised program, which is one process; leave it out');
}
