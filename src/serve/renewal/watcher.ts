/**
 * Starts the process that orders certificates, and starts it again when it ends by itself: the server, which is sealed,
 * can start nothing. It has no network, no key, and reads nothing.
 */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
import { signals } from '../../native/process-signals.js';
import { RealClock } from '../../net/real-clock.js';
import { thisKernel } from '../../seal/kernel.js';
import { FOR_FILES, sealParent } from '../../seal/parent.js';
import type { ToServer } from './messages.js';
import { CONVERSATION_FD, ORDERER, RENEWAL, SEALED } from './process.js';
import { Restarts } from './restarts.js';

/** Resolves when the server has ended, or wants no more orders: then the process that orders ends by itself. */
export async function watchOrderer(): Promise<void> {
  // Signals for the whole group are the server's affair: this ends behind it.
  signals.worker(
    () => true,
    () => undefined,
  );
  if (process.env[SEALED] !== undefined) await sealParent(thisKernel(), FOR_FILES);
  const [, script = '', ...args] = process.argv;
  return new Promise((over) => {
    const start = (ended: (how: string) => void): void => {
      let gone = false;
      const end = (how: string): void => {
        if (!gone) ended(how);
        gone = true;
      };
      const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
        stdio: ['ignore', 'ignore', 'ignore', CONVERSATION_FD],
        env: { ...process.env, [RENEWAL]: ORDERER },
      });
      child.on('error', (error) => end(error.message));
      child.on('exit', (code, by) => {
        if (code === 0) over();
        else end(`the process that orders certificates ended (${by ?? `status ${code}`})`);
      });
    };
    new Restarts(new RealClock(), start, say).begin();
  });
}

/** The line is whole: it begins anew, should the process that ended have left half of one. */
function say(text: string): void {
  const message: ToServer = { do: 'warn', text };
  writeSync(CONVERSATION_FD, `\n${JSON.stringify(message)}\n`);
}
