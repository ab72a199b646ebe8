/**
 * A seccomp filter from rules: a program of classic BPF (Linux, networking/filter), which the kernel runs before each
 * system call on `struct seccomp_data`: number (offset 0), architecture (4), instruction pointer (8), arguments (16).
 *
 * Calls are found by halving, some seven comparisons. Where the answer hangs on the number alone the kernel works it
 * out once (seccomp's bitmap, Linux 5.11), and such an allowed call runs no instruction of the filter.
 */
import { type Arch, type Calls, callsOf } from './calls.js';
import type { Condition, Rule } from './lists/rules.js';

/** linux/bpf_common.h: load a word of the data, jump, and with the accumulator, answer. */
const LD_W_ABS = 0x20;
const ALU_AND_K = 0x54;
const JMP_JA = 0x05;
const JMP_JEQ_K = 0x15;
const JMP_JGT_K = 0x25;
const JMP_JGE_K = 0x35;
const RET_K = 0x06;

/** linux/audit.h */
const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x86_64: 0xc000_003e, aarch64: 0xc000_00b7 };
/** linux/bpf_common.h: BPF_MAXINSNS. */
const MOST_INSTRUCTIONS = 4096;
/** Bytes of `struct sock_filter`. */
const INSTRUCTION = 8;

/** linux/seccomp.h */
export const KILL_PROCESS = 0x8000_0000;
export const ALLOW = 0x7fff_0000;
const ERRNO = 0x0005_0000;
const EPERM = 1;
/** Fails with EPERM. */
export const REFUSE = ERRNO | EPERM;

const EVERY_BIT = 0xffff_ffff;

type Label = number;

class Program {
  /** Two words for each instruction: its code, and a value, or a label to go to. */
  private readonly code: number[] = [];
  /** Where each label is, an index into `code`. */
  private readonly labels: number[] = [];

  label(): Label {
    return this.labels.push(-1) - 1;
  }

  at(label: Label): void {
    this.labels[label] = this.code.length >> 1;
  }

  load(offset: number): void {
    this.code.push(LD_W_ABS, offset);
  }

  and(mask: number): void {
    this.code.push(ALU_AND_K, mask >>> 0);
  }

  answer(action: number): void {
    this.code.push(RET_K, action >>> 0);
  }

  go(to: Label): void {
    this.code.push(JMP_JA, to);
  }

  /**
   * A conditional jump reaches 255 instructions only: what is to be done otherwise follows, or a jump to it, which
   * reaches everywhere.
   */
  unless(code: number, k: number, otherwise: Label): void {
    this.code.push(code, k >>> 0);
    this.go(otherwise);
  }

  /** Throws a RangeError when it has too many instructions. */
  bytes(): Uint8Array {
    const { code, labels } = this;
    const count = code.length >> 1;
    if (count > MOST_INSTRUCTIONS) throw new RangeError('the filter is too long');
    const bytes = new Uint8Array(count * INSTRUCTION);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) {
      const op = code[2 * i] as number;
      const k = code[2 * i + 1] as number;
      view.setUint16(i * INSTRUCTION, op, true);
      // The jump to what is otherwise is the next instruction, and is leapt over.
      if (op === JMP_JEQ_K || op === JMP_JGT_K || op === JMP_JGE_K) bytes[i * INSTRUCTION + 2] = 1;
      view.setUint32(i * INSTRUCTION + 4, op === JMP_JA ? (labels[k] as number) - i - 1 : k, true);
    }
    return bytes;
  }
}

/** `struct sock_filter[]`. `otherwise`: what becomes of a call that no rule has. Throws a RangeError: too long. */
export function filterOf(arch: Arch, rules: readonly Rule[], otherwise: number): Uint8Array {
  const program = new Program();
  const refuse = program.label();
  const allow = program.label();
  program.load(4);
  program.unless(JMP_JEQ_K, AUDIT_ARCH[arch], refuse);
  program.load(0);
  const groups = byNumber(rules, callsOf(arch));
  const entries = [...groups.keys()]
    .sort((a, b) => a - b)
    .map((number) => ({ number, label: isFree(groups.get(number) as Rule[]) ? allow : program.label() }));
  search(program, spansOf(entries, refuse));
  for (const { number, label } of entries) {
    if (label === allow) continue;
    program.at(label);
    body(program, groups.get(number) as Rule[], allow, refuse);
  }
  program.at(allow);
  program.answer(ALLOW);
  program.at(refuse);
  program.answer(otherwise);
  return program.bytes();
}

