/** Answers with several ranges: `multipart/byteranges`, RFC 9110 14.6. */
import { Memory } from '../../memory/memory.js';
import type { Representation, Resource } from '../../store/store.js';
import type { RangeSet } from '../negotiate/ranges.js';

/** What stands around the parts of one answer. */
export interface Multipart {
  /** Content-Type and Content-Length. */
  readonly fieldLines: string;
  /** Before each part: the delimiter, and the part's own fields. */
  readonly heads: readonly Memory[];
  /** Behind the last part. */
  readonly close: Memory;
}

/** The boundary is derived from the content's hash, which the content cannot contain. */
export function multipart(ranges: RangeSet, resource: Resource, { body, etag }: Representation): Multipart {
  const { starts, ends, count } = ranges;
  const size = body.end - body.start;
  const boundary = `part-${etag.replace(/[^0-9A-Za-z]/g, '').slice(0, 48)}`;
  const close = Memory.of(`\r\n--${boundary}--\r\n`);
  const heads: Memory[] = [];
  let length = close.bytes.length;
  for (let i = 0; i < count; i++) {
    const head = Memory.of(
      `${i === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${resource.contentType}\r\n` +
        `Content-Range: bytes ${starts[i]}-${ends[i]! - 1}/${size}\r\n\r\n`,
    );
    heads.push(head);
    length += head.bytes.length + ends[i]! - starts[i]!;
  }
  const fieldLines = `Content-Type: multipart/byteranges; boundary=${boundary}\r\nContent-Length: ${length}\r\n`;
  return { fieldLines, heads, close };
}
