/**
 * Holds what a site is served on, starts the programs that serve it, and hands the traffic from one to the next. A new
 * program comes up beside the running one, opens its site and tests itself. Only then the supervisor orders it to take
 * over, and the old one to finish.
 */

import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PassedSecret } from '../control/channel.js';
import { InTurn } from '../control/in-turn.js';
import type { ControlAnswer, ControlRequest, SwapRequest } from '../control/protocol.js';
import { hasCode } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';
import { giveFolder, programsUser } from '../seal/programs-user.js';
import type { ServeOptions } from '../serve/options/serve.js';
import type { TicketKeeper } from '../serve/tickets/ticket-keys.js';
import { FormerBundles } from './former-bundles.js';
import { addressKey, type Before, checkAlone, type Held, heldKey, hold, release } from './held.js';
import { type Program, type Sinks, startProgram, type What } from './program.js';
import { afterReplacement, afterSwap } from './served.js';

/** Programs that may drain at one time; a further replacement waits. */
const MOST_RETIRED = 8;
/** Milliseconds that a program may take until it has opened its site and tested itself, and then until it serves. */
const GATE = 120_000;
const TAKE_OVER = 60_000;
/**
 * Milliseconds before a program that ended by itself is started again: doubled each time, until it has served for a
 * while.
 */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;
const STEADY = 30_000;

export interface SupervisorOptions extends Sinks {
  /** Path of the control socket. */
  readonly control: string;
  /** A folder of this user's alone, for the sockets between programs. */
  readonly folder: string;
  /** Seconds that what is open in a replaced program may go on. */
  readonly handoverDrain: number;
  /** What an image's arguments and those of this host make together. Throws a `UserError`. */
  readonly optionsOf: (what: What) => ServeOptions;
  readonly log: (sentence: string) => void;
}

/** A predecessor that this process did not start. */
export interface Foreign {
  readonly link: string;
  readonly retire: (seconds: number) => void;
}

export class Supervisor {
  private current: Program | undefined = undefined;
  private trying: Program | undefined = undefined;
  private readonly retired = new Set<Program>();
  private held: Held | undefined = undefined;
  private servedOn = '';
  private readonly former = new FormerBundles();
  /** There once a program serves HTTPS. */
  private keeper: TicketKeeper | undefined = undefined;
  private readonly cookies = randomBytes(16).toString('base64');
  private readonly changes = new InTurn();
  private ending = false;
  private started = 0;
  private pause = FIRST_PAUSE;
  /** Resolves when `end` is through. */
  readonly over: Promise<void>;
  private readonly ended: () => void;

  constructor(private readonly options: SupervisorOptions) {
    let ended: () => void = () => undefined;
    this.over = new Promise((resolve) => {
      ended = resolve;
    });
    this.ended = ended;
  }

  /** Starts the first program. `given`: a socket or TAP that was passed on. Rejects with a `UserError`. */
  async start(what: What, given: Held | readonly number[], foreign?: Foreign): Promise<void> {
    const options = this.options.optionsOf(what);
    this.held = 'key' in given ? given : await hold(options, given);
    const program = await this.bring(what, options, this.held, foreign === undefined ? [] : [foreign.link]);
    foreign?.retire(this.options.handoverDrain);
    this.settle(program, options);
  }

  /** Has the program that serves read its sites again. One that is starting reads them anyway. */
  reload(): void {
    if (this.current?.stage === 'serving') this.current.kill('SIGHUP');
    else this.options.log('SIGHUP: no program serves yet that could read its site again');
  }

  /** What is asked over the control socket. */
  readonly answer = async (request: ControlRequest): Promise<ControlAnswer> => {
    switch (request.do) {
      case 'status':
        return this.status();
      case 'swap':
        return this.changes.run(() => this.swap(request));
      case 'replace':
        return this.changes.run(() => this.replace(afterReplacement(request, this.current?.what)));
      case 'reload':
        return this.current?.ask(request) ?? { ok: false, error: 'no program runs that has certificates' };
      case 'drain':
        this.end(request.seconds).catch(this.options.faulted);
        return { ok: true, state: 'draining' };
      default:
        return { ok: false, error: `${request.do} is for a program without a supervisor; this one takes its place` };
    }
  };

