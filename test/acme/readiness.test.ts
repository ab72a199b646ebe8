import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { kernelOutside } from '../../src/serve/certificates/readiness.js';

t.test('what another server answers is read as far as it is shown; a redirect and silence say nothing', async (t) => {
  const hosts: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    hosts.push(request.headers.host);
    if (request.url?.endsWith('/moved')) response.writeHead(301, { location: 'https://x/' }).end('moved');
    else if (request.url?.endsWith('/empty')) response.writeHead(404).end();
    else response.end('x'.repeat(1_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { challenge } = kernelOutside(port);
  t.equal((await challenge('127.0.0.1', 'example.org', 'long')).length, 200);
  t.equal(await challenge('127.0.0.1', 'example.org', 'empty'), 'status 404');
  await t.rejects(challenge('127.0.0.1', 'example.org', 'moved'));
  t.same(new Set(hosts), new Set(['example.org']));
  server.close();
  server.closeAllConnections();
  await t.rejects(challenge('127.0.0.1', 'example.org', 'gone'));
});
