import { ANSWERS } from './answers.js';
import { CONNECTIONS } from './connections.js';
import { CONVENTIONS } from './conventions.js';
import { ELSEWHERE } from './elsewhere.js';
import type { Line } from './line.js';
import { OBSERVED } from './observed.js';
import { REQUESTS } from './requests.js';

export const SECTIONS: readonly (readonly [title: string, lines: readonly Line[]])[] = [
  ['Requests', REQUESTS],
  ['Connections', CONNECTIONS],
  ['Answers', ANSWERS],
  ['Site conventions', CONVENTIONS],
  ['What one sees', OBSERVED],
  ['Store and bundle, and the whole', ELSEWHERE],
];
