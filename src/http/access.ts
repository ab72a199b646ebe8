import type { Flow } from '../net/flow.js';
import { FIELD, type FieldId, type Fields } from './fields.js';
import { latin1 } from './octets.js';
import type { RequestLine } from './request-line.js';

/**
 * One answer, for logs and metrics. The object is used again for the next: its strings are made when they are asked for,
 * out of bytes that are gone afterwards.
 */
export class AccessRecord {
  flow!: Flow;
  /** Milliseconds since 1970. */
  time = 0;
  status = 0;
  /** Bytes of content, without the head. */
  contentBytes = 0;
  /** Milliseconds from the request's first byte to the answer's first byte handed to the network. */
  elapsed = 0;
  #bytes: Uint8Array | undefined;
  #line: RequestLine | undefined;
  #fields: Fields | undefined;

  /** `line` and `fields` are undefined for what could not be parsed. */
  set(bytes: Uint8Array | undefined, line: RequestLine | undefined, fields: Fields | undefined): void {
    this.#bytes = bytes;
    this.#line = line;
    this.#fields = fields;
  }

  /** Latin-1, as it came; empty when the request did not parse. */
  get method(): string {
    return this.#line === undefined ? '' : latin1(this.#bytes!, this.#line.methodStart, this.#line.methodEnd);
  }

  get target(): string {
    return this.#line === undefined ? '' : latin1(this.#bytes!, this.#line.targetStart, this.#line.targetEnd);
  }

  /** `HTTP/1.1` or `HTTP/2.0`; empty when the request did not parse. */
  get protocol(): string {
    if (this.#line === undefined) return '';
    return this.#line.http2 ? 'HTTP/2.0' : `HTTP/1.${this.#line.minor}`;
  }

  get referer(): string | undefined {
    return this.#field(FIELD.referer);
  }

  get userAgent(): string | undefined {
    return this.#field(FIELD.userAgent);
  }

  get host(): string | undefined {
    return this.#field(FIELD.host);
  }

  #field(id: FieldId): string | undefined {
    const fields = this.#fields;
    return fields?.has(id) ? latin1(fields.bytes, fields.start(id), fields.end(id)) : undefined;
  }
}
