import t from 'tap';
import { challengeAnswers } from '../../src/acme/authority/http-01.js';
import type { HttpOptions } from '../../src/http/contracts/options.js';
import { Setup } from './setup.js';

const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA';
const PATH = `/.well-known/acme-challenge/${TOKEN}`;
const acmeChallenge = challengeAnswers(() => 'thumbprint');

function asked(host: string, options: Partial<HttpOptions>, path = PATH): { status: number; body: string } {
  const { status, body } = new Setup(options).ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return { status, body: Buffer.from(body).toString('latin1') };
}

t.test(
  'RFC 8555 8.3: any token is answered with the thumbprint of the account, whatever the host and its port',
  async (t) => {
    for (const host of ['example.org', 'example.org:80', '192.0.2.1', 'strange.example'])
      t.same(asked(host, { acmeChallenge }), { status: 200, body: `${TOKEN}.thumbprint` });
  },
);

t.test('before every redirect, host check and base path', async (t) => {
  const proven = { status: 200, body: `${TOKEN}.thumbprint` };
  t.same(asked('example.org:80', { acmeChallenge, redirectTo: 'https' }), proven);
  t.same(asked('example.org', { acmeChallenge, redirectTo: 'https://www.example.net' }), proven);
  t.same(asked('other.example', { acmeChallenge, canonical: () => 'https://example.org' }), proven);
  t.same(asked('example.org', { acmeChallenge, localOnly: true }), proven);
  t.same(asked('example.org', { acmeChallenge, base: '/docs' }), proven);
});

t.test('what is no token is not repeated, and without an account there is what the site has', async (t) => {
  const there = '/.well-known/acme-challenge/';
  for (const path of [
    there,
    `${there}a/b`,
    `${there}a%0d%0aX`,
    `${there}${'a'.repeat(129)}`,
    `${there}<b>`.replace(/[<>]/g, (c) => encodeURIComponent(c)),
  ])
    t.not(asked('example.org', { acmeChallenge }, path).status, 200, path);
  t.equal(asked('example.org', { acmeChallenge: challengeAnswers(() => undefined) }).status, 404);
  t.equal(asked('example.org', {}).status, 404);
  t.equal(asked('example.org', { acmeChallenge }, `${there}${'a'.repeat(128)}`).status, 200);
});
