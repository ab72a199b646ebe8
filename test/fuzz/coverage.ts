/**
 * Which blocks of `src/net` ran, as V8 counts them (inspector, precise coverage by block): does a run reach anything
 * new?
 */
import { type Profiler, Session } from 'node:inspector/promises';

export class Coverage {
  private readonly seen = new Set<string>();
  private readonly ran = new Map<string, Map<string, boolean>>();

  private constructor(private readonly session: Session) {}

  static async start(): Promise<Coverage> {
    const session = new Session();
    session.connect();
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return new Coverage(session);
  }

  /** Blocks that were reached so far. */
  get blocks(): number {
    return this.seen.size;
  }

  /** Functions of the file whose path ends so: how many ran, and how many there are. */
  functions(file: string): { reached: number; all: number } {
    const name = [...this.ran.keys()].find((one) => one.endsWith(file));
    const all = [...(this.ran.get(name ?? '')?.values() ?? [])];
    return { reached: all.filter((one) => one).length, all: all.length };
  }

  /** How many blocks were reached since the last call and never before. Counts start anew. */
  async fresh(): Promise<number> {
    const { result } = (await this.session.post('Profiler.takePreciseCoverage')) as {
      result: Profiler.ScriptCoverage[];
    };
    const before = this.seen.size;
    for (const script of result) {
      const at = script.url.indexOf('/src/net/');
      if (at < 0) continue;
      const name = script.url.slice(at);
      const ran = this.ran.get(name) ?? new Map<string, boolean>();
      this.ran.set(name, ran);
      for (const fn of script.functions) {
        const id = `${fn.functionName}:${fn.ranges[0]?.startOffset}`;
        ran.set(id, ran.get(id) === true || (fn.ranges[0]?.count ?? 0) > 0);
        for (const { startOffset, endOffset, count } of fn.ranges) {
          if (count === 0) continue;
          // How often, by powers of two, as AFL has it.
          this.seen.add(`${name}:${startOffset}-${endOffset}:${Math.min(12, Math.floor(Math.log2(count)))}`);
        }
      }
    }
    return this.seen.size - before;
  }
}
