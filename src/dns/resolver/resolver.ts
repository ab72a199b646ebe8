/** A stub resolver (RFC 1034 5.3.1): it asks recursive servers, and keeps what they say for as long as it holds. */
import { type DatagramAddress, datagramAddress } from '../../net/datagrams.js';
import { parseIp } from '../../net/ip-text.js';
import { RCODE, TYPE, typeName } from '../wire/constants.js';
import { lowerName, type Name, NameError, nameKey, nameText, parseName } from '../wire/name.js';
import { Cache } from './cache.js';
import { type ExchangeParts, exchange } from './exchange.js';
import type { Response } from './response.js';

export interface ResolverOptions extends Omit<ExchangeParts, 'timeout'> {
  /**
   * Addresses of recursive servers, with `@PORT` behind unless it is 53, asked for each question: DHCP may change them.
   */
  readonly servers: () => readonly string[];
  /** Milliseconds that a server has; default 2,000. */
  readonly timeout?: number;
  /** Bytes of the cache; default 1 MiB. */
  readonly cacheSize?: number;
}

/**
 * `no-name`: there is no such name. `no-data`: no data of the type. `no-answer`: no server has answered well. `failed`:
 * none could.
 */
export type LookupFailure = 'no-name' | 'no-data' | 'no-answer' | 'failed' | 'no-servers' | 'bad-name' | 'busy';

export class LookupError extends Error {
  override readonly name = 'LookupError';

  constructor(
    message: string,
    readonly code: LookupFailure,
  ) {
    super(message);
  }
}

export interface Lookup {
  /** Data of each record, without compression. */
  readonly data: readonly Uint8Array[];
  /** The name at the end of the chain of aliases, with a dot at the end. */
  readonly name: string;
  /** Seconds that it held when it came. */
  readonly ttl: number;
}

/** Times that each server is asked, questions at one time, and messages that a chain of aliases may need. */
const ROUNDS = 2;
const MAX_PENDING = 256;
const MAX_HOPS = 8;
/** Milliseconds that a failure is remembered: RFC 9520 3.2 wants a second at least. */
const FAILED_FOR = 1_000;

interface Failure {
  readonly error: LookupError;
  readonly until: number;
}

export class Resolver {
  private readonly parts: ExchangeParts;
  private readonly cache: Cache;
  private readonly pending = new Map<string, Promise<Response>>();
  /** Questions that no server could answer, the oldest first. */
  private readonly failures = new Map<string, Failure>();

  constructor(private readonly options: ResolverOptions) {
    this.parts = { timeout: 2000, ...options };
    this.cache = new Cache(options.cacheSize ?? 2 ** 20);
  }

  /** Records of a type. Rejects with a `LookupError`. */
  async lookup(text: string, type: number): Promise<Lookup> {
    let name = nameOf(text);
    for (let hops = 0; hops < MAX_HOPS; hops++) {
      const { data, ttl, rcode, negative, name: end } = await this.ask(name, type);
      if (data.length > 0) return { data, ttl, name: nameText(end) };
      if (rcode === RCODE.nxDomain) throw new LookupError(`there is no name ${text}`, 'no-name');
      // A server may leave the end of a chain of aliases to be asked for.
      if (negative || nameKey(end) === nameKey(name)) break;
      name = end;
    }
    throw new LookupError(`${text} has no ${typeName(type)} record`, 'no-data');
  }

  /** Addresses of both families, those of IPv6 first. Rejects with a `LookupError` when there is none. */
  async addresses(text: string): Promise<Uint8Array[]> {
    const [six, four] = await Promise.allSettled([this.lookup(text, TYPE.AAAA), this.lookup(text, TYPE.A)]);
    const found = [six, four].flatMap((one) => (one.status === 'fulfilled' ? one.value.data : []));
    // Of AAAA nothing more is known than of A.
    if (found.length === 0 && four.status === 'rejected') throw four.reason;
    return found;
  }

  private ask(name: Name, type: number): Promise<Response> {
    const { cache, pending, options } = this;
    const key = `${type} ${nameKey(name)}`;
    const kept = cache.get(key, options.clock.now());
    if (kept !== undefined) return Promise.resolve(kept);
    const asked = pending.get(key);
    if (asked !== undefined) return asked;
    if (pending.size >= MAX_PENDING) return Promise.reject(new LookupError('too many questions at one time', 'busy'));
    const failure = this.failures.get(key);
    if (failure !== undefined && failure.until > options.clock.now()) return Promise.reject(failure.error);
    const asking = this.askServers(name, type)
      .then(
        (response) => {
          cache.set(key, response, options.clock.now());
          return response;
        },
        (error: unknown) => {
          if (error instanceof LookupError && error.code !== 'no-servers') this.remember(key, error);
          throw error;
        },
      )
      .finally(() => pending.delete(key));
    pending.set(key, asking);
    return asking;
  }

  /** RFC 9520 3.2: servers in trouble are not asked again at once; of bounded size. */
  private remember(key: string, error: LookupError): void {
    const { failures } = this;
    failures.delete(key);
    failures.set(key, { error, until: this.options.clock.now() + FAILED_FOR });
    if (failures.size <= MAX_PENDING) return;
    const [oldest] = failures.keys();
    failures.delete(oldest!);
  }

  private async askServers(name: Name, type: number): Promise<Response> {
    const servers = this.options.servers().flatMap((text) => serverOf(text) ?? []);
    if (servers.length === 0) throw new LookupError('no name server is known; give one', 'no-servers');
    let failed = false;
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of servers) {
        const response = await exchange(this.parts, server, name, type);
        if (response === undefined) continue;
        if (response.rcode === RCODE.noError || response.rcode === RCODE.nxDomain) return response;
        failed = true;
      }
    }
    const text = nameText(name);
    if (failed) throw new LookupError(`no name server could tell of ${text}`, 'failed');
    throw new LookupError(`no name server has answered about ${text}`, 'no-answer');
  }
}

function nameOf(text: string): Name {
  try {
    return lowerName(parseName(text.endsWith('.') ? text : `${text}.`, undefined));
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw new LookupError(`"${text}" is no name: ${error.message}`, 'bad-name');
  }
}

function serverOf(text: string): DatagramAddress | undefined {
  const [host, port = '53'] = text.split('@');
  const bytes = parseIp(host!);
  if (bytes === undefined || !/^\d{1,5}$/.test(port)) return undefined;
  const address = datagramAddress();
  address.bytes.set(bytes);
  address.length = bytes.length as 4 | 16;
  address.port = Number(port);
  return address;
}
