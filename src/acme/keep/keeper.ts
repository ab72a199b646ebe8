/**
 * Keeps one certificate fresh: serves what is stored, orders when its time has come, and waits behind what fails. Everything that would
 * make a difference after a restart is stored before it is done.
 */
import type { Timer } from '../../net/flow.js';
import { AcmeError } from '../protocol/problem.js';
import { CERTIFICATE, readPair, type StoredCertificate } from '../state/certificate-state.js';
import { loadRenewal, NO_RENEWAL, type PendingOrder, type RenewalState, saveRenewal } from '../state/renewal-state.js';
import { attempt } from './attempt.js';
import { waitAfter } from './back-off.js';
import type { KeeperOptions } from './options.js';
import { planOf, REASONS } from './plan.js';
import { drawRenewal, windowOf } from './window.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Between two looks at the storage and the clock; milliseconds. */
const LOOK = 10 * MINUTE;
/** When a CA does not say, and after it did not answer (RFC 9773 4.3). */
const ASK_AGAIN = 6 * HOUR;

export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #configuration: string;
  #state: RenewalState = NO_RENEWAL;
  #stored: StoredCertificate | undefined;
  /** What is stored, as it was read. */
  #text: string | undefined;
  /** Fingerprint of what the sink has. */
  #used: string | undefined;
  #told: string | undefined;
  #timer: Timer | undefined;
  #turn: Promise<void> | undefined;
  #stopped = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const names = options.identifiers.map(({ value }) => value).sort();
    this.#configuration = [...names, options.profile ?? ''].join(' ');
  }

  /** Resolves when what is stored is served; what has to be ordered is, afterwards. Rejects for nothing that the CA or the disk does. */
  async start(): Promise<void> {
    await this.#load();
    await this.#use();
    this.#plan(0);
  }

  /** No more orders; one under way goes on to its next answer, and is found again. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Looks at the storage now: a person has changed something. */
  look(): void {
    this.#plan(0);
  }

  #plan(delay: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.client.session.clock.schedule(delay, () => {
      if (this.#turn !== undefined) return;
      this.#turn = this.#work()
        .catch((error: unknown) => {
          // A mistake of this program must not end it, or the renewals.
          this.#options.onNotice?.(
            `certificate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          );
          return HOUR;
        })
        .then((next) => {
          this.#turn = undefined;
          this.#plan(next);
        });
    });
  }

  /** Does what is due; returns the milliseconds to the next look. */
  async #work(): Promise<number> {
    if (!(await this.#load())) return LOOK;
    await this.#use();
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
    const plan = planOf(this.#state, this.#stored, this.#options.identifiers, this.#configuration, now);
    return plan === undefined ? LOOK : Math.max(0, plan.at - now);
  }

  #now(): number {
    return this.#options.client.session.now();
  }

  /** Reads what is stored. False: it cannot be read, and nothing is done until it can. */
  async #load(): Promise<boolean> {
    const { storage } = this.#options;
    try {
      const { state, damaged } = await loadRenewal(storage);
      this.#state = state ?? NO_RENEWAL;
      if (damaged) {
        // It may have said to wait, or that an order is under way: then a fresh start would be one order more.
        this.#state = {
          ...NO_RENEWAL,
          failure: this.#failureOf(undefined, 'the plan in the state folder was damaged', HOUR, 1),
        };
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
    this.#stored = undefined;
    if (text === undefined) return;
    try {
      this.#stored = readPair(text);
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      // It stays where it is until there is a good one.
      this.#tell(`the certificate in the state folder cannot be used: ${error.message}`);
    }
  }

  /** Has what is stored served, where it is not. */
  async #use(): Promise<void> {
    const stored = this.#stored;
    const { sink, served, onEvent } = this.#options;
    if (stored === undefined) return;
    const { fingerprint, notAfter, names } = stored.facts;
    const seen = this.#used === fingerprint ? await served?.() : undefined;
    const lost = seen !== undefined && seen !== fingerprint;
    if (this.#used === fingerprint && !lost) {
      if (notAfter <= this.#now()) this.#tellExpired(stored);
      return;
    }
    if (lost)
      this.#tell(
        `clients are given another certificate for ${names.join(', ')} than the one that is stored; it is put in use again`,
      );
    try {
      await sink.use(stored.chainPem, stored.keyPem);
    } catch (error) {
      // The sink's own words: it is another part of this program, and says what it cannot take.
      this.#tell(`the certificate for ${names.join(', ')} cannot be put in use: ${(error as Error).message}`);
      return;
    }
    this.#used = fingerprint;
    if (notAfter <= this.#now()) this.#tellExpired(stored);
    else onEvent?.(`the certificate for ${names.join(', ')} is in use, until ${dateText(notAfter)}`);
  }

  #tellExpired({ facts: { names, notAfter } }: StoredCertificate): void {
    this.#tell(`the certificate for ${names.join(', ')} expired on ${dateText(notAfter)}; it is served all the same`);
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

  /** RFC 9773: asks the CA for its window, as often as it likes. */
  async #askForWindow(): Promise<void> {
    const { client, random } = this.#options;
    const stored = this.#stored;
    const now = this.#now();
    const { askAt, suggested } = this.#state;
    if (stored?.facts.id === undefined || stored.facts.notAfter <= now) return;
    // A clock that was set back does not put the question off for longer than a day.
    if (askAt !== undefined && askAt > now && askAt - now <= DAY) return;
    let next = now + ASK_AGAIN;
    let window = suggested;
    try {
      const asked = await client.renewalInfo(stored.facts.id);
      if (asked !== undefined) {
        const { start, end, explanation } = asked.value;
        // RFC 9773 4.3.1: from a minute to a day.
        next = now + Math.min(DAY, Math.max(MINUTE, asked.retryAfter ?? ASK_AGAIN));
        window = { start, end };
        if (explanation !== undefined && suggested?.start !== start)
          this.#options.onEvent?.(`the certificate authority suggests another time for renewal: ${explanation}`);
      }
    } catch (error) {
      // Without an answer the window that is known holds (RFC 9773 4.3.2).
      if (!(error instanceof AcmeError)) throw error;
    }
    if (window === undefined || (window.start === suggested?.start && window.end === suggested.end)) {
      await this.#remember({ askAt: next });
      return;
    }
    const { notBefore, notAfter } = stored.facts;
    const renewAt = drawRenewal(window, { start: notBefore, end: notAfter }, this.#now(), random);
    await this.#remember({ askAt: next, suggested: window, renewAt });
  }

  /** False: the CA cannot be asked, and that is remembered as a failure. */
  async #knowTime(): Promise<boolean> {
    try {
      await this.#options.client.session.directory(true);
      return true;
    } catch (error) {
      if (!(error instanceof AcmeError)) throw error;
      await this.#failed(error);
      return false;
    }
  }

  async #order(): Promise<void> {
    const state = this.#state;
    const plan = planOf(state, this.#stored, this.#options.identifiers, this.#configuration, this.#now());
    if (plan === undefined) return;
    const failures = state.failure?.count ?? 0;
    const started = waitAfter(undefined, failures + 1, this.#left(), this.#options.random);
    // First of all: a program that ends now finds that it has to wait. Where that cannot be stored, nothing is ordered.
    const failure = this.#failureOf(undefined, 'the program ended before the order did', started, failures + 1);
    if (!(await this.#remember({ failure, requested: false }))) return;
    this.#options.onEvent?.(`a certificate is ordered: ${REASONS[plan.reason]}`);
    try {
      this.#stored = await attempt({
        options: this.#options,
        configuration: this.#configuration,
        pending: state.order,
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
    await this.#remember({ failure: undefined, order: undefined });
    this.#told = undefined;
    await this.#draw();
    await this.#use();
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

  #failureOf(error: AcmeError | undefined, message: string, wait: number, count: number) {
    const at = this.#now();
    const problem = error?.problem?.type;
    return {
      at,
      until: at + wait,
      count,
      code: error?.code ?? 'started',
      problem,
      message,
      configuration: this.#configuration,
    };
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

  /** The same sentence once. */
  #tell(sentence: string): void {
    if (sentence === this.#told) return;
    this.#told = sentence;
    this.#options.onNotice?.(sentence);
  }
}

/** Whether the order may still come to a certificate. */
function mayGoOn({ code, problem }: AcmeError): boolean {
  return (
    code === 'unreachable' ||
    code === 'later' ||
    code === 'state' ||
    problem?.type === 'rateLimited' ||
    problem?.type === 'serverInternal'
  );
}

function dateText(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function timeText(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
