// A lab for the browser: bundle it (esbuild lab.mjs --bundle --format=esm --outfile=lab.js) and open index.html. Two
// hosts fetch 200 kB over a cable whose loss the slider sets; the page shows what TCP made of it. The stack needs
// nothing but JavaScript.
import { Memory, virtualNet } from 'sitekernel/net';

const SIZE = 200_000;

export async function transfer(loss, congestion, seed = 1) {
  const net = virtualNet(seed);
  const server = net.host('10.0.0.1', { congestion });
  const client = net.host('10.0.0.2');
  net.link({ loss, delay: 20 });
  const content = new Memory(new Uint8Array(SIZE));
  await server.listen(80, (flow) => {
    flow.handler = { data() {}, ended() {}, drained() {}, closed() {} };
    flow.write(content, 0, SIZE);
    flow.end();
  });
  let over = false;
  let received = 0;
  const handler = {
    data: (_flow, _bytes, start, end) => {
      received += end - start;
    },
    ended: (flow) => flow.end(),
    drained() {},
    closed: () => {
      over = true;
    },
  };
  await net.until(client.connect('10.0.0.1', 80, handler));
  const opened = net.time.now();
  await net.run(() => over);
  return { received, milliseconds: net.time.now() - opened, retransmissions: server.counters().retransmissions };
}

globalThis.document?.addEventListener('input', async () => {
  const loss = Number(document.querySelector('#loss').value) / 100;
  const lines = [];
  for (const name of ['reno', 'cubic', 'bbr']) {
    const { milliseconds, retransmissions } = await transfer(loss, name);
    lines.push(`${name}: ${milliseconds.toFixed(0)} ms, ${retransmissions} retransmissions`);
  }
  document.querySelector('#result').textContent = lines.join('\n');
});
