/**
 * The stack as a library, on a TAP: `library-host.js serve|connect|send|receive ADDRESS PORT BYTES`. Prints JSON lines.
 * The bytes are a pattern whose SHA-256 tells whether they arrived.
 */
import { createHash } from 'node:crypto';
import { Memory } from '../../src/memory/memory.js';
import { DirectNetwork } from '../../src/net/direct/network.js';
import type { Flow, FlowHandler } from '../../src/net/flow.js';
import { parseIpv4 } from '../../src/net/wire/address.js';

const [mode, address, port, count] = process.argv.slice(2) as [string, string, string, string];
const size = Number(count);
const bytes = new Uint8Array(size);
for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >>> 8) * 7 + (i >>> 16)) & 255;
const body = new Memory(bytes);
const network = new DirectNetwork({
  device: { kind: 'tap', name: 'tap0', bridge: 'br0', offload: true, mac: Uint8Array.of(2, 0, 0, 0, 0, 0x33) },
  static: { address: '46.43.42.137', prefix: 25, gateway: '46.43.42.129' },
  loop: 'watched',
});
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const hash = createHash('sha256');
let received = 0;

const handler: FlowHandler = {
  data(_flow, data, start, end) {
    hash.update(data.subarray(start, end));
    received += end - start;
  },
  ended(flow: Flow) {
    flow.end();
  },
  drained() {},
  closed(_flow, reason) {
    say({ event: 'closed', reason, received, sha256: hash.digest('hex') });
    void network.close(1000).then(() => process.exit(0));
  },
};

const begin = (flow: Flow): void => {
  if (mode === 'serve' || mode === 'send') {
    flow.write(body, 0, size);
    flow.end();
  }
};

const listener = await network.listen(mode === 'serve' || mode === 'receive' ? Number(port) : 9999, (flow) => {
  flow.handler = handler;
  begin(flow);
});
say({ event: 'ready', address: listener.endpoint.address, sha256: createHash('sha256').update(bytes).digest('hex') });
if (mode === 'send' || mode === 'connect') {
  const local = parseIpv4(network.address as string) as number;
  const now = network.clock.now();
  network.stack.now = now;
  const connection = network.tcp.connect(local, parseIpv4(address) as number, Number(port), now, (flow) => {
    say({ event: 'open' });
    begin(flow);
  });
  if (connection === undefined) throw new Error(`no way to ${address}`);
  connection.handler = handler;
}
