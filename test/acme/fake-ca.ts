/**
 * A certificate authority in memory: checks every signature, nonce and request as RFC 8555 has it, and does what a test
 * wants of it.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { PublicJwk, SigningKey } from '../../src/acme/crypto.js';
import { type CertificateFacts, factsOf } from '../../src/acme/der/certificate.js';
import { type Identifier, subjectAltName } from '../../src/acme/der/names.js';
import { child, valueAt, valuesIn } from '../../src/acme/der/reader.js';
import {
  bitString,
  context,
  extension,
  generalizedTime,
  objectIdentifier,
  octetString,
  sequence,
  unsigned,
} from '../../src/acme/der/writer.js';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import type { Fetch, FetchRequest } from '../../src/acme/protocol/fetch.js';
import { thumbprint } from '../../src/acme/protocol/jws.js';
import { AcmeError } from '../../src/acme/protocol/problem.js';

export const DIRECTORY = 'https://ca.test/dir';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const ISSUER = '2.5.29.35';

export interface Validation {
  readonly type: string;
  readonly identifier: Identifier;
  readonly token: string;
  readonly thumbprint: string;
}

interface FakeOrder {
  readonly identifiers: readonly Identifier[];
  readonly authorizations: string[];
  status: string;
  certificate?: string;
  error?: unknown;
}

interface FakeAuthorization {
  readonly identifier: Identifier;
  readonly wildcard: boolean;
  readonly token: string;
  status: string;
  asked: string[];
  error?: unknown;
}

class Refused extends Error {
  constructor(
    readonly type: string,
    readonly status: number,
    readonly fields: Record<string, string> = {},
    detail = type,
  ) {
    super(detail);
  }
}

export class FakeCa {
  /** Milliseconds since 1970, by the CA's clock. */
  readonly now: () => number;
  /** No response. */
  down = false;
  /** Asked for each signed request: its nonce is not taken. */
  badNonce: () => boolean = () => false;
  /** Of certificates, ms. */
  life = 90 * 86_400_000;
  /** Asked for each order: why there is none. */
  refuseOrder: () => Refused | undefined = () => undefined;
  /** Undefined: proven. Else the detail of the problem. */
  validate: (v: Validation) => string | undefined = () => undefined;
  /** The window of a certificate; undefined: the service answers 404. Without it there is no service. */
  renewalWindow: ((notBefore: number, notAfter: number) => [number, number] | undefined) | undefined;
  renewalRetryAfter = 21_600;
  offered = ['http-01', 'tls-alpn-01', 'dns-01'];
  /** In challenges of dns-persist-01: what the client chooses an issuer from. */
  issuers: Readonly<Record<string, unknown>> = { issuerDomainNames: ['ca.test', 'other.test'] };
  meta: Record<string, unknown> = { termsOfService: 'https://ca.test/terms' };
  external: { keyId: string; hmacKey: string } | undefined;
  /** Sent with an order that is being processed. */
  processing: { times: number; retryAfter: number } | undefined;
  alternates = 0;
  replaced = new Set<string>();

  readonly requests: FetchRequest[] = [];
  readonly newOrders: { at: number; payload: Record<string, unknown> }[] = [];
  readonly issued: string[] = [];
  readonly revoked: { reason: unknown; kid: boolean }[] = [];
  readonly registered: Record<string, unknown>[] = [];
  readonly renewalAsked: number[] = [];
  readonly validations: Validation[] = [];
  readonly #known = new Map<string, CertificateFacts>();
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, { key: KeyObject; thumbprint: string }>();
  readonly #orders: FakeOrder[] = [];
  readonly #authorizations: FakeAuthorization[] = [];
  readonly #roots: { key: SigningKey; pem: string; id: Uint8Array; name: Uint8Array }[];
  #serial = 0;

  constructor(now: () => number) {
    this.now = now;
    this.#roots = ['Fake Root X1', 'Fake Root X2'].map((name) => root(name, now()));
  }

  static refused(type: string, status: number, retryAfter?: number, detail?: string): Refused {
    return new Refused(type, status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }, detail);
  }

  /** Every account is forgotten. */
  forgetAccounts(): void {
    this.#accounts.clear();
  }

  get accounts(): number {
    return this.#accounts.size;
  }

  readonly fetch: Fetch = async (request) => {
    if (this.down) throw new AcmeError('unreachable', 'ca.test does not answer');
    this.requests.push(request);
    const fields: Record<string, string> = { date: new Date(this.now()).toUTCString(), 'replay-nonce': this.#nonce() };
    try {
      if (request.fields['user-agent'] === undefined) throw new Refused('malformed', 400);
      const { status = 200, more = {}, body = '' } = this.#answer(request);
      return { status, fields: { ...fields, ...more }, body };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${error.type}`, detail: error.message });
      return { status: error.status, fields: { ...fields, ...error.fields }, body };
    }
  };

  #nonce(): string {
    const nonce = `nonce${this.#serial++}`;
    this.#nonces.add(nonce);
    return nonce;
  }

  #answer({ method, url, body }: FetchRequest): { status?: number; more?: Record<string, string>; body?: string } {
    const path = url.replace('https://ca.test', '');
    if (method === 'GET' && path === '/dir') return { body: JSON.stringify(this.#directory()) };
    if (method === 'HEAD' && path === '/nonce') return {};
    if (method === 'GET' && path.startsWith('/renewal/')) return this.#renewal(path.slice(9));
    if (method !== 'POST' || body === undefined) throw new Refused('malformed', 405);
    const { payload, kid, jwk, key } = this.#verified(url, body);
    const [, kind = '', number = ''] = path.split('/');
    if (kind === 'account') return this.#account(payload, jwk!, key);
    if (kind === 'key') return this.#keyChange(payload, kid!);
    if (kind === 'revoke') {
      this.revoked.push({ reason: payload['reason'], kid: kid !== undefined });
      return {};
    }
    if (kid === undefined) throw new Refused('malformed', 400);
    const { thumbprint: account } = this.#accounts.get(kid)!;
    if (kind === 'order' && number === '') return this.#newOrder(payload);
    if (kind === 'order') return this.#order(Number(number));
    if (kind === 'authz') return { body: JSON.stringify(this.#authorization(Number(number))) };
    if (kind === 'challenge') return this.#challenge(Number(number), path.split('/')[3]!, account);
    if (kind === 'finalize') return this.#finalize(Number(number), payload);
    if (kind === 'cert') return this.#certificate(Number(number), path.split('/')[3]);
    throw new Refused('malformed', 404);
  }

  #directory(): unknown {
    const at = (name: string): string => `https://ca.test/${name}`;
    return {
      ...{ newNonce: at('nonce'), newAccount: at('account'), newOrder: at('order'), revokeCert: at('revoke') },
      keyChange: at('key'),
      ...(this.renewalWindow === undefined ? {} : { renewalInfo: at('renewal') }),
      meta: { ...this.meta, externalAccountRequired: this.external !== undefined },
    };
  }

  #verified(url: string, body: string) {
    const { protected: head, payload, signature } = JSON.parse(body) as Record<string, string>;
    const { alg, nonce, url: signed, kid, jwk } = JSON.parse(Buffer.from(head!, 'base64url').toString());
    if (alg !== 'ES256' || signed !== url || (kid === undefined) === (jwk === undefined))
      throw new Refused('malformed', 400);
    if (!this.#nonces.delete(nonce) || this.badNonce()) throw new Refused('badNonce', 400);
    const account = kid === undefined ? undefined : this.#accounts.get(kid);
    if (kid !== undefined && account === undefined) throw new Refused('accountDoesNotExist', 400);
    const key = account?.key ?? createPublicKey({ key: jwk, format: 'jwk' });
    const text = Buffer.from(`${head}.${payload}`);
    if (!verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature!, 'base64url')))
      throw new Refused('malformed', 400, {}, 'the signature is wrong');
    const json = payload === '' ? {} : JSON.parse(Buffer.from(payload!, 'base64url').toString());
    return { payload: json as Record<string, unknown>, kid: kid as string | undefined, jwk, key };
  }

  #account(payload: Record<string, unknown>, jwk: PublicJwk, key: KeyObject) {
    const own = thumbprint(nodeCrypto, jwk);
    const known = [...this.#accounts].find(([, { thumbprint }]) => thumbprint === own)?.[0];
    if (known !== undefined) return { more: { location: known }, body: '{}' };
    if (payload['onlyReturnExisting'] === true) throw new Refused('accountDoesNotExist', 400);
    if (payload['termsOfServiceAgreed'] !== true) throw new Refused('userActionRequired', 403);
    if (this.external !== undefined) this.#binding(payload['externalAccountBinding'] as Record<string, string>, jwk);
    this.registered.push(payload);
    const location = `https://ca.test/acct/${this.registered.length}`;
    this.#accounts.set(location, { key, thumbprint: own });
    return { status: 201, more: { location }, body: '{}' };
  }

  /** RFC 8555 7.3.5, each check of it. */
  #keyChange(inner: Record<string, unknown>, kid: string) {
    const { protected: head, payload, signature } = inner as Record<string, string>;
    const { alg, url, jwk, nonce } = JSON.parse(Buffer.from(head!, 'base64url').toString());
    const { account, oldKey } = JSON.parse(Buffer.from(payload!, 'base64url').toString());
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const text = Buffer.from(`${head}.${payload}`);
    if (!verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature!, 'base64url')))
      throw new Refused('malformed', 400, {}, 'the inner signature is wrong');
    const known = this.#accounts.get(kid)!;
    const right = alg === 'ES256' && url === 'https://ca.test/key' && nonce === undefined && account === kid;
    if (!right || thumbprint(nodeCrypto, oldKey) !== known.thumbprint) throw new Refused('malformed', 400);
    const own = thumbprint(nodeCrypto, jwk);
    for (const [location, one] of this.#accounts)
      if (one.thumbprint === own) throw new Refused('conflict', 409, { location });
    this.#accounts.set(kid, { key, thumbprint: own });
    return { body: '{}' };
  }

  #binding(binding: Record<string, string> | undefined, jwk: object): void {
    if (binding === undefined) throw new Refused('externalAccountRequired', 403);
    const { keyId, hmacKey } = this.external!;
    const head = JSON.parse(Buffer.from(binding['protected']!, 'base64url').toString());
    const mac = nodeCrypto.hmac(
      Buffer.from(hmacKey, 'base64url'),
      Buffer.from(`${binding['protected']}.${binding['payload']}`),
    );
    const right =
      head.kid === keyId && head.alg === 'HS256' && Buffer.from(mac).toString('base64url') === binding['signature'];
    const same = JSON.stringify(jwk) === Buffer.from(binding['payload']!, 'base64url').toString();
    if (!right || !same) throw new Refused('unauthorized', 403);
  }

  #newOrder(payload: Record<string, unknown>) {
    const refused = this.refuseOrder();
    if (refused !== undefined) throw refused;
    const { replaces } = payload;
    if (typeof replaces === 'string' && this.replaced.has(replaces)) throw new Refused('alreadyReplaced', 409);
    if (typeof replaces === 'string') this.replaced.add(replaces);
    this.newOrders.push({ at: this.now(), payload });
    const identifiers = payload['identifiers'] as Identifier[];
    const authorizations = identifiers.map(({ type, value }) => {
      const token = createHash('sha256')
        .update(`${this.#serial++}`)
        .digest('base64url');
      this.#authorizations.push({
        identifier: { type, value: value.replace(/^\*\./, '') },
        wildcard: value.startsWith('*.'),
        token,
        status: 'pending',
        asked: [],
      });
      return `https://ca.test/authz/${this.#authorizations.length - 1}`;
    });
    this.#orders.push({ identifiers, authorizations, status: 'pending' });
    return {
      status: 201,
      more: { location: `https://ca.test/order/${this.#orders.length - 1}` },
      body: this.#orderJson(this.#orders.length - 1),
    };
  }

  #orderJson(number: number): string {
    const order = this.#orders[number];
    if (order === undefined) throw new Refused('malformed', 404);
    return JSON.stringify({ ...order, finalize: `https://ca.test/finalize/${number}` });
  }

  #order(number: number) {
    const order = this.#orders[number];
    const { processing } = this;
    if (order?.status === 'processing' && processing !== undefined && processing.times-- <= 0) order.status = 'valid';
    const more: Record<string, string> =
      order?.status === 'processing' && processing !== undefined
        ? { 'retry-after': String(processing.retryAfter) }
        : {};
    return { more, body: this.#orderJson(number) };
  }

  #authorization(number: number) {
    const { token, error, ...rest } = this.#authorizations[number]!;
    const challenges = this.offered.map((type) => ({
      ...{ type, url: `https://ca.test/challenge/${number}/${type}`, status: rest.status },
      ...(type === 'dns-persist-01' ? this.issuers : { token }),
      ...(rest.asked.includes(type) && error !== undefined ? { error } : {}),
    }));
    return { ...rest, challenges };
  }

  #challenge(number: number, type: string, account: string) {
    const authorization = this.#authorizations[number]!;
    authorization.asked.push(type);
    const validation = { type, identifier: authorization.identifier, token: authorization.token, thumbprint: account };
    this.validations.push(validation);
    const wrong = this.validate(validation);
    authorization.status = wrong === undefined ? 'valid' : 'invalid';
    if (wrong !== undefined) authorization.error = { type: 'urn:ietf:params:acme:error:unauthorized', detail: wrong };
    for (const order of this.#orders) {
      if (order.status !== 'pending' || !order.authorizations.includes(`https://ca.test/authz/${number}`)) continue;
      const states = order.authorizations.map((url) => this.#authorizations[Number(url.split('/').at(-1))]!.status);
      if (states.includes('invalid')) order.status = 'invalid';
      else if (states.every((one) => one === 'valid')) order.status = 'ready';
    }
    return { body: '{}' };
  }

  #finalize(number: number, payload: Record<string, unknown>) {
    const order = this.#orders[number]!;
    if (order.status !== 'ready') throw new Refused('orderNotReady', 403);
    const request = Buffer.from(payload['csr'] as string, 'base64url');
    const spki = checkedRequest(request, order.identifiers);
    const chain = this.issue(order.identifiers, spki);
    const facts = factsOf(chain)!;
    this.issued.push(chain);
    this.#known.set(facts.id!, facts);
    order.certificate = `https://ca.test/cert/${this.issued.length - 1}`;
    order.status = this.processing === undefined ? 'valid' : 'processing';
    return this.#order(number);
  }

  /** A chain in PEM, valid from an hour ago. */
  issue(identifiers: readonly Identifier[], spki: Uint8Array, which = 0): string {
    const { key, pem, id, name } = this.#roots[which]!;
    const serial = createHash('sha256')
      .update(`serial ${this.#serial++}`)
      .digest()
      .subarray(0, 16);
    const from = this.now() - 3_600_000;
    return (
      certificate({ key, issuer: name, serial, from, to: from + this.life, spki }, [
        subjectAltName(identifiers, true),
        extension(ISSUER, false, sequence(context(0, false, id))),
      ]) + pem
    );
  }

  #certificate(number: number, which: string | undefined) {
    const chain = this.issued[number]!;
    const links = Array.from(
      { length: this.alternates },
      (_, i) => `<https://ca.test/cert/${number}/${i + 1}>;rel="alternate"`,
    );
    const body =
      which === undefined
        ? chain
        : chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26) + this.#roots[1]!.pem;
    return { more: { link: ['<https://ca.test/dir>;rel="index"', ...links].join(', ') }, body };
  }

  #renewal(id: string) {
    this.renewalAsked.push(this.now());
    const facts = this.#known.get(id);
    const window = facts && this.renewalWindow?.(facts.notBefore, facts.notAfter);
    if (window === undefined) throw new Refused('malformed', 404);
    const [start, end] = window.map((time) => new Date(time).toISOString());
    return {
      more: { 'retry-after': String(this.renewalRetryAfter) },
      body: JSON.stringify({ suggestedWindow: { start, end } }),
    };
  }
}