  private async tickets(): Promise<PassedSecret> {
    this.keeper ??= new (await import('../serve/tickets/ticket-keys.js')).TicketKeeper();
    return this.keeper.passed();
  }

  private async status(): Promise<ControlAnswer> {
    const { current } = this;
    if (current === undefined || current.stage === 'over') return { ok: true, state: 'starting' };
    const answer = await current.ask({ do: 'status' });
    return answer.ok && this.ending ? { ...answer, state: 'draining' } : answer;
  }

  private async swap(request: SwapRequest): Promise<ControlAnswer> {
    const { current } = this;
    if (current === undefined || this.ending) return { ok: false, error: 'no program runs that could take the bundle' };
    const answer = await current.ask(request);
    if (!answer.ok) return answer;
    this.remember(this.options.optionsOf(current.what));
    (current as { what: What }).what = afterSwap(current.what, request);
    current.bundle = answer.bundle ?? current.bundle;
    return answer;
  }

  private async replace(what: What): Promise<ControlAnswer> {
    if (this.ending) return { ok: false, error: 'it is ending, and takes no other program' };
    const old = this.current;
    const options = this.options.optionsOf(what);
    await this.room();
    checkAlone(options, this.held);
    const held = heldKey(options) === this.held?.key ? this.held : await hold(options, [], this.before());
    const along = addressKey(options) === this.servedOn;
    if (along && old !== undefined) this.checkUser(options, old);
    const links = along ? [...(old === undefined ? [] : [old.link]), ...[...this.retired].map(({ link }) => link)] : [];
    let program: Program;
    try {
      program = await this.bring(what, options, held, links);
    } catch (error) {
      if (held !== this.held) release(held, this.held);
      await this.recover(old);
      throw error;
    }
    if (held !== this.held && this.held !== undefined) release(this.held, held);
    this.held = held;
    this.settle(program, options);
    if (old !== undefined && old.stage !== 'over') this.retire(old);
    return program.ask({ do: 'status' });
  }

  /** Connections of a stack move over sockets that are one user's alone. */
  private checkUser(options: ServeOptions, old: Program): void {
    const before = programsUser(this.options.optionsOf(old.what).seal)?.uid;
    if (options.net === 'direct' && before !== programsUser(options.seal)?.uid)
      throw new UserError(
        '--user stays as it is while connections are handed over; end the supervisor, and start anew',
      );
  }

  private before(): Before | undefined {
    const { held, current } = this;
    return held === undefined || current === undefined
      ? undefined
      : { held, options: this.options.optionsOf(current.what) };
  }

  /** Brings up a program until it serves. On rejection it is gone. */
  private async bring(
    what: What,
    options: ServeOptions,
    held: Held,
    predecessors: readonly string[],
  ): Promise<Program> {
    giveFolder(this.options.folder, programsUser(options.seal));
    const link = join(this.options.folder, `${process.pid}-${this.started++}.link`);
    const program = startProgram(what, link, held.fds, this.options);
    this.trying = program;
    try {
      await within(program.ready, GATE, 'the program did not come up in time');
      program.go({
        predecessors,
        former: this.former.listed(this.servedBundle(), options.http.site.keepAssets, Date.now()),
        control: this.options.control,
        held: held.key,
        drain: this.options.handoverDrain,
        tap: held.tap,
        sockets: held.fds.length,
        cookies: this.cookies,
        tickets: options.tls === undefined ? undefined : await this.tickets(),
      });
      // The first address may take its time: a DHCP server may be late.
      const patience = predecessors.length === 0 ? Number.POSITIVE_INFINITY : TAKE_OVER;
      await within(program.serving, patience, 'the program did not take over in time');
      return program;
    } catch (error) {
      program.kill('SIGKILL');
      await program.exit;
      rmSync(link, { force: true });
      throw error;
    } finally {
      this.trying = undefined;
    }
  }

