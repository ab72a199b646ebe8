/** What TCP may keep: a share of what the machine, its control group and V8's heap have, and never all of it. */
import fc from 'fast-check';
import t from 'tap';
import { machineMemory, memoryBudget } from '../../../src/net/direct/host/memory-budget.js';

const MIB = 1 << 20;
const GIB = 1024 * MIB;

t.test('the smallest of RAM, control group and heap decides', async (t) => {
  const cases: [string, number, number, number, number, number][] = [
    ['a server of 16 GiB', 16 * GIB, 0, 4 * GIB, 1, 512 * MIB],
    ['a VM of 128 MiB', 128 * MIB, 0, 64 * MIB, 1, 32 * MIB],
    ['a container of 256 MiB on a large host', 64 * GIB, 256 * MIB, 4 * GIB, 1, 64 * MIB],
    ['no control group, as Node says it', 16 * GIB, 2 ** 63, 4 * GIB, 1, 512 * MIB],
    ['--max-old-space-size=64', 16 * GIB, 0, 64 * MIB, 1, 32 * MIB],
    ['four workers', 2 * GIB, 0, 4 * GIB, 4, 128 * MIB],
    ['next to nothing', 16 * MIB, 0, 16 * MIB, 1, 8 * MIB],
  ];
  for (const [name, ram, constrained, heap, workers, budget] of cases)
    t.equal(memoryBudget({ ram, constrained, heap }, workers), budget, name);
});

t.test('whatever the machine says: a whole number, 8 to 512 MiB, and workers share', async () => {
  const size = fc.double({ min: 0, max: 2 ** 64, noNaN: true });
  fc.assert(
    fc.property(size, size, size, fc.integer({ min: 1, max: 255 }), (ram, constrained, heap, workers) => {
      const budget = memoryBudget({ ram, constrained, heap }, workers);
      return Number.isInteger(budget) && budget >= 8 * MIB && budget <= 512 * MIB;
    }),
  );
});

t.test('this machine has a budget', async (t) => {
  const { ram, heap } = machineMemory();
  t.ok(ram > 0 && heap > 0);
  t.ok(memoryBudget(machineMemory(), 1) <= Math.max(8 * MIB, ram / 4));
});
