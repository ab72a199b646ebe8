/** Milliseconds of service after which a crash is the first again. */
export const HEALTHY = 60_000;

export interface Timers {
  set(callback: () => void, milliseconds: number): unknown;
  clear(timer: unknown): void;
}

const REAL: Timers = {
  set: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Calls `forget` once when the service that begins now has lasted. The answer is to be called when it ends. */
export function whenHealthy(forget: () => void, timers: Timers = REAL): () => void {
  const timer = timers.set(forget, HEALTHY);
  return () => timers.clear(timer);
}
