/** Lines out of chunks. */

/** Characters of a line at most. */
const LONGEST = 65_536;

export class LineReader {
  private rest = '';

  /** `longest`: characters of a line at most. */
  constructor(
    private readonly line: (text: string) => void,
    private readonly longest = LONGEST,
  ) {}

  /** False: the line that has begun is too long, and nothing more will be read. */
  take(chunk: Buffer): boolean {
    const lines = (this.rest + chunk.toString('utf8')).split('\n');
    this.rest = lines.pop() as string;
    for (const text of lines) if (text.trim() !== '') this.line(text);
    return this.rest.length <= this.longest;
  }
}