/** The public key of a request whose signature and names are right. */
function checkedRequest(request: Uint8Array, identifiers: readonly Identifier[]): Uint8Array {
  const whole = valueAt(request, 0, request.length)!;
  const [information, , signature] = [...valuesIn(request, whole.start, whole.end)];
  const [, subject, key] = [...valuesIn(request, information!.start, information!.end)];
  const spki = request.subarray(subject!.end, key!.end);
  const signed = request.subarray(whole.start, information!.end);
  const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  if (!verify('sha256', signed, publicKey, request.subarray(signature!.start + 1, signature!.end)))
    throw new Refused('badCSR', 400);
  if (!Buffer.from(request).includes(Buffer.from(subjectAltName(identifiers, false)))) throw new Refused('badCSR', 400);
  return spki;
}

interface Contents {
  readonly key: SigningKey;
  readonly issuer: Uint8Array;
  readonly subject?: Uint8Array;
  readonly serial: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly spki: Uint8Array;
}

function certificate(
  { key, issuer, subject, serial, from, to, spki }: Contents,
  extensions: readonly Uint8Array[],
): string {
  const algorithm = sequence(objectIdentifier(ECDSA_WITH_SHA256));
  const body = sequence(
    context(0, true, unsigned(Uint8Array.of(2))),
    ...[unsigned(serial), algorithm, issuer, sequence(generalizedTime(from), generalizedTime(to))],
    ...[subject ?? sequence(), spki, context(3, true, sequence(...extensions))],
  );
  const der = sequence(body, algorithm, bitString(key.signDer(body)));
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function root(common: string, now: number) {
  const key = nodeCrypto.generateKey();
  const id = nodeCrypto.sha256(key.spki).subarray(0, 20);
  const name = sequence(
    Uint8Array.from([
      0x31,
      common.length + 9,
      0x30,
      common.length + 7,
      6,
      3,
      0x55,
      4,
      3,
      0x0c,
      common.length,
      ...Buffer.from(common),
    ]),
  );
  const isCa = extension('2.5.29.19', true, sequence(Uint8Array.of(1, 1, 0xff)));
  const keyId = extension('2.5.29.14', false, octetString(id));
  const pem = certificate(
    { key, issuer: name, subject: name, serial: Uint8Array.of(1), from: now - 1e10, to: now + 1e12, spki: key.spki },
    [isCa, keyId],
  );
  return { key, pem, id, name };
}

/** Used by tests of DER: the extensions of a certificate. */
export function extensionsOf(der: Uint8Array): Uint8Array[] {
  const body = child(der, valueAt(der, 0, der.length)!, 0x30)!;
  const list = child(der, child(der, body, 0xa3)!, 0x30)!;
  return [...valuesIn(der, list.start, list.end)].map(({ start, end }) => der.subarray(start, end));
}
