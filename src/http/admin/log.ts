import type { AccessRecord } from '../contracts/access-record.js';

/**
 * `common` and `combined` are the formats of Apache and nginx, which every log reader knows; `json` is one object a
 * line.
 */
export type AccessLogFormat = 'common' | 'combined' | 'json';

/**
 * One line about one answer, without the line break: to be called from `HttpOptions.log`, during the call. `combined`
 * has the milliseconds to the first byte behind the fields that the format defines. `json` also has what the connection
 * knows of its path, in milliseconds and bytes, where the network reports that.
 */
export function accessLine(format: AccessLogFormat, record: AccessRecord): string {
  return format === 'json' ? jsonLine(record) : textLine(record, format === 'combined');
}

function textLine(record: AccessRecord, combined: boolean): string {
  const { method } = record;
  const request = method === '' ? '-' : escaped(`${method} ${record.target} ${record.protocol}`);
  const bytes = record.contentBytes === 0 ? '-' : record.contentBytes;
  const line = `${record.client} - - [${commonTime(record.time)}] "${request}" ${record.status} ${bytes}`;
  if (!combined) return line;
  return `${line} "${escaped(record.referer ?? '-')}" "${escaped(record.userAgent ?? '-')}" ${record.elapsed.toFixed(3)}`;
}

function jsonLine(record: AccessRecord): string {
  const { remote } = record.flow;
  const info = record.flow.info();
  const line = JSON.stringify({
    time: new Date(record.time).toISOString(),
    channel: 'access',
    remote: record.client,
    // The port would be the proxy's, and not the client's.
    port: record.client === remote.address ? remote.port : undefined,
    method: record.method,
    target: record.target,
    protocol: record.protocol,
    host: record.host,
    status: record.status,
    bytes: record.contentBytes,
    ms: Number(record.elapsed.toFixed(3)),
    referer: record.referer,
    userAgent: record.userAgent,
    srtt: info.srtt,
    rttvar: info.rttvar,
    cwnd: info.cwnd,
    ssthresh: info.ssthresh,
    inFlight: info.bytesInFlight,
    retransmissions: info.retransmissions,
  });
  // JSON leaves DEL and the C1 controls unescaped; a terminal would obey them.
  return line.replace(/[\x7f-\x9f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
}

/** Text from a peer must not end the line or the quotes, nor reach a terminal as a control character. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x1f\x7f-\xff"\\]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let commonSecond = Number.NaN;
let commonText = '';

/** `23/Nov/2026:21:00:00 +0000`, made once a second. `time` in milliseconds since 1970. */
function commonTime(time: number): string {
  const second = Math.floor(time / 1000);
  if (second === commonSecond) return commonText;
  const iso = new Date(second * 1000).toISOString();
  commonText = `${iso.slice(8, 10)}/${MONTHS[Number(iso.slice(5, 7)) - 1]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
  commonSecond = second;
  return commonText;
}
