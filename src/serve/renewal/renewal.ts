/**
 * A server's certificates are ordered by another process, which is started before the server is sealed
 * (docs/security.md). This is the server's side: it puts in use what it is told, shows proofs, and on a stack of its
 * own carries the bytes of HTTPS, which its two ends have encrypted.
 */
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { UserError } from '../../errors/user-error.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { proofNames } from '../certificates/proof-names.js';
import { proofsIn, type ZoneHolder } from '../certificates/proofs.js';
import { readRoots } from '../certificates/roots.js';
import { Told } from '../certificates/told.js';
import type { Log } from '../log.js';
import type { AcmeArguments } from '../options/acme.js';
import type { ServeOptions } from '../options/serve.js';
import { checkOrdering } from '../sealing/plan-of.js';
import { onReload } from '../signals.js';
import { orderedFiles } from '../tls/certificate-files.js';
import type { Carrier } from './carrier.js';
import { Conversation } from './conversation.js';
import { hasTexts, type ToOrderer } from './messages.js';
import { RENEWAL, SEALED, WATCHER } from './process.js';

const HTTPS = 443;

/** What carries, and what is told. */
export interface Serving {
  /** Puts the certificates in use that are told by now. Rejects with a `CertificateError`. Undefined: no HTTPS. */
  readonly reload?: (() => Promise<void>) | undefined;
  readonly zones?: ZoneHolder | undefined;
  readonly network: Network;
}

export class Renewal {
  readonly told: Told;
  private readonly orderer: Conversation<ToOrderer>;
  private serving: Serving | undefined;
  private carrier: Carrier | undefined;
  private proofs: ReturnType<typeof proofsIn> | undefined;
  /** Proofs that are shown, as name and value. */
  private shown: (readonly [name: string, value: string])[] = [];
  private ready: (failure: string | undefined) => void = () => undefined;
  private stopped = false;

  /**
   * Starts the processes. Call before the seal; undefined: nothing is to be ordered. Throws a `UserError` where the
   * user of the command line cannot reach the state, or `--acme-roots` cannot be used.
   */
  static start(options: ServeOptions, log: Log): Renewal | undefined {
    if (options.acme === undefined) return undefined;
    // The process that orders reads them; what is wrong with them is told of before anything is served.
    if (options.acme.roots !== undefined) readRoots(options.acme.roots);
    checkOrdering(options);
    return new Renewal(options, options.acme, log);
  }

