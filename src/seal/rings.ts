/**
 * Rings of io_uring that the process has. Libuv of Node 22 and later makes one for each loop before any of our code
 * runs, and ends the process when a call on it fails; no setting keeps it from that. What is asked over a ring passes
 * by seccomp's filter, and not by Landlock: no file, no TCP connection (docs/security.md).
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { expectCode } from '../errors/codes.js';

/** Their descriptors. */
export function rings(): number[] {
  return readdirSync('/proc/self/fd').filter(isRing).map(Number);
}

function isRing(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[io_uring]';
  } catch (error) {
    // It was the descriptor of the directory that was read.
    expectCode(error, 'ENOENT');
    return false;
  }
}
