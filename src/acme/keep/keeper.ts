/**
 * Keeps one certificate fresh: serves what is stored, orders when its time has come, and waits behind what fails.
 * Everything that would make a difference after a restart is stored before it is done.
 */
import type { Timer } from '../../net/flow.js';
import { AcmeError } from '../protocol/problem.js';
import { CERTIFICATE, type StoredCertificate, usablePair } from '../state/certificate-state.js';
import {
  loadRenewal,
  NO_RENEWAL,
  type PendingOrder,
  REQUEST,
  type RenewalFailure,
  type RenewalState,
  saveRenewal,
} from '../state/renewal-state.js';
import { attempt } from './attempt.js';
import { mayGoOn, waitAfter } from './back-off.js';
import { clockSentence } from './clock.js';
import { InUse } from './in-use.js';
import type { KeeperOptions } from './options.js';
import { type Plan, planOf, REASONS } from './plan.js';
import { mayAsk, suggestion } from './suggestion.js';
import { dateText, timeText } from './times.js';
import { drawRenewal, windowOf } from './window.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** Between two looks at the storage and the clock; milliseconds. */
const LOOK = 10 * MINUTE;
/** A renewal that is due for longer was missed, because the program did not run; milliseconds. */
const LOST = 30 * MINUTE;
const OVER = { start: 0, end: 0 };

