/** What the host finds out about itself over its own stack before an order. */
import t from 'tap';
import { TYPE } from '../../../src/dns/wire/constants.js';
import { ConnectError } from '../../../src/net/connect-error.js';
import { parseIp } from '../../../src/net/ip-text.js';
import { stackOutside } from '../../../src/serve/certificates/stack-outside.js';
import { VirtualClock } from '../../http/virtual-clock.js';

/** A name with an address of each family; this host has those of `own`. */
function host(own: readonly string[], names: Readonly<Record<number, string>>) {
  const clock = new VirtualClock();
  const here = [...own];
  const resolver = {
    lookup: async (_name: string, type: number) => ({
      ...{ name: 'example.org', ttl: 60 },
      data: names[type] === undefined ? [] : [parseIp(names[type])!],
    }),
  };
  const connect = async (address: string, port: number) => {
    throw new ConnectError('no-route', address, port);
  };
  const outside = stackOutside({ resolver, connect } as never, () => here, clock);
  let found: readonly string[] | undefined;
  void outside.addresses('example.org').then((all) => {
    found = all;
  });
  /** Lets time pass in small steps, promises between them. */
  const pass = async (milliseconds: number): Promise<readonly string[] | undefined> => {
    for (let passed = 0; passed < milliseconds; passed += 100) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    await new Promise((resolve) => setImmediate(resolve));
    return found;
  };
  return { here, pass, clock };
}

const BOTH = { [TYPE.A]: '192.0.2.1', [TYPE.AAAA]: '2001:db8::1' };

t.test('an address by DHCP that comes after one of IPv6 is waited for before an order', async (t) => {
  const { here, pass } = host(['2001:db8::1'], BOTH);
  t.equal(await pass(4_000), undefined, 'the authority would ask where nobody answers');
  here.push('192.0.2.1');
  t.same(await pass(400), ['192.0.2.1', '2001:db8::1']);
});

t.test('of a family that the name does not have nothing is waited for', async (t) => {
  const { pass } = host(['2001:db8::1'], { [TYPE.AAAA]: '2001:db8::1' });
  t.same(await pass(0), ['2001:db8::1']);
});

t.test('an address that never comes is waited for ten seconds', async (t) => {
  const { pass, clock } = host(['192.0.2.1'], BOTH);
  t.equal(await pass(9_500), undefined);
  t.same(await pass(1_000), ['192.0.2.1', '2001:db8::1']);
  t.equal(clock.pending, 0, 'and no timer is left');
});

t.test('another address of the family is enough: behind a router the name leads to that', async (t) => {
  const { pass } = host(['10.0.0.5'], { [TYPE.A]: '192.0.2.1' });
  t.same(await pass(0), ['192.0.2.1']);
});
