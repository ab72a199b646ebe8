/**
 * Runs in a machine in the place of Node: starts Node under strace(1), and says at the end what the sealed server
 * called. What it is given is the name that it was called by, and the arguments of Node.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { sealedCalls } from './strace.js';

/** In the machine's memory. */
const TRACE = '/tmp/trace';
const LAST = 4096;
const [, , , ...args] = process.argv;
spawn('/strace', ['-f', '-qq', '-s', '0', '-o', TRACE, '--', '/traced-node', ...args], { stdio: 'inherit' });
// A program that keeps the clock's memory outlives the server, and strace waits for it.
setInterval(() => {
  const [, status] = /exit_group\((\d+)\)/.exec(ending()) ?? [];
  if (status === undefined) return;
  const made = [...sealedCalls(readFileSync(TRACE, 'latin1'))];
  writeSync(2, `${JSON.stringify({ made })}\n`);
  process.exit(Number(status));
}, 1000);

function ending(): string {
  const { size } = statSync(TRACE, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size === 0) return '';
  const fd = openSync(TRACE, 'r');
  const bytes = Buffer.alloc(LAST);
  const length = readSync(fd, bytes, 0, LAST, Math.max(0, size - LAST));
  closeSync(fd);
  return bytes.toString('latin1', 0, length);
}
