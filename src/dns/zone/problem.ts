/** What is wrong with a zone, and where. */

/** Lines and columns count from 1; a column is a byte. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Problem extends Place {
  /** A warning leaves the zone usable. */
  readonly severity: 'error' | 'warning';
  /** What is wrong, and what to write instead. */
  readonly message: string;
}

/** One entry cannot be read: the parser notes it and goes on with the next. */
export class EntryError extends Error {
  override readonly name = 'EntryError';

  constructor(
    message: string,
    readonly place: Place,
  ) {
    super(message);
  }
}

/** `file:line:column: message`, as compilers write it. */
export function problemText(file: string, { line, column, severity, message }: Problem): string {
  return `${file}:${line}:${column}: ${severity === 'warning' ? 'warning: ' : ''}${message}`;
}
