import t from 'tap';
import { HttpServer } from '../../src/http/index.js';
import { openSocketNetwork } from '../../src/net/sockets/open.js';
import { siteStore } from './hand-made-store.js';
import { HAPROXY, startHaproxy } from './haproxy.js';
import { type Nginx, nginxVersion, startNginx, statuses } from './nginx.js';

const skip = nginxVersion() === undefined ? 'nginx is not installed' : false;

/** What an attacker hopes that the server behind the proxy takes for a request of its own. */
const HIDDEN = 'GET /smuggled HTTP/1.1\r\nHost: a\r\nX: ';
const CHUNKED_HIDDEN = `0\r\n\r\n${HIDDEN}`;

function probe(method: string, lines: readonly string[], body: string): string {
  return [`${method} /docs/ HTTP/1.1`, 'Host: a', ...lines, '', body].join('\r\n');
}

function both(length: number | string, coding: string): string[] {
  return [`Content-Length: ${length}`, coding];
}

const probes: string[] = [];
for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS']) {
  for (const coding of [
    'Transfer-Encoding: chunked',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding:\x0bchunked',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked;a=b',
    'transfer-encoding: CHUNKED',
    'X: y\nTransfer-Encoding: chunked',
    ' Transfer-Encoding: chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    'Transfer-Encoding\r\n: chunked',
    'Transfer_Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: \xa0chunked',
  ]) {
    probes.push(
      probe(method, both(CHUNKED_HIDDEN.length, coding), CHUNKED_HIDDEN),
      probe(method, both(4, coding), CHUNKED_HIDDEN),
      probe(method, [coding], CHUNKED_HIDDEN),
    );
  }
  for (const length of [
    '+5',
    '5,5',
    '0x5',
    '5 ',
    ' 5',
    '05',
    '-0',
    '5\r\nContent-Length: 0',
    '0\r\nContent-Length: 5',
    '\x0b5',
    '9999999999999999999999',
  ]) {
    probes.push(probe(method, [`Content-Length: ${length}`], `hello${HIDDEN}`));
  }
  for (const body of [
    `5\r\nhello\r\n0\r\n\r\n${HIDDEN}`,
    `5;a\nb\r\nhello\r\n0\r\n\r\n${HIDDEN}`,
    `5\nhello\n0\n\n${HIDDEN}`,
    `0\r\nX: y\r\n\r\n${HIDDEN}`,
    `0\n\n${HIDDEN}`,
    `0x0\r\n\r\n${HIDDEN}`,
    `00000000000000000\r\n\r\n${HIDDEN}`,
    `5\r\nhelloXX0\r\n\r\n${HIDDEN}`,
    `ffffffffffffffff0\r\n\r\n${HIDDEN}`,
    `1 \r\na\r\n0\r\n\r\n${HIDDEN}`,
  ]) {
    probes.push(probe(method, ['Transfer-Encoding: chunked'], body));
  }
  probes.push(
    probe(method, ['Content-Length: 5', 'Expect: 100-continue'], `hello${HIDDEN}`),
    probe(method, ['Connection: Content-Length', 'Content-Length: 5'], `hello${HIDDEN}`),
    probe(method, ['Connection: upgrade', 'Upgrade: h2c'], HIDDEN),
    `${method} http://a/docs/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED_HIDDEN}`,
  );
}

/** Through which proxy, and whether it may hand requests on to the server as soon as they begin. */
const PROXIES: readonly (readonly [name: string, skip: string | false, start: (port: number) => Promise<Nginx>])[] = [
  [
    'nginx',
    skip,
    (port) =>
      startNginx(
        'location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }',
        `upstream behind { server 127.0.0.1:${port}; keepalive 1; }`,
      ),
  ],
  ['HAProxy', HAPROXY === undefined ? 'haproxy is not installed' : false, (port) => startHaproxy(port)],
  [
    'HAProxy that lets malformed requests through',
    HAPROXY === undefined ? 'haproxy is not installed' : false,
    (port) => startHaproxy(port, 'option accept-invalid-http-request'),
  ],
];

for (const [name, skip, start] of PROXIES) {
  t.test(
    `Behind ${name} ${probes.length} smuggling probes leave the next requests their own answers`,
    { skip },
    async (t) => {
      const store = siteStore();
      const network = await openSocketNetwork();
      t.teardown(() => network.close(0));
      const seen: string[] = [];
      const server = new HttpServer({
        store: () => store,
        clock: network.clock,
        log: (record) => seen.push(record.target),
      });
      const { port } = (await network.listen(0, server.accept)).endpoint;
      const proxy = await start(port);
      t.teardown(() => proxy.stop());
      const wrong: string[] = [];
      for (let i = 0; i < probes.length; i += 16) {
        const group = probes.slice(i, i + 16);
        seen.length = 0;
        await Promise.all(group.map((bytes) => exchange(proxy.port, bytes)));
        if (seen.some((target) => target.includes('smuggled'))) wrong.push(`${seen} after ${JSON.stringify(group)}`);
        // The idle connection to the server behind is used by the next: what was left in it would answer this.
        const next = await Promise.all(
          [1, 2, 3].map((n) =>
            statuses(proxy.port, `GET /docs/?n=${n} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, ['GET']),
          ),
        );
        if (next.some((s) => s !== '200')) wrong.push(`${next} after one of ${JSON.stringify(group)}`);
        if (!['1', '2', '3'].every((n) => seen.includes(`/docs/?n=${n}`)))
          wrong.push(`${seen} after ${JSON.stringify(group)}`);
      }
      t.same(wrong, []);
    },
  );
}

/** Sends a probe as it is, octet for octet, and waits until the proxy has had enough of it. */
async function exchange(port: number, bytes: string): Promise<void> {
  await statuses(
    port,
    Uint8Array.from(bytes, (c) => c.charCodeAt(0)),
    [],
  );
}