function byNumber(rules: readonly Rule[], calls: Calls): Map<number, Rule[]> {
  const groups = new Map<number, Rule[]>();
  for (const rule of rules) {
    for (const name of rule.calls) {
      const number = calls.number(name);
      if (number === undefined) continue;
      const group = groups.get(number);
      if (group === undefined) groups.set(number, [rule]);
      else group.push(rule);
    }
  }
  return groups;
}

/** Allowed whatever its arguments are. */
function isFree(rules: readonly Rule[]): boolean {
  return rules.some(({ errno, when }) => errno === undefined && when === undefined);
}

/** Numbers from `start` up to the next span's, and where they go. */
interface Span {
  readonly start: number;
  readonly label: Label;
}

/** All numbers: neighbours that go to one place are one span. The last one has those of x86-64's x32 ABI (bit 30). */
function spansOf(entries: readonly { readonly number: number; readonly label: Label }[], refuse: Label): Span[] {
  const spans: Span[] = [{ start: 0, label: refuse }];
  const begin = (start: number, label: Label): void => {
    if ((spans.at(-1) as Span).start === start) spans.pop();
    if (spans.at(-1)?.label !== label) spans.push({ start, label });
  };
  for (const { number, label } of entries) {
    begin(number, label);
    begin(number + 1, refuse);
  }
  return spans;
}

/** Goes to the label of the number that is in the accumulator. */
function search(program: Program, spans: readonly Span[]): void {
  const half = spans.length >> 1;
  const { start, label } = spans[half] as Span;
  if (half === 0) return program.go(label);
  const lower = program.label();
  program.unless(JMP_JGE_K, start, lower);
  search(program, spans.slice(half));
  program.at(lower);
  search(program, spans.slice(0, half));
}

/** The rules of one call that is not always allowed: when one of them allows it. */
function body(program: Program, rules: readonly Rule[], allow: Label, refuse: Label): void {
  const failing = rules.find(({ errno }) => errno !== undefined);
  const allowing = rules.filter(({ errno }) => errno === undefined);
  for (const conditions of allowing.flatMap(({ when }) => when ?? [])) {
    const next = program.label();
    for (const condition of conditions) test(program, condition, next);
    program.go(allow);
    program.at(next);
  }
  if (failing === undefined) program.go(refuse);
  else program.answer(ERRNO | (failing.errno as number));
}

/** Goes on where the condition holds, and to `no` elsewhere. */
function test(program: Program, condition: Condition, no: Label): void {
  const low = 16 + 8 * condition.argument;
  if (!('within' in condition)) {
    program.load(low);
    if (condition.mask !== EVERY_BIT) program.and(condition.mask);
    program.unless(JMP_JEQ_K, condition.value, no);
    return;
  }
  const yes = program.label();
  for (const { start, end } of condition.within) {
    const other = program.label();
    atLeast(program, low, start, other);
    const below = program.label();
    atLeast(program, low, end, below);
    program.go(other);
    program.at(below);
    program.go(yes);
    program.at(other);
  }
  program.go(no);
  program.at(yes);
}

/** Goes on where the 64 bits at `offset` (little endian) are at least `bound`, and to `no` elsewhere. */
function atLeast(program: Program, offset: number, bound: number, no: Label): void {
  const high = Math.floor(bound / 2 ** 32);
  const yes = program.label();
  const equal = program.label();
  program.load(offset + 4);
  program.unless(JMP_JGT_K, high, equal);
  program.go(yes);
  program.at(equal);
  program.unless(JMP_JEQ_K, high, no);
  program.load(offset);
  program.unless(JMP_JGE_K, bound % 2 ** 32, no);
  program.at(yes);
}
