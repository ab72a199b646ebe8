import type { Line } from './line.js';

/** What no exchange of bytes on one connection can show: the tests that do. */
export const ELSEWHERE: readonly Line[] = [];