  /** A program has the traffic. */
  private settle(program: Program, options: ServeOptions): void {
    if (this.current !== undefined) this.remember(options);
    this.current = program;
    this.servedOn = addressKey(options);
    const since = Date.now();
    this.options.log(`serving on ${program.urls.join(' ')} (program ${program.pid})`);
    program.onUrl = (url) => this.options.log(`also serving on ${url} (program ${program.pid})`);
    const ended = (how: string): void => {
      rmSync(program.link, { force: true });
      if (this.current !== program || this.ending) return;
      if (Date.now() - since > STEADY) this.pause = FIRST_PAUSE;
      this.options.log(`${how}; it is started again`);
      this.changes.run(() => this.restart(program.what)).catch(this.options.faulted);
    };
    program.exit.then(ended).catch(this.options.faulted);
  }

  /** Until it serves again. What came meanwhile waits in the socket or the TAP. */
  private async restart(what: What): Promise<ControlAnswer> {
    const links = [...this.retired].map(({ link }) => link);
    while (!this.ending) {
      try {
        // Its image may have been damaged since, and may be whole again.
        const options = this.options.optionsOf(what);
        this.settle(await this.bring(what, options, this.held as Held, links), options);
        return { ok: true };
      } catch (error) {
        this.options.log(`${errorText(error)}; trying again in ${this.pause} ms`);
        await new Promise((done) => setTimeout(done, this.pause));
        this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
        await this.holdAgain(what);
      }
    }
    return { ok: true };
  }

  /**
   * Another process may have removed our TAP or card. A device that we still hold cannot be opened twice, and stays.
   */
  private async holdAgain(what: What): Promise<void> {
    const { held } = this;
    if (held?.tap === undefined) return;
    try {
      const fresh = await hold(this.options.optionsOf(what), []);
      this.held = fresh;
      release(held);
      this.options.log(`${held.tap.name} is held anew`);
    } catch (error) {
      if (!hasCode(error, 'in-use')) this.options.log(errorText(error));
    }
  }

  /**
   * A replacement failed. Mostly `old` has never stopped serving, or took the traffic back when its successor went; if
   * it had given it away for good, its program is started anew, and what is open in it goes on.
   */
  private async recover(old: Program | undefined): Promise<void> {
    if (old === undefined || old.stage === 'over' || this.ending) return;
    const status = await old.ask({ do: 'status' });
    if (!status.ok || status.state !== 'draining') return;
    this.retire(old);
    await this.restart(old.what);
  }

  private retire(program: Program): void {
    this.retired.add(program);
    void program.exit.then(() => this.retired.delete(program));
    program.retire(this.options.handoverDrain);
  }

  /** Waits until one more program may drain. */
  private async room(): Promise<void> {
    if (this.retired.size < MOST_RETIRED) return;
    this.options.log(
      `${this.retired.size} replaced programs still have connections; waiting for one of them to finish`,
    );
    const until = this.options.handoverDrain * 1000 + 10_000;
    await within(
      Promise.race([...this.retired].map(({ exit }) => exit)),
      until,
      'too many replaced programs still have connections',
    );
  }

  /** What is served now is about to be replaced. */
  private remember(options: ServeOptions): void {
    this.former.remember(this.servedBundle(), options.http.site.keepAssets, Date.now());
  }

  /** A path; undefined: the site that is embedded in the program. */
  private servedBundle(): string | undefined {
    const what = this.current?.what;
    return what === undefined ? undefined : (what.instead ?? this.options.optionsOf(what).site);
  }

  /** Ends every program, and lets what is open finish within the time of `--drain`, or `seconds`. */
  async end(seconds: number | undefined): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    this.trying?.kill('SIGKILL');
    const { current } = this;
    const drain = seconds ?? (current === undefined ? 0 : this.options.optionsOf(current.what).drain / 1000);
    const all = [...this.retired, ...(current === undefined ? [] : [current])];
    for (const program of all) program.kill('SIGTERM');
    await within(Promise.all(all.map(({ exit }) => exit)), drain * 1000 + 5000, '').catch(() => {
      for (const program of all) program.kill('SIGKILL');
    });
    this.ended();
  }
}

async function within<T>(promise: Promise<T>, milliseconds: number, sentence: string): Promise<T> {
  if (milliseconds === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new UserError(sentence)), Math.min(milliseconds, 2_147_483_647));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
