/** What sealed processes call, out of the output of `strace -f`. */

/** Calls of sealed processes, by name, with how often each was refused. */
export type Made = Map<string, { times: number; refused: number }>;

/** Flags of clone(2) as strace writes them. */
const THREAD = /CLONE_THREAD/;

/**
 * `text`: lines that begin with the number of a thread. A process is sealed from its filter on, with all its threads;
 * what it starts is sealed as well.
 */
export function sealedCalls(text: string): Made {
  const made: Made = new Map();
  /** The process of each thread. */
  const processes = new Map<string, string>();
  const sealed = new Set<string>();
  /** The beginnings of calls that strace cut in two, by thread. */
  const begun = new Map<string, string>();
  const processOf = (thread: string): string => processes.get(thread) ?? thread;
  for (const line of text.split('\n')) {
    const [, thread, said] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (thread === undefined || said === undefined) continue;
    if (said.endsWith('<unfinished ...>')) {
      begun.set(thread, said);
      continue;
    }
    const whole = said.startsWith('<... ') ? `${begun.get(thread) ?? ''} ${said}` : said;
    const [, name] = /^(\w+)\(/.exec(whole) ?? [];
    if (name === undefined) continue;
    const answer = /\) += (-?\d+)(?: (E[A-Z]+))?/.exec(whole);
    if (/^(?:clone3?|v?fork)$/.test(name) && answer !== null && Number(answer[1]) > 0) {
      const child = answer[1] as string;
      if (THREAD.test(whole)) processes.set(child, processOf(thread));
      else if (sealed.has(processOf(thread))) sealed.add(child);
    }
    if (sealed.has(processOf(thread))) {
      const one = made.get(name) ?? { times: 0, refused: 0 };
      one.times += 1;
      if (answer?.[2] === 'EPERM') one.refused += 1;
      made.set(name, one);
    }
    if (name === 'seccomp' && whole.includes('SECCOMP_SET_MODE_FILTER,') && answer?.[1] === '0')
      sealed.add(processOf(thread));
  }
  return made;
}
