/**
 * Zeller and Hildebrandt's ddmin: a small part of `items` with which `fails` still answers true. Ends after `budget`
 * trials with the smallest that was found by then. `fails(items)` is known to be true.
 */
export function minimise<T>(items: readonly T[], fails: (part: readonly T[]) => boolean, budget = 400): T[] {
  let current = [...items];
  let trials = 0;
  const attempt = (part: readonly T[]): boolean => trials++ < budget && fails(part);
  if (current.length > 0 && attempt([])) return [];
  let pieces = 2;
  while (current.length > 1 && trials < budget) {
    const size = Math.ceil(current.length / pieces);
    let smaller: T[] | undefined;
    for (let at = 0; at < current.length && smaller === undefined; at += size) {
      const rest = [...current.slice(0, at), ...current.slice(at + size)];
      if (attempt(rest)) smaller = rest;
    }
    if (smaller !== undefined) {
      current = smaller;
      pieces = Math.max(2, pieces - 1);
    } else if (size === 1) break;
    else pieces = Math.min(current.length, pieces * 2);
  }
  return current;
}