  private constructor(
    private readonly options: ServeOptions,
    private readonly acme: AcmeArguments,
    private readonly log: Log,
  ) {
    this.told = new Told(acme, orderedFiles(acme));
    const [, script = '', ...args] = process.argv;
    const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
      // What it writes would keep a supervisor waiting for the end of this program.
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      env: { ...process.env, [RENEWAL]: WATCHER, ...(options.seal.level === 'off' ? {} : { [SEALED]: '1' }) },
    });
    child.on('error', (error) => log.warn(`the process that orders certificates cannot be started: ${error.message}`));
    child.unref();
    this.orderer = new Conversation(child.stdio[3] as Duplex, {
      heard: (message) => this.heard(message),
      closed: () => this.gone(),
      faulted: log.faulted,
    });
  }

  /**
   * The server can be reached: orders may be made. Resolves when what is stored is in use. Rejects with a `UserError`
   * where nothing can be ordered.
   */
  async begin(serving: Serving): Promise<void> {
    this.serving = serving;
    this.proofs = serving.zones && proofsIn(serving.zones);
    const ready = new Promise<string | undefined>((resolve) => {
      this.ready = resolve;
    });
    if (this.options.net === 'direct' && this.options.direct.record === undefined) {
      const { Carrier } = await import('./carrier.js');
      const { port } = new URL(this.acme.directory);
      const ports = [HTTPS, ...(port === '' ? [] : [Number(port)])];
      this.carrier = new Carrier(serving.network as DirectNetwork, this.options.direct.nameServers, ports, (message) =>
        this.orderer.say(message),
      );
    }
    this.orderer.say({ do: 'begin', owned: this.owned() });
    onReload(() => void this.look().catch(this.log.faulted));
    const failure = await ready;
    if (failure !== undefined) throw new UserError(failure);
  }

  /** A person has changed something: resolves when the certificates that lie in the folder are in use. */
  async look(): Promise<void> {
    this.orderer.say({ do: 'owned', owned: this.owned() });
    await this.orderer.ask({ do: 'look' }).catch((error: unknown) => {
      // It ended just now; the next one looks by itself.
      if (!(error instanceof UserError)) throw error;
    });
  }

  stop(): void {
    this.stopped = true;
    this.carrier?.close();
    this.orderer.close();
  }

  private gone(): void {
    this.carrier?.close();
    this.ready(undefined);
    if (!this.stopped)
      this.log.warn('the processes that order certificates have ended; none is renewed before the next start');
  }

  /** Names whose proofs the zones take. */
  private owned(): string[] {
    const { proofs, acme } = this;
    if (proofs === undefined) return [];
    const names = proofNames(acme).map((name) => name.replace(/\.$/, ''));
    return names.filter((name) => proofs.owns(name));
  }

  private heard(message: Readonly<Record<string, unknown>>): unknown {
    const { log, told } = this;
    switch (message['do']) {
      case 'hello':
        return this.hello();
      case 'ready':
        return this.isReady(message['failure']);
      case 'warn':
        return log.warn(String(message['text']));
      case 'event':
        return log.event('net', String(message['text']));
      case 'thumbprint':
      case 'authority':
        return told.learn(message['do'], String(message['text']));
      case 'challenge':
        return told.challenge(String(message['name']), hasTexts(message, 'pem') ? message['pem'] : undefined);
      case 'certificate':
        if (!hasTexts(message, 'source', 'pem') || !told.takes(message['source']!, message['pem']!)) return undefined;
        return this.serving?.reload?.();
      case 'present':
      case 'withdraw':
        if (!hasTexts(message, 'name', 'value')) return undefined;
        return this.prove(message['do'] === 'present', message['name']!, message['value']!);
      default:
        return this.carry(message);
    }
  }

  /** One that follows another begins as that did. */
  private async hello(): Promise<void> {
    this.orderer.forget('the process that orders certificates ended');
    this.carrier?.close();
    if (this.serving === undefined) return;
    this.orderer.say({ do: 'begin', owned: this.owned() });
    for (const [name, value] of this.shown.splice(0)) await this.proofs?.remove(name, value);
  }

  private isReady(failure: unknown): void {
    const { ready } = this;
    const why = typeof failure === 'string' ? failure : undefined;
    this.ready = (again) => {
      if (again !== undefined) this.log.warn(again);
    };
    ready(why);
  }

  private async prove(shows: boolean, name: string, value: string): Promise<void> {
    if (this.proofs === undefined) throw new UserError(`${name} is in none of the zones`);
    if (shows) {
      this.shown.push([name, value]);
      await this.proofs.add(name, value);
    } else {
      this.shown = this.shown.filter(([other, text]) => other !== name || text !== value);
      await this.proofs.remove(name, value);
    }
  }

  private carry(message: Readonly<Record<string, unknown>>): unknown {
    const { carrier } = this;
    if (carrier === undefined) throw new UserError('this server carries nothing');
    const { do: what, name, address, token, host, port, stream, data } = message;
    if (what === 'addresses') return carrier.outside.addresses(String(name));
    if (what === 'caa') return carrier.outside.caa(String(name));
    if (what === 'look-from-outside') return carrier.outside.challenge(String(address), String(name), String(token));
    if (what === 'open') return carrier.open(Number(stream), String(host), Number(port));
    if (what === 'bytes') return carrier.bytes(Number(stream), String(data));
    if (what === 'end') return carrier.end(Number(stream));
    return undefined;
  }
}
