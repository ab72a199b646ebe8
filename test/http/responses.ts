/** A response as a strict client reads it. */
export interface Response {
  readonly status: number;
  readonly reason: string;
  /** Names in small letters, each once. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  readonly text: string;
}

/** Fields that may come once only. */
const LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)$/;
const DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * Parses what a server sent in answer to requests with the given methods (`GET` for those beyond; empty for one that
 * did not parse, which may have been for a head alone). Throws at the first thing that RFC 9112 does not allow, or that
 * this server never sends, and when bytes are left over.
 */
export function parseResponses(bytes: Uint8Array, methods: readonly string[] = []): Response[] {
  const text = Buffer.from(bytes).toString('latin1');
  const responses: Response[] = [];
  let at = 0;
  for (let final = 0; at < text.length; ) {
    const headEnd = text.indexOf('\r\n\r\n', at);
    if (headEnd < 0) throw new Error(`no end of head in ${JSON.stringify(text.slice(at, at + 200))}`);
    const lines = text.slice(at, headEnd).split('\r\n');
    const status = /^HTTP\/1\.1 ([1-5]\d\d) ([A-Za-z ]+)$/.exec(lines[0]!);
    if (status === null) throw new Error(`no status line: ${JSON.stringify(lines[0])}`);
    const fields = new Map<string, string>();
    for (const line of lines.slice(1)) {
      const field = LINE.exec(line);
      if (field === null) throw new Error(`no field line: ${JSON.stringify(line)}`);
      const name = field[1]!.toLowerCase();
      if (fields.has(name)) throw new Error(`${name} twice`);
      fields.set(name, field[2]!);
    }
    const code = Number(status[1]);
    at = headEnd + 4;
    let length = 0;
    if (code >= 200) {
      if (!DATE.test(fields.get('date') ?? '')) throw new Error(`Date of ${code}: ${fields.get('date')}`);
      const declared = fields.get('content-length');
      const method = methods[final++] ?? 'GET';
      if (code === 204 || code === 304) {
        if (code === 204 && declared !== undefined) throw new Error('204 with Content-Length');
      } else {
        if (declared === undefined || !/^\d+$/.test(declared)) throw new Error(`Content-Length: ${declared}`);
        if (method !== 'HEAD' && !(method === '' && at === text.length)) length = Number(declared);
      }
      if (fields.has('transfer-encoding')) throw new Error('Transfer-Encoding');
      if (code === 405 && !fields.has('allow')) throw new Error('405 without Allow');
      if (code === 416 && !/^bytes \*\/\d+$/.test(fields.get('content-range') ?? '')) throw new Error('416');
    }
    if (at + length > text.length) throw new Error(`content cut: ${text.length - at} of ${length} bytes`);
    const body = bytes.slice(at, at + length);
    at += length;
    responses.push({ status: code, reason: status[2]!, fields, body, text: Buffer.from(body).toString('latin1') });
  }
  return responses;
}

/**
 * What two answers to the same request have not in common, though it is nothing of their connections; undefined:
 * nothing.
 */
export function differenceOf(one: Response, other: Response): string | undefined {
  const told = ({ status, fields, body }: Response): string =>
    JSON.stringify([
      status,
      [...fields].filter(([name]) => name !== 'connection' && name !== 'date').sort(([a], [b]) => (a < b ? -1 : 1)),
      Buffer.from(body).toString('latin1'),
    ]);
  return told(one) === told(other) ? undefined : `${told(one)} and ${told(other)}`;
}
