/** Several addresses of the kernel's sockets at once. */
import { connect, createServer } from 'node:net';
import t from 'tap';
import type { Flow } from '../../../src/net/flow.js';
import { openSocketNetwork, type SocketKind } from '../../../src/net/sockets/open.js';

const KINDS: readonly SocketKind[] = process.platform === 'linux' ? ['libc', 'node'] : ['node'];

/** The addresses that a flow says it has, as a client sees them from outside. */
function reach(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

for (const kind of KINDS) {
  t.test(`both families are listened on at one port (${kind})`, async (t) => {
    const network = await openSocketNetwork({ host: '::', further: ['127.0.0.1'] }, kind);
    t.same(network.addresses, ['::', '127.0.0.1']);
    const locals: string[] = [];
    const handler = { data() {}, ended: (flow: Flow) => flow.end(), drained() {}, closed() {} };
    const listener = await network.listen(0, (flow) => {
      locals.push(flow.local.address);
      flow.handler = handler;
    });
    const { port } = listener.endpoint;
    t.equal(await reach('127.0.0.1', port), true);
    t.equal(await reach('::1', port), true);
    await network.close(1000);
    t.same(locals.sort(), ['127.0.0.1', '::1']);
    t.equal(await reach('127.0.0.1', port), false);
    t.equal(await reach('::1', port), false);
  });

  t.test(`where one of them cannot be had, none is listened on (${kind})`, async (t) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const network = await openSocketNetwork({ host: '::1', further: ['127.0.0.1'] }, kind);
    await t.rejects(
      network.listen(port, () => {}),
      /port \d+ of 127\.0\.0\.1 is in use/,
    );
    t.equal(await reach('::1', port), false);
    await network.close(0);
    await new Promise((resolve) => other.close(resolve));
  });
}
