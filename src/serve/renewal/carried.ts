/**
 * HTTPS of the process that orders where the server has a stack of its own: TLS ends here, and the server carries the
 * bytes. It sees what any router on the way sees.
 */
import { request } from 'node:http';
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, rootCertificates } from 'node:tls';
import type { Outside } from '../../acme/order/ready.js';
import type { Fetch, FetchRequest } from '../../acme/protocol/fetch.js';
import { hasCode } from '../../errors/codes.js';
import type { Outgoing } from '../certificates/outgoing.js';
import { finish, unreachable } from '../certificates/response.js';
import type { Conversation } from './conversation.js';
import { caaIn, type ToServer, textsOf } from './messages.js';

const HTTPS = 443;
/** Bytes of one message: a line has room for them in Base64. */
const PART = 65_536;

export class Carried implements Outgoing {
  private readonly streams = new Map<number, CarriedStream>();
  private last = 0;

  /** `roots`: certificates in PEM by which servers are trusted, beside Node's. */
  constructor(
    private readonly server: Pick<Conversation<ToServer>, 'say' | 'ask'>,
    private readonly roots: string | undefined,
  ) {}

  readonly fetch: Fetch = async ({ method, url, fields, body }: FetchRequest) => {
    const { hostname, port, host, pathname, search } = new URL(url);
    const name = hostname.replace(/^\[|\]$/g, '');
    let stream: Duplex;
    try {
      stream = await this.open(name, port === '' ? HTTPS : Number(port));
    } catch (error) {
      if (!hasCode(error, 'failed')) throw error;
      throw unreachable(url, (error as Error).message);
    }
    const secured = connect({
      socket: stream,
      ...(isIP(name) === 0 ? { servername: name } : { host: name }),
      ALPNProtocols: ['http/1.1'],
      ...(this.roots === undefined ? {} : { ca: [...rootCertificates, this.roots] }),
    });
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { ...fields, host, ...length };
    const sent = request({ method, path: `${pathname}${search}`, headers, createConnection: () => secured });
    sent.on('close', () => stream.destroy());
    return finish(sent, body, (why) => unreachable(url, why));
  };

  readonly outside: Outside = {
    addresses: async (name) => textsOf(await this.server.ask({ do: 'addresses', name })),
    caa: async (name) => caaIn(await this.server.ask({ do: 'caa', name })),
    challenge: async (address, name, token) =>
      String(await this.server.ask({ do: 'look-from-outside', address, name, token })),
  };

  /** Bytes that came, or their end. */
  heard(stream: number, data: string | undefined): void {
    this.streams.get(stream)?.push(data === undefined ? null : Buffer.from(data, 'base64'));
  }

  private async open(host: string, port: number): Promise<Duplex> {
    const stream = ++this.last;
    const { server, streams } = this;
    const made = new CarriedStream(
      (data) => server.say({ do: 'bytes', stream, data }),
      () => {
        if (streams.delete(stream)) server.say({ do: 'end', stream });
      },
    );
    streams.set(stream, made);
    try {
      await server.ask({ do: 'open', stream, host, port });
    } catch (error) {
      streams.delete(stream);
      throw error;
    }
    return made;
  }
}

class CarriedStream extends Duplex {
  constructor(
    private readonly send: (data: string) => void,
    private readonly gone: () => void,
  ) {
    super();
  }

  // What comes is pushed: a response has a bound of its own.
  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (let at = 0; at < chunk.length; at += PART) this.send(chunk.subarray(at, at + PART).toString('base64'));
    done();
  }

  override _final(done: () => void): void {
    this.gone();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.gone();
    done(error);
  }
}
