/**
 * Runs one test file: `node FILE`, as tap's own runner starts it but without tap's hooks into every module and process,
 * which cost more processor time than most files.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Ending, type FileReport, tally } from './tally.js';

/** Milliseconds. */
export interface Limits {
  /** What a file may take, unless it says otherwise (`t.setTimeout`). */
  readonly timeout: number;
  /** Between the steps by which a file is ended that takes longer: asked, SIGALRM, SIGKILL. */
  readonly grace: number;
}

let started = 0;

/** Runs the compiled file `file`; returns what it reported. `errors`: what it writes to standard error is passed on. */
export function runFile(file: string, limits: Limits, errors: 'inherit' | 'ignore' = 'inherit'): Promise<FileReport> {
  const child = String(++started);
  const key = randomUUID();
  const node = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', errors, 'ipc'],
    // By these a file knows that it has a parent to talk to (@tapjs/core, tap.js).
    env: {
      ...process.env,
      TAP: '1',
      TAP_CHILD_ID: child,
      TAP_CHILD_KEY: key,
      TAP_TIMEOUT: String(limits.timeout / 1000),
    },
  });
  return tally(file, node.stdout as Readable, ending(node, { key, child }, limits));
}

function ending(node: ChildProcess, address: { key: string; child: string }, limits: Limits): Promise<Ending> {
  const began = performance.now();
  let stopped: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const wait = (milliseconds: number, then: () => void): void => {
    clearTimeout(timer);
    timer = milliseconds > 0 ? setTimeout(then, milliseconds) : undefined;
  };
  const stop = (): void => {
    if (node.exitCode !== null || node.signalCode !== null) {
      stopped = 'a process that it left holds its output';
      node.stdout?.destroy();
      return;
    }
    stopped = 'timeout!';
    // Its answer names what it waits for.
    node.send({ tapAbort: 'timeout', ...address }, () => undefined);
    wait(limits.grace, () => {
      node.kill('SIGALRM');
      wait(limits.grace, () => {
        node.kill('SIGKILL');
        wait(limits.grace, stop);
      });
    });
  };
  wait(limits.timeout, stop);
  node.on('message', (message: { setTimeout?: unknown; key?: unknown; child?: unknown } | null) => {
    if (stopped !== undefined || message?.key !== address.key || message.child !== address.child) return;
    if (typeof message.setTimeout === 'number') wait(message.setTimeout, stop);
  });
  return new Promise((resolve) => {
    const end = (exitCode: number | null, signal: string | null): void => {
      clearTimeout(timer);
      resolve({ exitCode, signal, stopped, milliseconds: performance.now() - began });
    };
    node.on('close', end);
    node.on('error', (error) => {
      if (node.pid !== undefined) return;
      stopped = `it cannot be started: ${error.message}`;
      node.stdout?.destroy();
      end(null, null);
    });
  });
}
