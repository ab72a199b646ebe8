/** Connections by their four-tuple, and the IPv6 addresses that are kept for them. */
import t from 'tap';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import { PeerTable } from '../../../src/net/ip/v6/peer-table.js';
import { KeyedHash } from '../../../src/net/keyed-hash.js';
import { FlowTable, type Keyed } from '../../../src/net/tcp/tables/flow-table.js';
import { parseIpv4 } from '../../../src/net/wire/address.js';

t.test('both IPv6 addresses are held for as long as a connection is in the table, also while it grows', (t) => {
  const peers = new PeerTable();
  const table = new FlowTable<Keyed>(new KeyedHash(new SeededRandom(5)), peers);
  const localAddress = peers.fromText('2001:db8::1')!;
  const all: Keyed[] = [];
  for (let i = 0; i < 500; i++) {
    const one = { remoteAddress: peers.fromText(`2001:db8:1::${i + 1}`)!, localAddress, ports: i << 16 };
    table.add(one);
    all.push(one);
  }
  t.equal(peers.holders(localAddress), all.length);
  for (const { remoteAddress } of all) t.equal(peers.holders(remoteAddress), 1);
  for (const one of all) t.ok(table.delete(one));
  t.equal(peers.held, 0);
  t.notOk(table.delete(all[0]!), 'what is not there');
  t.equal(peers.held, 0);
  t.end();
});

t.test('IPv4 addresses are their own handles: nothing is held', (t) => {
  const peers = new PeerTable();
  const held = peers.fromText('2001:db8::1')!;
  peers.hold(held);
  const table = new FlowTable<Keyed>(new KeyedHash(new SeededRandom(5)), peers);
  const one = { remoteAddress: parseIpv4('10.0.0.1')!, localAddress: parseIpv4('10.0.0.2')!, ports: 80 };
  table.add(one);
  table.delete(one);
  t.equal(peers.held, 1);
  t.equal(peers.holders(held), 1);
  t.end();
});
