/** Lines out of chunks. */

/** Bytes of a line at most. */
const LONGEST = 65_536;

export class LineReader {
  private rest = '';

  constructor(private readonly line: (text: string) => void) {}

  /** False: the line that has begun is too long, and nothing more will be read. */
  take(chunk: Buffer): boolean {
    const lines = (this.rest + chunk.toString('utf8')).split('\n');
    this.rest = lines.pop() as string;
    for (const text of lines) if (text.trim() !== '') this.line(text);
    return this.rest.length <= LONGEST;
  }
}
