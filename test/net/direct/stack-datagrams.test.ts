/** Datagrams of both families on our own stack: who sent them, and where answers come from; frames by hand. */
import t from 'tap';
import { type Datagram, type DatagramPort, datagramAddress } from '../../../src/net/datagrams.js';
import { StackDatagrams } from '../../../src/net/direct/host/stack-datagrams.js';
import { SeededRandom } from '../../../src/net/host/seeded-random.js';
import type { Stack } from '../../../src/net/ip/stack.js';
import { formatIp } from '../../../src/net/ip-text.js';
import { ip, UDP, udp } from '../../sim/packets.js';
import { ip6, udp6 } from '../../sim/packets6.js';
import { Laboratory, PEER, US } from '../ip/laboratory.js';
import { Laboratory6, OURS, PEER6 } from '../ip/v6/laboratory6.js';

function datagramsOn(stack: Stack): StackDatagrams {
  return new StackDatagrams(
    stack,
    new SeededRandom(1),
    (work) => work(),
    () => undefined,
  );
}

const text = ({ bytes, length }: Datagram['source']): string => formatIp(bytes.subarray(0, length));

/** Answers with the same bytes, from the address that was asked, and notes who asked. */
function echo(seen: string[]) {
  return (port: DatagramPort, { bytes, start, end, source, local }: Datagram): void => {
    seen.push(`${text(source)} ${source.port} ${text(local)}`);
    port.send(bytes, start, end, source, local);
  };
}

t.test('an IPv6 datagram is answered from the address that it came to', async (t) => {
  const lab = Laboratory6.ready();
  lab.stack.v6.configuration.add(ip6('2001:db8::3'), 64, 'static', { known: true });
  lab.take();
  const seen: string[] = [];
  await datagramsOn(lab.stack).bind(53, echo(seen));
  for (const destination of [OURS, ip6('2001:db8::3')])
    lab.packet6(udp6(PEER6, 5353, destination, 53, Uint8Array.of(7)));
  t.same(seen, ['2001:db8::77 5353 2001:db8::2', '2001:db8::77 5353 2001:db8::3']);
  const sent = lab.take6().filter(({ next }) => next === UDP);
  t.same(
    sent.map(({ source, destination, payload }) => [source, destination, payload[8]]),
    [OURS, ip6('2001:db8::3')].map((one) => [Buffer.from(one).toString('hex'), Buffer.from(PEER6).toString('hex'), 7]),
  );
});

t.test(
  'an IPv4 datagram is answered from the address that it came to; from a broadcast address nothing is',
  async (t) => {
    const lab = new Laboratory().introduce();
    const seen: string[] = [];
    await datagramsOn(lab.stack).bind(53, echo(seen));
    lab.packet(udp(PEER, 5353, US, 53, Uint8Array.of(7)));
    lab.packet(udp(PEER, 5353, ip('10.0.0.255'), 53, Uint8Array.of(7)), new Uint8Array(6).fill(0xff));
    t.same(seen, ['10.0.0.77 5353 10.0.0.2', '10.0.0.77 5353 10.0.0.255']);
    t.same(
      lab.takeIp().map(({ source }) => source),
      [US, US],
    );
  },
);

t.test('a datagram without a destination is not sent', async (t) => {
  const lab = new Laboratory().introduce();
  const port = await datagramsOn(lab.stack).bind(0, () => undefined);
  t.equal(port.send(Uint8Array.of(1), 0, 1, datagramAddress()), false);
  t.equal(lab.take().length, 0);
});
