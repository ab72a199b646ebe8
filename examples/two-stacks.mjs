// Two stacks on a cable that loses 3 % of its frames, in virtual time; what passes is written as a capture for
// Wireshark.
//
//   node two-stacks.mjs [CAPTURE.pcap]
import { writeFileSync } from 'node:fs';
import { Memory, virtualNet } from 'sitekernel/net';

const SIZE = 1_000_000;
const net = virtualNet(42);
const server = net.host('10.0.0.1');
const client = net.host('10.0.0.2');
net.link({ loss: 0.03, delay: 10 });
const capture = net.capture();

const content = new Memory(new Uint8Array(SIZE));
await server.listen(80, (flow) => {
  flow.handler = { data() {}, ended() {}, drained() {}, closed() {} };
  flow.write(content, 0, SIZE);
  flow.end();
});

let received = 0;
let over = false;
await net.until(
  client.connect('10.0.0.1', 80, {
    data: (_flow, _bytes, start, end) => {
      received += end - start;
    },
    ended: (flow) => flow.end(),
    drained() {},
    closed: () => {
      over = true;
    },
  }),
);
await net.run(() => over);
const file = process.argv[2] ?? 'two-stacks.pcap';
writeFileSync(file, capture());
const { retransmissions } = server.counters();
console.log(
  `${received} bytes in ${(net.time.now() / 1000).toFixed(2)} virtual seconds, ${retransmissions} retransmissions; ${file}`,
);
