/**
 * The text form of a bad link, as the development option `--faults` takes it:
 * `loss=3%,dup=1%,reorder=5%,corrupt=0.1%,burst=1%/30%/80%,delay=20,jitter=5,rate=10mbit,queue=64k,hold=2`.
 */

import { UserError } from '../../../errors/user-error.js';
import { type Faults, NO_FAULTS } from './faults.js';

function wrong(name: string, text: string, wanted: string): Error {
  return new UserError(`--faults: ${name}=${text} is not ${wanted}`);
}

function probability(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(value >= 0 && value <= 1)) throw wrong(name, text, 'a probability such as 3% or 0.03');
  return value;
}

function milliseconds(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:ms)?$/.exec(text);
  if (match === null) throw wrong(name, text, 'a number of milliseconds');
  return Number(match[1]);
}

/** `10mbit`, `500kbit`, `1gbit` -> bytes a millisecond. */
function rate(name: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg])bit$/.exec(text);
  if (match === null) throw wrong(name, text, 'a rate such as 10mbit');
  const scale = { k: 1e3, m: 1e6, g: 1e9 }[match[2] as 'k' | 'm' | 'g'];
  return (Number(match[1]) * scale) / 8 / 1000;
}

function bytes(name: string, text: string): number {
  const match = /^(\d+)(k?)$/.exec(text);
  if (match === null) throw wrong(name, text, 'a number of bytes such as 65536 or 64k');
  return Number(match[1]) * (match[2] === 'k' ? 1024 : 1);
}

function burst(name: string, text: string): Faults['burst'] {
  const parts = text.split('/');
  if (parts.length !== 3) throw wrong(name, text, 'enter/leave/loss, three probabilities');
  const [enter, leave, loss] = parts.map((part) => probability(name, part)) as [number, number, number];
  return { enter, leave, loss };
}

/** Throws an `Error` for people where the text is wrong. */
export function parseFaults(text: string): Faults {
  const faults: { -readonly [K in keyof Faults]: Faults[K] } = { ...NO_FAULTS };
  for (const item of text.split(',').filter((part) => part !== '')) {
    const at = item.indexOf('=');
    const name = at < 0 ? item : item.slice(0, at);
    const value = at < 0 ? '' : item.slice(at + 1);
    if (name === 'loss') faults.loss = probability(name, value);
    else if (name === 'dup') faults.duplicate = probability(name, value);
    else if (name === 'corrupt') faults.corrupt = probability(name, value);
    else if (name === 'reorder') faults.reorder = probability(name, value);
    else if (name === 'burst') faults.burst = burst(name, value);
    else if (name === 'hold') faults.reorderDelay = milliseconds(name, value);
    else if (name === 'delay') faults.delay = milliseconds(name, value);
    else if (name === 'jitter') faults.jitter = milliseconds(name, value);
    else if (name === 'rate') faults.rate = rate(name, value);
    else if (name === 'queue') faults.queue = bytes(name, value);
    else {
      throw new UserError(
        `--faults: "${name}" is unknown; known are loss, dup, reorder, corrupt, burst, hold, delay, jitter, rate and queue`,
      );
    }
  }
  return faults;
}
