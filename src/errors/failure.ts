import { writeError } from '../native/standard-error.js';

/**
 * What a person did or the machine lacks: one sentence for standard error, and the exit status. Never a stack trace.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  /** 2: bad usage; 1: everything else. */
  readonly status: 1 | 2;

  constructor(message: string, status: 1 | 2 = 1) {
    super(message);
    this.status = status;
  }
}

export function badUsage(message: string): Failure {
  return new Failure(message, 2);
}

/** Says on standard error what went wrong; answers the exit status. */
export function reportFailure(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // A mistake of a person, or the state of the machine, is a sentence; only a mistake of ours shows where it happened.
  const ours = !(error instanceof Error) || OUR_MISTAKES.has(error.name);
  writeError(`sitekernel: ${ours ? stack : error.message}\n`);
  return error instanceof Failure ? error.status : 1;
}

const OUR_MISTAKES = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']);
