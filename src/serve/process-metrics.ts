/** The process metrics of Prometheus' own clients, under the same names; about the process that answers. */
import { readdirSync, readFileSync } from 'node:fs';
import { expectSystemError } from '../errors/codes.js';
import { counter, gauge, type Metric } from '../http/index.js';

export function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const metrics = [
    counter('process_cpu_seconds_total', 'Processor time, of user and system.', [{ value: (user + system) / 1e6 }]),
    gauge('process_resident_memory_bytes', 'Memory that is resident.', [{ value: rss }]),
    gauge('process_start_time_seconds', 'When the process began, in seconds since 1970.', [
      { value: performance.timeOrigin / 1000 },
    ]),
    gauge('nodejs_heap_size_used_bytes', "What of JavaScript's heap is in use.", [{ value: heapUsed }]),
  ];
  return [...metrics, ...descriptors()];
}

/** Descriptors, as Linux reports them. */
function descriptors(): Metric[] {
  try {
    const open = readdirSync('/proc/self/fd').length - 1;
    const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return [
      gauge('process_open_fds', 'Open descriptors.', [{ value: open }]),
      gauge('process_max_fds', 'Descriptors that may be open.', most === undefined ? [] : [{ value: Number(most) }]),
    ];
  } catch (error) {
    // ENOENT: there is no /proc here. ENFILE and EMFILE: no descriptor is left, and the other metrics matter all the
    // more.
    expectSystemError(error);
    return [];
  }
}
