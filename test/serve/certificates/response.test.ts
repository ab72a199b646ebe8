/** Responses of a certificate authority are read up to a bound. */
import { EventEmitter } from 'node:events';
import { type ClientRequest, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { AcmeError } from '../../../src/acme/protocol/problem.js';
import { finish } from '../../../src/serve/certificates/response.js';
import { bound } from '../../documented.js';

t.test('a response is as long as docs/bounds.md says, and a longer one is a failure', async (t) => {
  const most = bound('docs/bounds.md', "a certificate authority's response");
  const server = createServer((asked, response) => {
    response.on('error', () => undefined);
    response.end(Buffer.alloc(Number(asked.url!.slice(1)), 'x'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ask = (bytes: number): ReturnType<typeof finish> =>
    finish(
      request({ host: '127.0.0.1', port, path: `/${bytes}`, agent: false }),
      undefined,
      (why) => new AcmeError('unreachable', why),
    );
  t.equal((await ask(most)).body.length, most);
  await t.rejects(ask(most + 1), { message: 'its response is too long' });
  server.close();
});

t.test('a certificate of the authority that is out of time names the clock', async (t) => {
  for (const [code, message] of [
    ['CERT_HAS_EXPIRED', 'certificate has expired'],
    ['CERT_NOT_YET_VALID', 'certificate is not yet valid'],
  ] as const) {
    const sent = Object.assign(new EventEmitter(), { end: () => undefined, setTimeout: () => undefined });
    const asked = finish(sent as unknown as ClientRequest, undefined, (why) => new AcmeError('unreachable', why));
    sent.emit('error', Object.assign(new Error(message), { code }));
    sent.emit('close');
    await t.rejects(asked, {
      message: new RegExp(
        `^${message}, by this machine's clock, which says 20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC; set it`,
      ),
    });
  }
});
