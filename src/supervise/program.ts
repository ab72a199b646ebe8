/** A program that a supervisor started, from its start to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { CHANNEL_VERSION, type Go, type ToProgram, type ToSupervisor } from '../control/channel.js';
import { hear } from '../control/hear.js';
import type { ControlAnswer, ControlRequest } from '../control/protocol.js';
import { UserError } from '../errors/user-error.js';
import { PARENT } from '../native/parent.js';

/** What is to run: an image's folder and where its site is by now. */
export interface What {
  /** Id of the image, or empty. */
  readonly image: string;
  /** The image's folder; undefined: this program itself. */
  readonly folder: string | undefined;
  /** Arguments without those of the image. */
  readonly args: readonly string[];
  /** The bundle to serve instead of the one that comes with it. */
  readonly instead: string | undefined;
}

/** Lines of standard error that are kept, to say why a program ended. */
const LAST_WORDS = 2000;

export interface Sinks {
  /** Takes what a program writes to standard error. */
  readonly write: (text: string) => void;
  /** Takes what is thrown in dealing with a message of a program. */
  readonly faulted: (error: unknown) => void;
}

type Stage = 'starting' | 'ready' | 'serving' | 'retired' | 'over';

export class Program {
  stage: Stage = 'starting';
  /** Where it serves: one for each address. */
  urls: readonly string[] = [];
  /** Gets the URL of each address that is new after that. */
  onUrl: (url: string) => void = () => undefined;
  bundle = '';
  /** Resolves when the site is open and the self-test passed; rejects with a `UserError` when it ends before. */
  readonly ready: Promise<void>;
  readonly serving: Promise<void>;
  /** Resolves when the process is gone, with a message about how. */
  readonly exit: Promise<string>;
  private readonly questions = new Map<number, (answer: ControlAnswer) => void>();
  private asked = 0;
  private failure: string | undefined = undefined;
  private words = '';

  constructor(
    readonly what: What,
    /** Where it listens for a successor. */
    readonly link: string,
    private readonly child: ChildProcess,
    { write, faulted }: Sinks,
  ) {
    const ready = promise<void>();
    const serving = promise<void>();
    const exit = promise<string>();
    this.ready = ready.promise;
    this.serving = serving.promise;
    this.exit = exit.promise;
    const heard = (said: ToSupervisor): void => {
      if (said.say === 'ready') {
        this.bundle = said.bundle;
        this.stage = 'ready';
        ready.resolve();
      } else if (said.say === 'serving') {
        this.urls = Array.isArray(said.urls) ? said.urls : [said.url];
        this.stage = 'serving';
        serving.resolve();
      } else if (said.say === 'address') this.onUrl(said.url);
      else if (said.say === 'answer') this.answered(said.number, said.answer);
      else if (said.say === 'failed') this.failure = said.error;
    };
    hear(child, heard, faulted);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      write(text);
      this.words = (this.words + text).slice(-LAST_WORDS);
    });
    let over = false;
    const ended = (how: string): void => {
      if (over) return;
      over = true;
      const sentence = this.failure ?? how;
      this.stage = 'over';
      ready.reject(new UserError(sentence));
      serving.reject(new UserError(sentence));
      for (const answer of this.questions.values()) answer({ ok: false, error: sentence });
      this.questions.clear();
      exit.resolve(sentence);
    };
    child.on('error', (error) => ended(`the program cannot be started: ${error.message}`));
    // Its standard error has been read by then.
    child.on('close', (code, signal) => ended(this.lastWords(code, signal)));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  private lastWords(code: number | null, signal: NodeJS.Signals | null): string {
    const line = this.words.trim().split('\n').at(-1) ?? '';
    const how = signal === null ? `the program ended with status ${code}` : `the program was ended by ${signal}`;
    return line === '' ? how : `${how}: ${line.replace(/^sitekernel: /, '')}`;
  }

  private tell(message: ToProgram): void {
    if (this.child.connected) this.child.send(message, () => undefined);
  }

  go(order: Omit<Go, 'do' | 'version' | 'image' | 'link'>): void {
    this.tell({ do: 'go', version: CHANNEL_VERSION, image: this.what.image, link: this.link, ...order });
  }

  ask(request: ControlRequest): Promise<ControlAnswer> {
    if (this.stage === 'over') return Promise.resolve({ ok: false, error: 'the program has ended' });
    return new Promise((resolve) => {
      const number = this.asked++;
      this.questions.set(number, resolve);
      this.tell({ do: 'ask', number, request });
    });
  }

  private answered(number: number, answer: ControlAnswer): void {
    this.questions.get(number)?.(answer);
    this.questions.delete(number);
  }

  /**
   * Another program has the traffic: this one ends when its open connections have ended, after `seconds` at the latest.
   */
  retire(seconds: number): void {
    if (this.stage === 'over') return;
    this.stage = 'retired';
    this.tell({ do: 'retire', seconds });
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** Starts it. `fds` are the sockets, or the TAP, that it inherits. */
export function startProgram(what: What, link: string, fds: readonly number[], sinks: Sinks): Program {
  const instead = what.instead === undefined ? [] : ['--instead', what.instead];
  const args = [...what.args, '--supervised', ...instead];
  const [command, ...before] =
    what.folder === undefined ? [process.execPath, process.argv[1] as string] : ['/bin/sh', `${what.folder}/run`];
  const child = spawn(command as string, [...before, ...args], {
    // 3 is the channel; `INHERITED_FD` is the next.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...fds],
    // For `run`: the Node that runs this.
    env: { ...process.env, SITEKERNEL_NODE: process.execPath, [PARENT]: String(process.pid) },
  });
  return new Program(what, link, child, sinks);
}

function promise<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const made = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A caller that waits gets the rejection; there may be no such caller.
  made.catch(() => undefined);
  return { promise: made, resolve, reject };
}
