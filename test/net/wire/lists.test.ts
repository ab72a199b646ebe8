/** Lists in messages have as many entries as docs/bounds.md says; a message with more is none. */
import t from 'tap';
import { readDhcpv6 } from '../../../src/net/wire/dhcpv6.js';
import { walkOptions } from '../../../src/net/wire/nd.js';
import { documented } from '../../documented.js';
import { concat, view } from '../../sim/packets.js';

const BOUNDS = 'docs/bounds.md';
const many = (count: number, one: (i: number) => Uint8Array): Uint8Array =>
  concat(...Array.from({ length: count }, (_, i) => one(i)));

function option(code: number, data: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  view(head).setUint16(0, code);
  view(head).setUint16(2, data.length);
  return concat(head, data);
}

t.test('options of neighbour discovery', async (t) => {
  const [most = 0] = documented(BOUNDS, 'neighbour discovery');
  for (const count of [most, most + 1]) {
    const list = many(count, () => Uint8Array.of(200, 1, 0, 0, 0, 0, 0, 0));
    let seen = 0;
    t.equal(
      walkOptions(list, 0, list.length, () => seen++),
      count === most,
    );
    t.equal(seen, count === most ? most : 0);
  }
});

t.test('options, addresses, resolvers and identifiers of DHCPv6 (RFC 8415 11.1)', async (t) => {
  const [options = 0, addresses = 0, resolvers = 0, identifier = 0] = documented(BOUNDS, 'DHCPv6 message');
  const IAID = 7;
  const read = (...more: Uint8Array[]): ReturnType<typeof readDhcpv6> => {
    const message = concat(Uint8Array.of(7, 0, 0, 1), ...more);
    return readDhcpv6(message, 0, message.length, IAID);
  };
  const any = (): Uint8Array => option(999, new Uint8Array(0));
  t.ok(read(many(options, any)));
  t.notOk(read(many(options + 1, any)));
  const association = (count: number): Uint8Array =>
    option(
      3,
      concat(
        Uint8Array.of(0, 0, 0, IAID, 0, 0, 0, 9, 0, 0, 0, 9),
        many(count, () => option(5, new Uint8Array(24).fill(1))),
      ),
    );
  t.ok(read(association(options)));
  t.notOk(read(association(options + 1)), 'nor within another option');
  t.equal(read(association(addresses + 5))?.association?.addresses.length, addresses);
  t.equal(read(option(23, new Uint8Array(16 * (resolvers + 5)).fill(0x20)))?.dnsServers.length, resolvers);
  t.equal(read(option(2, new Uint8Array(identifier)))?.server?.length, identifier);
  t.equal(read(option(2, new Uint8Array(identifier + 1)))?.server, undefined);
});
