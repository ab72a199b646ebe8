/** Where the time of a test run went. */
import { cpus } from 'node:os';
import { sep } from 'node:path';
import type { FileReport } from './tally.js';

/** Files that are named. */
const SLOWEST = 10;

/** Since the machine was started, of all cores together: milliseconds that they worked, and all of them. */
function coreTimes(): { readonly busy: number; readonly all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const { user, nice, sys, idle, irq } = times;
    busy += user + nice + sys + irq;
    all += user + nice + sys + irq + idle;
  }
  return { busy, all };
}

export class Times {
  readonly files: Pick<FileReport, 'name' | 'milliseconds'>[] = [];
  readonly #began = performance.now();
  readonly #cores = coreTimes();

  add({ name, milliseconds }: Pick<FileReport, 'name' | 'milliseconds'>): void {
    this.files.push({ name, milliseconds });
  }

  /** Lines about what took longest. With cores that were busy all the time, more files at once save nothing. */
  summary(): string[] {
    const cores = coreTimes();
    const share = (cores.busy - this.#cores.busy) / Math.max(1, cores.all - this.#cores.all);
    const seconds = (performance.now() - this.#began) / 1000;
    const all = this.files.reduce((sum, one) => sum + one.milliseconds, 0);
    const folders = new Map<string, number>();
    for (const { name, milliseconds } of this.files) {
      const folder = name.split(sep)[2] ?? name;
      folders.set(folder, (folders.get(folder) ?? 0) + milliseconds);
    }
    const files = this.files.map((one): [string, number] => [one.name, one.milliseconds]);
    return [
      `${seconds.toFixed(0)} s for files of ${(all / 1000).toFixed(0)} s; the cores were busy ${(share * 100).toFixed(0)} %`,
      `seconds by folder: ${listed([...folders])}`,
      `the slowest: ${listed(files.map(([name, time]) => [name.replace(/^build.test.|\.test\.js$/g, ''), time]))}`,
    ];
  }
}

function listed(times: readonly (readonly [string, number])[]): string {
  return [...times]
    .sort((a, b) => b[1] - a[1])
    .slice(0, SLOWEST)
    .map(([name, milliseconds]) => `${name} ${(milliseconds / 1000).toFixed(0)}`)
    .join(', ');
}
