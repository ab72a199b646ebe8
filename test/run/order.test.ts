import t from 'tap';
import { longestFirst } from './order.js';

t.test('what takes longest begins first; a file without a record before the short ones', async (t) => {
  t.same(longestFirst(['short', 'new', 'long', 'also-new'], { short: 5, long: 200 }), [
    'long',
    'also-new',
    'new',
    'short',
  ]);
});
