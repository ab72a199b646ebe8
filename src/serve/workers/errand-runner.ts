/** What a worker in direct mode does for the first process: over its own stack. */
import { errorText } from '../../errors/report.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import { type Outgoing, outgoingOf } from '../certificates/outgoing.js';
import type { Log } from '../log.js';
import { spreadBy } from '../names/open-names.js';
import type { ServeOptions } from '../options/serve.js';
import type { Brought, Errand, ToFirst } from '../worker-channel.js';

type Runners = { readonly [K in Errand['to']]: (errand: Extract<Errand, { to: K }>) => Promise<Brought[K]> };

export class ErrandRunner {
  private readonly runners: Runners;

  constructor(options: ServeOptions, network: DirectNetwork, log: Log) {
    let way: Promise<Outgoing> | undefined;
    const outgoing = (): Promise<Outgoing> => {
      way ??= outgoingOf(options, new CryptoRandom(), network);
      return way;
    };
    const outside = async (): Promise<Outgoing['outside']> => (await outgoing()).outside;
    const spread = spreadBy(options.dns, network.datagrams, network.clock, log);
    this.runners = {
      fetch: async ({ request }) => (await outgoing()).fetch(request),
      addresses: async ({ name }) => (await outside()).addresses(name),
      caa: async ({ name }) => (await outside()).caa(name),
      challenge: async ({ address, name, token }) => (await outside()).challenge(address, name, token),
      spread: async ({ zone }) => {
        await spread(zone);
        return undefined;
      },
    };
  }

  /** Never rejects: what goes wrong is for the process that asked. */
  async run(number: number, errand: Errand): Promise<ToFirst> {
    const runner = this.runners[errand.to] as (errand: Errand) => Promise<unknown>;
    try {
      return { say: 'brought', number, value: await runner(errand) };
    } catch (error) {
      // Errors of the network have codes of many kinds; the first process decides by what it asked for.
      return { say: 'brought', number, failure: errorText(error) };
    }
  }
}
