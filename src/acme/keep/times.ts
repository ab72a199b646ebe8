/** Times for people, in UTC. */

/** `2026-11-29`. */
export function dateText(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** `2026-11-29 21:07 UTC`. */
export function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