export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #configuration: string;
  readonly #inUse: InUse;
  #state: RenewalState = NO_RENEWAL;
  #stored: StoredCertificate | undefined;
  /** What is stored, as it was read. */
  #text: string | undefined;
  /** What a person asked for last. */
  #request: string | undefined;
  #told: string | undefined;
  /** What was last told of this machine's clock. */
  #clockTold: string | undefined;
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #stopped = false;
  /** A look was asked for while one was under way. */
  #again = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#inUse = new InUse(
      options,
      () => this.#now(),
      (sentence) => this.#tell(sentence),
    );
    const names = options.identifiers.map(({ value }) => value).sort();
    const { profile = '', choice } = options;
    this.#configuration = [...names, profile, ...(choice === undefined ? [] : [choice])].join(' ');
  }

  /**
   * Resolves when what is stored is served; what has to be ordered is, afterwards. Rejects for nothing that the CA or
   * the disk does.
   */
  async start(): Promise<void> {
    await this.#load();
    await this.#inUse.use(this.#stored);
    this.#plan(await this.#spread());
  }

  /**
   * Hosts that were switched off together past their time begin together: they do not order together. Milliseconds to
   * the first look.
   */
  async #spread(): Promise<number> {
    const { random, orders } = this.#options;
    const now = this.#now();
    const facts = this.#stored?.facts;
    const { renewAt, failure } = this.#state;
    if (!orders || facts === undefined) return 0;
    if (facts.notAfter <= now) return ((random.random32() >>> 0) / 0x1_0000_0000) * MINUTE;
    if (failure === undefined && renewAt !== undefined && renewAt < now - LOST)
      await this.#remember({
        renewAt: drawRenewal(OVER, { start: facts.notBefore, end: facts.notAfter }, now, random),
      });
    return 0;
  }

  /** No more orders; one under way goes on to its next answer, and is found again. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Looks at the storage now: a person has changed something. */
  look(): void {
    this.#again = true;
    this.#plan(0);
  }

  #plan(delay: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.client.session.clock.schedule(delay, () => {
      if (this.#turn !== undefined) return;
      this.#again = false;
      this.#turn = this.#work()
        .catch((error: unknown) => {
          // A mistake of this program must not end it, or the renewals.
          this.#tell(`certificate: ${error instanceof Error ? error.stack : error}`);
          return HOUR;
        })
        .then((next) => {
          this.#turn = undefined;
          this.#plan(this.#again ? 0 : next);
        });
    });
  }

  /** Does what is due; returns the milliseconds to the next look. */
  async #work(): Promise<number> {
    if (!(await this.#load())) return LOOK;
    await this.#inUse.use(this.#stored);
    if (!this.#options.orders) return LOOK;
    await this.#draw();
    await this.#askForWindow();
    let due = this.#due();
    if (due > 0 || this.#stopped) return Math.min(LOOK, due);
    // Before an order the time is compared: by a clock that is wrong every certificate has expired.
    if (!(await this.#knowTime())) return Math.min(LOOK, Math.max(MINUTE, this.#due()));
    due = this.#due();
    if (due > 0 || this.#stopped) return Math.min(LOOK, due);
    await this.#order();
    return Math.min(LOOK, Math.max(1_000, this.#due()));
  }

  /** Milliseconds until an order is due. */
  #due(): number {
    const now = this.#now();
    const plan = this.#planAt(now);
    return plan === undefined ? LOOK : Math.max(0, plan.at - now);
  }

  #planAt(now: number): Plan | undefined {
    const { identifiers } = this.#options;
    const known = { state: this.#state, stored: this.#stored, identifiers, configuration: this.#configuration };
    return planOf({ ...known, request: this.#pendingRequest }, now);
  }

  get #pendingRequest(): string | undefined {
    return this.#request === this.#state.handled ? undefined : this.#request;
  }

  #now(): number {
    return this.#options.client.session.now();
  }

  /** Reads what is stored. False: it cannot be read, and nothing is done until it can. */
  async #load(): Promise<boolean> {
    const { storage } = this.#options;
    try {
      this.#request = await storage.read(REQUEST);
      const { state, damaged } = await loadRenewal(storage);
      this.#state = state ?? NO_RENEWAL;
      if (damaged) {
        // It may have said to wait, or that an order is under way: then a fresh start would be one order more.
        const failure = this.#failureOf(undefined, 'the plan in the state folder was damaged', HOUR, 1);
        this.#state = { ...NO_RENEWAL, handled: this.#request, failure };
        await saveRenewal(storage, this.#state);
      }
      await this.#readCertificate();
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      this.#tell(`certificate: ${error.message}`);
      return false;
    }
    return true;
  }

  async #readCertificate(): Promise<void> {
    const text = await this.#options.storage.read(CERTIFICATE);
    if (text === this.#text) return;
    this.#text = text;
    // What is damaged stays where it is until there is a good one.
    const damaged = (why: string): void => this.#tell(`the certificate in the state folder cannot be used: ${why}`);
    this.#stored = text === undefined ? undefined : usablePair(text, damaged);
  }

  /** A point of the window for a certificate that has none yet. */
  async #draw(): Promise<void> {
    const stored = this.#stored;
    if (stored === undefined) return;
    const { fingerprint, notBefore, notAfter } = stored.facts;
    if (this.#state.certificate === fingerprint && this.#state.renewAt !== undefined) return;
    const life = { start: notBefore, end: notAfter };
    const renewAt = drawRenewal(windowOf(life), life, this.#now(), this.#options.random);
    await this.#remember({ certificate: fingerprint, renewAt, suggested: undefined, askAt: undefined });
  }

  /** Asks the CA for its window, as often as it likes. */
  async #askForWindow(): Promise<void> {
    const { client, random, onEvent } = this.#options;
    const facts = this.#stored?.facts;
    const now = this.#now();
    const { suggested } = this.#state;
    if (facts?.id === undefined || facts.notAfter <= now || !mayAsk(this.#state.askAt, now)) return;
    const { askAt, window, explanation } = await suggestion(client, facts.id);
    if (window === undefined || (window.start === suggested?.start && window.end === suggested.end)) {
      await this.#remember({ askAt });
      return;
    }
    if (explanation !== undefined)
      onEvent?.(`the certificate authority suggests another time for renewal: ${explanation}`);
    const life = { start: facts.notBefore, end: facts.notAfter };
    await this.#remember({ askAt, suggested: window, renewAt: drawRenewal(window, life, this.#now(), random) });
  }

  /** False: the CA cannot be asked, and that is remembered as a failure. */
  async #knowTime(): Promise<boolean> {
    try {
      const { session } = this.#options.client;
      await session.directory(true);
      const sentence = clockSentence(session.clockOffset);
      if (sentence !== undefined && sentence !== this.#clockTold) this.#options.onNotice?.(sentence);
      this.#clockTold = sentence;
      return true;
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      await this.#failed(error);
      return false;
    }
  }

  async #order(): Promise<void> {
    const state = this.#state;
    const plan = this.#planAt(this.#now());
    if (plan === undefined) return;
    const asked = this.#request;
    const failures = state.failure?.count ?? 0;
    // An order that was begun before a person asked has a key that others may have by now.
    const older = this.#pendingRequest !== undefined && state.failure?.request !== this.#pendingRequest;
    const started = waitAfter(undefined, failures + 1, this.#left(), this.#options.random);
    // First of all: a program that ends now finds that it has to wait. Where that cannot be stored, nothing is ordered.
    const failure = this.#failureOf(undefined, 'the program ended before the order did', started, failures + 1);
    if (!(await this.#remember({ failure }))) return;
    this.#options.onEvent?.(`a certificate is ordered: ${REASONS[plan.reason]}`);
    try {
      this.#stored = await attempt({
        options: this.#options,
        configuration: this.#configuration,
        pending: older ? undefined : state.order,
        failures,
        ordered: async (order: PendingOrder) => {
          if (!(await this.#remember({ order }))) throw new AcmeError('state', 'the state folder cannot be written');
        },
      });
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      await this.#failed(error, failures);
      return;
    }
    await this.#remember({ failure: undefined, order: undefined, handled: asked });
    this.#told = undefined;
    await this.#draw();
    await this.#inUse.use(this.#stored);
  }

  async #failed(error: AcmeError, failures = this.#state.failure?.count ?? 0): Promise<void> {
    const wait = waitAfter(error, failures + 1, this.#left(), this.#options.random);
    const failure = this.#failureOf(error, error.message, wait, failures + 1);
    await this.#remember({ failure, ...(mayGoOn(error) ? {} : { order: undefined }) });
    const serving =
      this.#stored === undefined ? '' : `; the one in use is valid until ${dateText(this.#stored.facts.notAfter)}`;
    const names = this.#options.identifiers.map(({ value }) => value).join(', ');
    this.#tell(
      `no new certificate for ${names}: ${error.message}; the next attempt is at ${timeText(failure.until)}${serving}`,
    );
  }

  #failureOf(error: AcmeError | undefined, message: string, wait: number, count: number): RenewalFailure {
    const at = this.#now();
    const code = error?.code ?? 'started';
    const common = { at, until: at + wait, count, code, problem: error?.problem?.type, message };
    return { ...common, request: this.#pendingRequest, configuration: this.#configuration };
  }

  /** Milliseconds that the certificate in use is still valid. */
  #left(): number | undefined {
    const end = this.#stored?.facts.notAfter;
    return end === undefined ? undefined : Math.max(0, end - this.#now());
  }

  /** False: it could not be stored. */
  async #remember(change: Partial<RenewalState>): Promise<boolean> {
    this.#state = { ...this.#state, ...change };
    try {
      await saveRenewal(this.#options.storage, this.#state);
      return true;
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      this.#tell(`certificate: ${error.message}; nothing is ordered until it can`);
      return false;
    }
  }

  /** The same message once. */
  #tell(sentence: string): void {
    if (sentence === this.#told) return;
    this.#told = sentence;
    this.#options.onNotice?.(sentence);
  }
}
