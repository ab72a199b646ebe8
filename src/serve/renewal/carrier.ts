/** What a server on its own stack does for the process that orders: look-ups, looks from outside, carrying of bytes. */
import type { Duplex } from 'node:stream';
import type { Outside } from '../../acme/order/ready.js';
import { LookupError } from '../../dns/resolver/resolver.js';
import { UserError } from '../../errors/user-error.js';
import { ConnectError } from '../../net/connect-error.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import { stackOutside } from '../certificates/stack-outside.js';
import { reasonOf, StackWay, streamOf } from '../certificates/stack-way.js';
import type { ToOrderer } from './messages.js';

/** Connections at one time: the process that orders has one for each certificate's request. */
const MOST = 16;
/** Bytes that one connection may bring: a response is shorter (`LONGEST_RESPONSE`), and TLS adds little. */
const LONGEST = 1_048_576;

export class Carrier {
  readonly outside: Outside;
  private readonly way: StackWay;
  private readonly streams = new Map<number, Duplex>();

  /** `ports`: those that may be connected to. */
  constructor(
    network: DirectNetwork,
    nameServers: readonly string[],
    private readonly ports: readonly number[],
    private readonly say: (message: ToOrderer) => void,
  ) {
    this.way = new StackWay(network, { nameServers, random: new CryptoRandom(), roots: undefined });
    this.outside = stackOutside(this.way, () => network.addresses ?? [], network.clock);
  }

  /** Rejects with a `UserError`: why there is no connection. */
  async open(stream: number, host: string, port: number): Promise<void> {
    if (!this.ports.includes(port)) throw new UserError(`port ${port} is not the authority's`);
    if (this.streams.size >= MOST) throw new UserError(`${MOST} connections to the authority are open`);
    let carried: Duplex;
    try {
      carried = streamOf(await this.way.connect(host, port));
    } catch (error) {
      if (error instanceof LookupError || error instanceof ConnectError) throw new UserError(reasonOf(error));
      throw error;
    }
    this.streams.set(stream, carried);
    let length = 0;
    carried.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST) carried.destroy();
      else this.say({ do: 'bytes', stream, data: chunk.toString('base64') });
    });
    carried.on('error', () => undefined);
    const ended = (): void => {
      if (this.streams.delete(stream)) this.say({ do: 'end', stream });
    };
    carried.on('end', ended);
    carried.on('close', ended);
  }

  bytes(stream: number, data: string): void {
    this.streams.get(stream)?.write(Buffer.from(data, 'base64'));
  }

  end(stream: number): void {
    const carried = this.streams.get(stream);
    this.streams.delete(stream);
    carried?.destroy();
  }

  /** The process that wanted them is gone. */
  close(): void {
    for (const stream of [...this.streams.keys()]) this.end(stream);
  }
}
