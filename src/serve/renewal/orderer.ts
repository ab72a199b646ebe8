/**
 * The process that orders a server's certificates. It has the account's key, the folder where certificates lie, and
 * over sockets the way to the authority; it reads nothing of a stranger. The server gets from it what it serves.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { RecordSetter } from '../../acme/authority/dns-01.js';
import type { ChallengeCertificates } from '../../acme/authority/tls-alpn-01.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { expectSystemError, hasCode } from '../../errors/codes.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { signals } from '../../native/process-signals.js';
import { textIfReadable } from '../../native/readable.js';
import { CryptoRandom } from '../../net/direct/host/random.js';
import { RealClock } from '../../net/real-clock.js';
import { thisKernel } from '../../seal/kernel.js';
import { Seal } from '../../seal/seal.js';
import { authoritiesFor } from '../certificates/authorities.js';
import { ChallengeFiles } from '../certificates/challenge-files.js';
import { type KeptCertificates, keepCertificates } from '../certificates/keep.js';
import { type Outgoing, outgoingOf } from '../certificates/outgoing.js';
import { readRoots } from '../certificates/roots.js';
import type { AcmeArguments } from '../options/acme.js';
import type { ServeOptions } from '../options/serve.js';
import { packageVersion } from '../program-files.js';
import { makeFolders, orderingPlan, orderingSeal } from '../sealing/plan-of.js';
import { orderedFiles } from '../tls/certificate-files.js';
import { Carried } from './carried.js';
import { Conversation } from './conversation.js';
import { type ToServer, textsOf } from './messages.js';
import { CONVERSATION_FD } from './process.js';

/** Milliseconds before another process tries what this one could not begin. */
const AGAIN = 60_000;

/** Never resolves: the process ends with the conversation. */
export async function runOrderer(options: ServeOptions): Promise<never> {
  signals.worker(
    () => true,
    () => undefined,
  );
  const { acme } = options;
  if (acme === undefined) throw new Error('there is nothing to order');
  process.on('uncaughtException', fail);
  new Orderer(options, acme);
  return new Promise(() => undefined);
}

/** A mistake of ours: the next process begins with what is stored. */
function fail(error: unknown): never {
  try {
    writeSync(CONVERSATION_FD, `\n${JSON.stringify({ do: 'warn', text: errorText(error) })}\n`);
  } catch (failure) {
    // The server is gone, or takes nothing at present.
    expectSystemError(failure);
  }
  process.exit(1);
}

class Orderer {
  private readonly server: Conversation<ToServer>;
  private owned = new Set<string>();
  private carried: Carried | undefined;
  private kept: Promise<KeptCertificates | undefined> | undefined;
  /** What the server has, by source. */
  private readonly given = new Map<string, string>();
  private readonly sources: readonly string[];

  constructor(
    private readonly options: ServeOptions,
    private readonly acme: AcmeArguments,
  ) {
    this.sources = orderedFiles(acme);
    const stream = new Socket({ fd: CONVERSATION_FD, readable: true, writable: true });
    this.server = new Conversation(stream, {
      heard: (message) => this.heard(message),
      // What is under way is found again: all of it is stored before it is done.
      closed: () => process.exit(0),
      faulted: fail,
    });
    this.server.say({ do: 'hello' });
  }

  private heard({ do: what, owned, stream, data }: Readonly<Record<string, unknown>>): unknown {
    if (what === 'begin' || what === 'owned') this.owned = new Set(textsOf(owned));
    if (what === 'begin') this.kept ??= this.begin();
    else if (what === 'look') return this.look();
    else if (what === 'bytes' && typeof data === 'string') this.carried?.heard(Number(stream), data);
    else if (what === 'end') this.carried?.heard(Number(stream), undefined);
    return undefined;
  }

  private async begin(): Promise<KeptCertificates | undefined> {
    const { options, acme, server } = this;
    const clock = new RealClock();
    const random = new CryptoRandom();
    try {
      const outgoing = await this.outgoing(random);
      await this.seal();
      const kept = await keepCertificates({
        acme,
        ...outgoing,
        authorities: authoritiesFor(options, {
          clock,
          random,
          records: options.dns.zones.length > 0 ? this.records() : undefined,
          challenges: this.challenges(),
        }),
        version: packageVersion(),
        clock,
        random,
        tell: (what, text) => server.say({ do: what, text }),
        sinkFor: (names) => ({
          use: (chain, key) => this.give(this.sources[acme.certificates.indexOf(names)]!, `${chain}${key}`),
        }),
        onNotice: (text) => server.say({ do: 'warn', text }),
        onEvent: (text) => server.say({ do: 'event', text }),
      });
      server.say({ do: 'ready' });
      return kept;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      server.say({ do: 'ready', failure: error.message });
      // Where the server goes on without, the next process may find what this one did not.
      clock.schedule(AGAIN, () => process.exit(1));
      return undefined;
    }
  }

  /** A recording has nothing of what a program begins by itself: then the kernel's sockets carry it. */
  private async outgoing(random: CryptoRandom): Promise<Outgoing> {
    const { acme, options, server } = this;
    if (options.net !== 'direct' || options.direct.record !== undefined) return outgoingOf(options, random, undefined);
    this.carried = new Carried(server, acme.roots === undefined ? undefined : readRoots(acme.roots));
    return this.carried;
  }

  private async seal(): Promise<void> {
    if (this.options.seal.level === 'off') return;
    const plan = orderingPlan(this.options);
    makeFolders(plan, this.options.seal);
    const seal = new Seal(plan, orderingSeal(this.options), thisKernel());
    await seal.files();
    seal.close();
  }

  /** Gives the server what lies in the folder by now, and looks whether an order is due. */
  private async look(): Promise<void> {
    for (const source of this.sources) {
      const pem = textIfReadable(source);
      if (pem !== undefined && pem !== this.given.get(source)) await this.give(source, pem);
    }
    (await this.kept)?.look();
  }

  private async give(source: string, pem: string): Promise<void> {
    await this.server.ask({ do: 'certificate', source, pem });
    this.given.set(source, pem);
  }

  private records(): RecordSetter {
    const { server } = this;
    return {
      owns: (name) => this.owned.has(name),
      add: async (name, value) => {
        await server.ask({ do: 'present', name, value }).catch(notReady);
      },
      remove: async (name, value) => {
        await server.ask({ do: 'withdraw', name, value }).catch((error: unknown) => {
          // The record may stay: it proves nothing more, because the authority has its answer.
          if (!hasCode(error, 'failed')) throw error;
        });
      },
    };
  }

  /** In the folder as well: the program that comes after this one answers for it. */
  private challenges(): ChallengeCertificates {
    const files = new ChallengeFiles(this.acme.state);
    return {
      set: async (name, chain, key) => {
        await files.set(name, chain, key);
        await this.server.ask({ do: 'challenge', name, pem: `${chain}${key}` }).catch(notReady);
      },
      remove: async (name) => {
        await files.remove(name);
        this.server.say({ do: 'challenge', name });
      },
    };
  }
}

function notReady(error: unknown): never {
  if (!hasCode(error, 'failed')) throw error;
  throw new AcmeError('not-ready', (error as Error).message);
}
