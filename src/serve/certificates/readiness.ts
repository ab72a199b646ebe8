/** Checks from this host, over the kernel's sockets, what a certificate authority will see. */
import { randomBytes } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { type ClientRequest, type RequestOptions, request } from 'node:http';
import type { Authority } from '../../acme/authority/authority.js';
import type { Identifier } from '../../acme/der/names.js';
import { type CaaRecord, checkReady, type Outside } from '../../acme/order/ready.js';
import type { AcmeClient } from '../../acme/protocol/client.js';

/** Milliseconds for a query. */
const PATIENCE = 5_000;
/** RFC 8659 4.1, and the errors of c-ares for a missing record. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);
const LONGEST = 200;
/** The port that authorities connect to (RFC 8555 8.3). */
export const HTTP = 80;

/** For `KeeperOptions.check`. `known` is told of the authority's names in CAA records, and of the account's URL. */
export function readiness(
  client: AcmeClient,
  outside: Outside,
  known: (identities: readonly string[], account: string) => Promise<void>,
): (identifiers: readonly Identifier[], authorities: readonly Authority[]) => Promise<void> {
  return async (identifiers, authorities) => {
    const { caaIdentities } = await client.session.directory();
    const account = await client.account.url();
    await known(caaIdentities, account);
    const token = randomBytes(24).toString('base64url');
    const { thumbprint } = client.account;
    await checkReady(identifiers, outside, { caaIdentities, account, thumbprint, authorities, token });
  };
}

/** Over the kernel's sockets. `port`: another one in tests. */
export function kernelOutside(port = HTTP): Outside {
  const resolver = new Resolver({ timeout: PATIENCE / 2, tries: 2 });
  return {
    addresses: async (name) => {
      const both = await Promise.all([nothing(resolver.resolve4(name)), nothing(resolver.resolve6(name))]);
      return both.flat();
    },
    caa: async (name) => (await nothing(resolver.resolveCaa(name))).flatMap(recordsOf),
    challenge: (address, name, token) =>
      answerOf(request({ ...challengeRequest(name, token), host: address, port, agent: false })),
  };
}

/** The request of http-01 for `token`, without its destination. */
export function challengeRequest(name: string, token: string): RequestOptions {
  return {
    path: `/.well-known/acme-challenge/${token}`,
    headers: { host: name.includes(':') ? `[${name}]` : name },
  };
}

/** The first 200 characters of the answer, or its status; rejects for a redirect and for silence. */
export function answerOf(sent: ClientRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => sent.destroy(new Error('no answer in time')), PATIENCE);
    sent.on('response', (response) => {
      const { statusCode = 0 } = response;
      // RFC 8555 8.3: the CA follows a redirect, so this answer proves nothing.
      if (statusCode >= 300 && statusCode < 400) {
        sent.destroy(new Error('a redirect'));
        return;
      }
      let text = '';
      response.setEncoding('latin1').on('data', (part: string) => {
        text += part;
        if (text.length > LONGEST) response.destroy();
      });
      response.on('close', () => resolve(text.slice(0, LONGEST) || `status ${statusCode}`));
    });
    sent.on('error', reject);
    sent.on('close', () => clearTimeout(timer));
    sent.end();
  });
}

/** An empty list where the name, or the type, does not exist. */
async function nothing<T>(found: Promise<T[]>): Promise<T[]> {
  try {
    return await found;
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Node gives a record as an object with its tag as a key. */
function recordsOf({ critical, ...tags }: { critical: number }): CaaRecord[] {
  return Object.entries(tags).map(([tag, value]) => ({
    critical: critical >= 128,
    tag: tag.toLowerCase(),
    value: String(value),
  }));
}
