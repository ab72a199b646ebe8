/** What a person did or the machine lacks: one sentence for standard error, and the exit status. Never a stack trace. */
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
