/** Which addresses the operator is told of, and when. */
import t from 'tap';
import { ServedAddress } from '../../../src/net/direct/address/served-address.js';

const watched = (): { served: ServedAddress; further: string[]; notices: string[] } => {
  const [further, notices]: [string[], string[]] = [[], []];
  const served = new ServedAddress({ onNotice: (one) => void notices.push(one) }, [], ['192.0.2.80'], () => {});
  return { served, further, notices };
};

t.test('an IPv4 address that comes after those of IPv6 is told of, and what is served beside it', async (t) => {
  const { served, further, notices } = watched();
  served.are(['2001:db8::80'], true);
  served.listened();
  served.onFurther = (one) => further.push(one);
  served.is('10.0.0.2');
  t.same(further, ['10.0.0.2', '192.0.2.80']);
  served.is('10.0.0.2');
  served.are(['2001:db8::80', '2001:db8::81'], true);
  t.same(further.slice(2), ['2001:db8::81'], 'each once');
  t.same(notices, []);
});

t.test('an IPv4 address in place of another is told of in one message', async (t) => {
  const { served, further, notices } = watched();
  served.is('10.0.0.2');
  served.listened();
  served.onFurther = (one) => further.push(one);
  served.is('10.0.0.3');
  t.same(notices, ['our address is 10.0.0.3 now']);
  t.same(further, []);
});
