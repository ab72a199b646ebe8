import { latin1 } from '../parse/octets.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const TIME = '(\\d\\d:\\d\\d:\\d\\d)';
const IMF = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\\d\\d) ([A-Z][a-z]{2}) (\\d{4}) ${TIME} GMT$`);
const RFC850 = new RegExp(
  `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\\d\\d)-([A-Z][a-z]{2})-(\\d\\d) ${TIME} GMT$`,
);
const ASCTIME = new RegExp(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/**
 * An `HTTP-date` in any of its three formats (RFC 9110 5.6.7) as seconds since 1970, or undefined. `now`, in the same
 * unit, decides the century of a two-digit year: never more than 50 years ahead.
 */
export function parseHttpDate(bytes: Uint8Array, start: number, end: number, now: number): number | undefined {
  if (end - start < 24 || end - start > 33) return undefined;
  const text = latin1(bytes, start, end);
  let m = IMF.exec(text);
  if (m !== null) return seconds(Number(m[3]), m[2]!, m[1]!, m[4]!);
  m = ASCTIME.exec(text);
  if (m !== null) return seconds(Number(m[4]), m[1]!, m[2]!, m[3]!);
  m = RFC850.exec(text);
  if (m === null) return undefined;
  const thisYear = new Date(now * 1000).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + Number(m[3]);
  if (year > thisYear + 50) year -= 100;
  else if (year <= thisYear - 50) year += 100;
  return seconds(year, m[2]!, m[1]!, m[4]!);
}

/** `time`: `hh:mm:ss`. */
function seconds(year: number, month: string, day: string, time: string): number | undefined {
  const index = MONTHS.indexOf(month);
  const d = Number(day);
  const [hour, minute, second] = time.split(':').map(Number) as [number, number, number];
  if (index < 0 || d < 1 || hour > 23 || minute > 59 || second > 60) return undefined;
  // setUTCFullYear, because Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, index, d);
  if (date.getUTCMonth() !== index) return undefined;
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
}
