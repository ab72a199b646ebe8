/** A host that keeps a certificate, in virtual time, beside a certificate authority in memory. */
import { Http01 } from '../../src/acme/authority/http-01.js';
import type { AcmeCrypto } from '../../src/acme/crypto.js';
import { identifierOf } from '../../src/acme/der/names.js';
import { CertificateKeeper } from '../../src/acme/keep/keeper.js';
import type { KeeperOptions } from '../../src/acme/keep/options.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { Account, type AccountOptions } from '../../src/acme/protocol/account.js';
import { AcmeClient } from '../../src/acme/protocol/client.js';
import type { Fetch } from '../../src/acme/protocol/fetch.js';
import { AcmeError } from '../../src/acme/protocol/problem.js';
import { Session } from '../../src/acme/protocol/session.js';
import { accountKeys } from '../../src/acme/state/account-keys.js';
import { accountKey, accountMemory } from '../../src/acme/state/account-state.js';
import type { Storage } from '../../src/acme/state/storage.js';
import type { Clock } from '../../src/net/flow.js';
import { SeededRandom } from '../../src/net/host/seeded-random.js';
import { VirtualTime } from '../../src/net/host/virtual-time.js';
import { DIRECTORY, FakeCa } from './fake-ca.js';

export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** Files in memory; `broken`: writing fails. */
export class MemoryStorage implements Storage {
  readonly texts = new Map<string, string>();
  /** Names that were written, in their order. */
  readonly written: string[] = [];
  broken = false;

  async read(name: string): Promise<string | undefined> {
    return this.texts.get(name);
  }

  async write(name: string, text: string): Promise<void> {
    if (this.broken) throw new AcmeError('state', 'no space left');
    this.written.push(name);
    this.texts.set(name, text);
  }
}

export class World {
  readonly time = new VirtualTime();
  readonly ca = new FakeCa(() => this.time.wallClock());

  /** Lets virtual time pass, and everything that is due in it happen. */
  async run(milliseconds: number): Promise<void> {
    const until = this.time.now() + milliseconds;
    await settled();
    while (this.time.step(until)) await settled();
    this.time.run(until);
  }
}

/** Every promise that can go on has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface HostOptions extends Partial<Omit<KeeperOptions, 'identifiers' | 'client'>> {
  readonly names?: readonly string[];
  readonly account?: AccountOptions;
  readonly seed?: number;
  readonly crypto?: AcmeCrypto;
}

export interface Host {
  readonly keeper: CertificateKeeper;
  readonly storage: MemoryStorage;
  readonly accountStorage: MemoryStorage;
  readonly client: AcmeClient;
  readonly session: Session;
  /** Chains that were put in use. */
  readonly used: string[];
  readonly notices: string[];
  readonly events: string[];
  /** Milliseconds by which the machine's wall clock is wrong. */
  skew: number;
}

/** A client's side of an authority whose directory is at that URL. */
export function testSession(directory: string, fetch: Fetch, clock: Clock): Session {
  return new Session({ directory, fetch, clock, crypto: nodeCrypto, userAgent: 'test' });
}

/** One start of the program with that state. */
export async function startHost(
  world: World,
  options: HostOptions = {},
  storage = new MemoryStorage(),
  accountStorage = new MemoryStorage(),
): Promise<Host> {
  const {
    names = ['example.org'],
    account: given = { email: 'a@example.org', agreed: true },
    seed = 1,
    ...rest
  } = options;
  const host = { skew: 0, used: [] as string[], notices: [] as string[], events: [] as string[] };
  const clock: Clock = {
    now: () => world.time.now(),
    wallClock: () => world.time.wallClock() + host.skew,
    schedule: (delay, callback) => world.time.schedule(delay, callback),
  };
  const session = testSession(DIRECTORY, world.ca.fetch, clock);
  const key = await accountKey(accountStorage, nodeCrypto);
  const keys = accountKeys(accountStorage, nodeCrypto, async () => undefined);
  const memory = accountMemory(accountStorage, DIRECTORY);
  const client = new AcmeClient(session, new Account(session, key, given, memory, keys));
  const keeper = new CertificateKeeper({
    client,
    storage,
    identifiers: names.map((name) => identifierOf(name)!),
    authorities: [new Http01()],
    sink: { use: (chain) => void host.used.push(chain) },
    random: new SeededRandom(seed),
    orders: true,
    onNotice: (sentence) => host.notices.push(sentence),
    onEvent: (sentence) => host.events.push(sentence),
    ...rest,
  });
  await keeper.start();
  return Object.assign(host, { keeper, storage, accountStorage, client, session });
}
