/** Names and numbers of system calls. */
import { AARCH64 } from './calls-aarch64.js';
import { X86_64 } from './calls-x86_64.js';

/** Machines whose calls are known. */
export type Arch = 'x86_64' | 'aarch64';

export interface Calls {
  /** Undefined: this machine has no call of that name. */
  number(name: string): number | undefined;
  /** `call 999` for one that came after these tables. */
  name(number: number): string;
}

/** Undefined: no such table. `arch`: as Node names it. */
export function archOf(arch: string): Arch | undefined {
  return arch === 'x64' ? 'x86_64' : arch === 'arm64' ? 'aarch64' : undefined;
}

const known = new Map<Arch, Calls>();

export function callsOf(arch: Arch): Calls {
  let calls = known.get(arch);
  if (calls === undefined) {
    calls = readTable(arch === 'x86_64' ? X86_64 : AARCH64);
    known.set(arch, calls);
  }
  return calls;
}

function readTable(table: typeof X86_64): Calls {
  const numbers = new Map<string, number>();
  for (const [first, text] of table) {
    let number = first;
    for (const name of text.split(/\s+/)) if (name !== '') numbers.set(name, number++);
  }
  return {
    number: (name) => numbers.get(name),
    name: (number) => {
      for (const [name, one] of numbers) if (one === number) return name;
      return `call ${number}`;
    },
  };
}
