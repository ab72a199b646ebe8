import t from 'tap';
import { runDualStack } from './dual-stack.js';

const SEEDS = Number(process.env['SITEKERNEL_IPV6_SEEDS'] ?? 40);

t.test(`${SEEDS} dual-stack networks: every byte comes over both families, whatever happens to routers`, async (t) => {
  let flows = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { list, flows: count } = runDualStack(seed);
    flows += count;
    if (list.length === 0) continue;
    t.fail(`seed ${seed}: ${list.join('; ')}`);
    return;
  }
  t.ok(flows >= SEEDS * 10, `${flows} connections`);
});

t.test('networks that did not hold once: dead routers that handshakes believed in, a hidden prefix', async (t) => {
  for (const seed of [331, 1054, 5216, 12_347]) t.same(runDualStack(seed).list, [], `seed ${seed}`);
});
