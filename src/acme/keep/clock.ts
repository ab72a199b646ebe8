/** A clock that differs from the certificate authority's: what is told of it. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** `behind`: milliseconds by which this machine's clock is behind, more than an hour in amount; 0: it is right. */
export function clockSentence(behind: number): string | undefined {
  if (behind === 0) return undefined;
  const amount = Math.abs(behind);
  const [count, unit] = amount < 2 * DAY ? [amount / HOUR, 'hour'] : [amount / DAY, 'day'];
  const rounded = Math.round(count);
  const way = behind > 0 ? 'behind' : 'ahead of';
  return (
    `this machine's clock is ${rounded} ${unit}${rounded === 1 ? '' : 's'} ${way} the certificate authority's; ` +
    "set it: until then certificates are ordered by the authority's time"
  );
}
