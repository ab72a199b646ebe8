/** Requests to one certificate authority: its directory, nonces, signatures, and the time by its clock. */
import { parseJson } from '../../errors/parse-json.js';
import type { Clock } from '../../net/flow.js';
import type { AcmeCrypto, SigningKey } from '../crypto.js';
import { type Directory, readDirectory } from './directory.js';
import type { Fetch, FetchResponse } from './fetch.js';
import { type Signer, signedBody } from './jws.js';
import { AcmeError, refusal } from './problem.js';

/** Requests that are sent again with a new nonce, for one that is wanted (RFC 8555 6.5). */
const NONCE_TRIES = 5;
/** Nonces that are kept. */
const SPARE_NONCES = 8;
/** Milliseconds after which the directory is read again. */
const DIRECTORY_LIFE = 3_600_000;
/** A clock that differs by more from the CA's is wrong; milliseconds. */
const CLOCK_TOLERANCE = 3_600_000;

export interface SessionOptions {
  readonly directory: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly crypto: AcmeCrypto;
  readonly userAgent: string;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #nonces: string[] = [];
  #directory: { readonly at: number; readonly value: Directory } | undefined;
  #offset = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get crypto(): AcmeCrypto {
    return this.#options.crypto;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** Milliseconds since 1970: by this machine's clock, or by the CA's where that differs by more than an hour. */
  now(): number {
    return this.#options.clock.wallClock() + this.#offset;
  }

  /** Milliseconds by which the machine's clock is behind the CA's; 0 when it is right. */
  get clockOffset(): number {
    return this.#offset;
  }

  /** RFC 8555 7.1.1. Read again after an hour, or with `fresh`. */
  async directory(fresh = false): Promise<Directory> {
    const { clock, directory: url } = this.#options;
    const known = this.#directory;
    if (!fresh && known !== undefined && clock.now() - known.at < DIRECTORY_LIFE) return known.value;
    const value = readDirectory(await this.get(url));
    this.#directory = { at: clock.now(), value };
    return value;
  }

  /** The JSON at `url`. Rejects with an `AcmeError`. */
  async get(url: string): Promise<unknown> {
    return jsonOf(await this.getResponse(url), url);
  }

  /** What `url` answers with success. */
  async getResponse(url: string): Promise<FetchResponse> {
    const response = await this.#send('GET', url, undefined);
    if (response.status < 200 || response.status > 299) throw refusal(response, url, this.now());
    return response;
  }

  /**
   * Sends a signed request; `payload` undefined: POST-as-GET. A nonce that is not taken is replaced by the one that
   * comes with the refusal, five times at most. Rejects with an `AcmeError`.
   */
  async post(url: string, key: SigningKey, signer: Signer, payload: unknown): Promise<FetchResponse> {
    for (let tries = 0; ; tries++) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce());
      const response = await this.#send('POST', url, signedBody(key, signer, nonce, url, payload));
      if (response.status >= 200 && response.status < 300) return response;
      const error = refusal(response, url, this.now());
      if (error.problem?.type !== 'badNonce' || tries >= NONCE_TRIES) throw error;
      // The nonces at hand are as old as this one: the server has forgotten them as well. It sends a new one with its
      // refusal.
      this.#nonces.length = 0;
      this.#keepNonce(response);
    }
  }

  /** RFC 8555 7.2. */
  async #newNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    const response = await this.#send('HEAD', newNonce, undefined);
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw refusal(response, newNonce, this.now());
    return nonce;
  }

  async #send(method: 'GET' | 'HEAD' | 'POST', url: string, body: string | undefined): Promise<FetchResponse> {
    secure(url);
    // RFC 8555 6.1: a client sends User-Agent; 6.2: the type of a signed request.
    const fields: Record<string, string> = { 'user-agent': this.#options.userAgent };
    if (body !== undefined) fields['content-type'] = 'application/jose+json';
    const response = await this.#options.fetch({ method, url, fields, body });
    this.#keepNonce(response);
    this.#compareClocks(response);
    return response;
  }

  #keepNonce({ fields }: FetchResponse): void {
    const nonce = fields['replay-nonce'];
    // RFC 8555 6.5.1: base64url; anything else is ignored.
    if (nonce === undefined || !/^[\w-]{1,512}$/.test(nonce) || this.#nonces.includes(nonce)) return;
    if (this.#nonces.length >= SPARE_NONCES) this.#nonces.shift();
    this.#nonces.push(nonce);
  }

  #compareClocks({ fields }: FetchResponse): void {
    const date = Date.parse(fields['date'] ?? '');
    if (Number.isNaN(date)) return;
    const offset = date - this.#options.clock.wallClock();
    this.#offset = Math.abs(offset) > CLOCK_TOLERANCE ? offset : 0;
  }
}

/** The JSON of a response. */
export function jsonOf({ body }: FetchResponse, url: string): unknown {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null)
    throw new AcmeError('malformed-response', `${url} answers with something that is not JSON`);
  return value;
}

/** The address that a response says of what it made or is about. */
export function locationOf({ fields }: FetchResponse, url: string): string {
  const { location } = fields;
  if (location === undefined) throw new AcmeError('malformed-response', `${url} answers without a Location`);
  return location;
}

/** RFC 8555 6.1: all of ACME is over HTTPS. */
function secure(url: string): void {
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
    throw new AcmeError(
      'malformed-response',
      `the certificate authority names an address that is not https: ${url.slice(0, 200)}`,
    );
}
