import type { Flow } from '../../net/flow.js';
import type { AccessRecord } from '../contracts/access-record.js';
import { FIELD, type FieldId, type Fields } from '../parse/fields.js';
import type { Forwarding } from '../parse/forwarded.js';
import { latin1 } from '../parse/octets.js';
import type { RequestLine } from '../parse/request-line.js';

/** The record of one answer. Its strings are made on request, from bytes that are valid during the call only. */
export class AnswerRecord implements AccessRecord {
  flow!: Flow;
  time = 0;
  status = 0;
  contentBytes = 0;
  elapsed = 0;
  #bytes: Uint8Array | undefined;
  #line: RequestLine | undefined;
  #fields: Fields | undefined;

  /** `forwarding`: the trusted proxies and their fields; undefined: none. */
  constructor(private readonly forwarding?: Forwarding) {}

  /** `line` and `fields` are undefined for what could not be parsed. */
  set(bytes: Uint8Array | undefined, line: RequestLine | undefined, fields: Fields | undefined): void {
    this.#bytes = bytes;
    this.#line = line;
    this.#fields = fields;
  }

  get client(): string {
    const { address } = this.flow.remote;
    const { forwarding } = this;
    return this.#fields === undefined || forwarding === undefined ? address : forwarding.client(address, this.#fields);
  }

  get method(): string {
    return this.#line === undefined ? '' : latin1(this.#bytes!, this.#line.methodStart, this.#line.methodEnd);
  }

  get target(): string {
    return this.#line === undefined ? '' : latin1(this.#bytes!, this.#line.targetStart, this.#line.targetEnd);
  }

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
