/** What the processes of `--workers` tell each other. */
import type { Report } from './siblings.js';

/** The variable that makes a process a worker; its listening socket is `WORKER_FD`. */
export const FROM_WORKERS = 'SITEKERNEL_WORKER';
export const WORKER_FD = 3;

export type ToFirst = { readonly say: 'ready' } | { readonly say: 'report'; readonly report: Report };
export type ToWorker = { readonly say: 'drain' } | { readonly say: 'others'; readonly reports: readonly Report[] };
