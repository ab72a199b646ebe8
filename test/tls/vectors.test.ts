/**
 * What attacks on implementations are made of, through our interface to OpenSSL and with each way to it: points of
 * small order and off the curve, tags cut and changed, signatures in other encodings. In the manner of Wycheproof.
 */
import { constants, createECDH, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { GROUP, SCHEME, SUITES } from '../../src/tls/common/suites.js';
import { EvpPrimitives } from '../../src/tls/primitives/evp.js';
import { EvpX25519 } from '../../src/tls/primitives/evp-x25519.js';
import { NodePrimitives } from '../../src/tls/primitives/node.js';
import type { Primitives } from '../../src/tls/primitives/primitives.js';
import { RawX25519 } from '../../src/tls/primitives/raw-x25519.js';
import { signerOf, verifierOf } from '../../src/tls/primitives/signing.js';
import { seeded } from './setup.js';

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');

/** A number of `length` octets, the least significant first or last. */
function octets(value: bigint, length: number, order: 'little' | 'big'): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  return order === 'little' ? bytes : bytes.reverse();
}

const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);

const BACKENDS: readonly (readonly [name: string, primitives: Primitives])[] = [
  ['node:crypto', new NodePrimitives()],
  ['EVP', new EvpPrimitives(new EvpX25519())],
  ['EVP and the X25519 inside', new EvpPrimitives(new RawX25519())],
];

const P25519 = 2n ** 255n - 19n;
/** Of order 1, 2, 4 and 8 (RFC 7748 6.1), the latter two in hexadecimal; and numbers that are not reduced (5). */
const SMALL_ORDER = [
  ...[0n, 1n, P25519 - 1n, P25519, P25519 + 1n].map((value) => octets(value, 32, 'little')),
  ...[
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  ].map((text) => Uint8Array.from(Buffer.from(text, 'hex'))),
];

for (const [name, primitives] of BACKENDS) {
  const agree = (key: Uint8Array, peer: Uint8Array): Uint8Array | undefined =>
    primitives.keyShare(GROUP.x25519, () => Uint8Array.from(key)).agree(peer);

  t.test(`${name}: RFC 7748 5.2, a thousand agreements one out of the other`, (t) => {
    let key: Uint8Array = octets(9n, 32, 'little');
    let point = key;
    for (let i = 1; i <= 1000; i++) {
      const next = agree(key, point)!;
      point = key;
      key = next;
      if (i === 1) t.equal(hex(key), '422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079');
    }
    t.equal(hex(key), '684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
    t.end();
  });

  t.test(`${name}: a record of content elsewhere has the bytes of one that was sealed in place`, (t) => {
    const random = seeded(5);
    const content = Uint8Array.from({ length: 16_400 }, () => random.next() & 255);
    const resizable = Reflect.construct(ArrayBuffer, [
      content.length,
      { maxByteLength: 2 * content.length },
    ]) as ArrayBuffer;
    new Uint8Array(resizable).set(content);
    const sources = [new Memory(content), new Memory(new Uint8Array(resizable))];
    for (const suite of SUITES) {
      const key = primitives.recordKey(suite, content.subarray(0, suite.keyLength), content.subarray(40, 52));
      const wrong: string[] = [];
      for (const length of [1, 15, 16, 17, 2047, 2048, 2049, 16_383, 16_384]) {
        const number = random.next() % 2 ** 40;
        const [inPlace, elsewhere] = [primitives.target(16_450), primitives.target(16_450)];
        inPlace.bytes.set(content.subarray(9, 9 + length), 3 + 5);
        const end = key.seal(inPlace, 3, length, 23, number);
        for (const memory of sources) {
          const also = key.sealFrom({ memory, start: 9, end: 9 + length }, elsewhere, 3, number);
          if (also !== end || hex(elsewhere.bytes.subarray(3, end)) !== hex(inPlace.bytes.subarray(3, end)))
            wrong.push(`${length} octets`);
        }
        t.ok(key.open(elsewhere, 3, end, number), `${suite.cipher}, ${length}: it can be opened`);
      }
      t.same(wrong, [], suite.cipher);
      t.same(content, new Uint8Array(resizable), 'the content is as it was');
    }
    t.end();
  });

  t.test(`${name}: RFC 8446 7.4.2, no secret out of a point of small order`, (t) => {
    const random = seeded(3);
    for (const small of SMALL_ORDER)
      for (const top of [0, 128]) {
        const point = small.slice();
        point[31]! |= top;
        t.equal(agree(random(32), point), undefined, `${hex(point)}`);
        t.equal(primitives.respond(GROUP.x25519, point, random), undefined);
      }
    t.end();
  });

  t.test(`${name}: RFC 7748 5, the top bit is masked, and a number that is not reduced is one that is`, (t) => {
    const key = seeded(4)(32);
    for (let value = 2n; value < 19n; value++) {
      const reduced = hex(agree(key, octets(value, 32, 'little')));
      t.equal(hex(agree(key, octets(P25519 + value, 32, 'little'))), reduced);
      t.equal(hex(agree(key, octets(2n ** 255n + value, 32, 'little'))), reduced);
    }
    t.end();
  });

  t.test(`${name}: a share of X25519 with another length is none`, (t) => {
    const random = seeded(5);
    for (const length of [0, 1, 31, 33, 64]) {
      t.equal(agree(random(32), random(length)), undefined, `${length}`);
      t.equal(primitives.respond(GROUP.x25519, random(length), random), undefined);
    }
    t.end();
  });

  for (const [group, curve, length] of [
    [GROUP.secp256r1, 'prime256v1', 32],
    [GROUP.secp384r1, 'secp384r1', 48],
  ] as const) {
    t.test(`${name}: RFC 8446 4.2.8.2, ${curve}: points on the curve alone, and uncompressed`, (t) => {
      const random = seeded(6);
      const peer = createECDH(curve);
      peer.generateKeys();
      const point = Uint8Array.from(peer.getPublicKey());
      const answer = primitives.respond(group, point, random)!;
      t.equal(hex(answer.secret), peer.computeSecret(answer.share).toString('hex'));
      const x = point.slice(1, 1 + length);
      const y = point.slice(1 + length);
      // P-256: 2^256 - 2^224 + 2^192 + 2^96 - 1; P-384: 2^384 - 2^128 - 2^96 + 2^32 - 1.
      const prime =
        length === 32
          ? 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n
          : 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n;
      const negative = octets(prime - number(y), length, 'big');
      const opposite = primitives.keyShare(group, seeded(6));
      const straight = primitives.keyShare(group, seeded(6));
      t.same(
        opposite.agree(Uint8Array.of(4, ...x, ...negative)),
        straight.agree(point),
        'x of a point and its negative',
      );
      const bad: Record<string, Uint8Array> = {
        empty: new Uint8Array(0),
        'the point at infinity': Uint8Array.of(0),
        zeros: new Uint8Array(1 + 2 * length),
        'uncompressed zeros': Uint8Array.of(4, ...new Uint8Array(2 * length)),
        'another y': Uint8Array.of(4, ...x, ...y.map((octet, i) => (i === length - 1 ? octet ^ 1 : octet))),
        'x and y in turn': Uint8Array.of(4, ...y, ...x),
        'x is the prime': Uint8Array.of(4, ...octets(prime, length, 'big'), ...y),
        'y is the prime': Uint8Array.of(4, ...x, ...octets(prime, length, 'big')),
        'all ones': Uint8Array.of(4, ...new Uint8Array(2 * length).fill(255)),
        'compressed, even': Uint8Array.of(2, ...x),
        'compressed, odd': Uint8Array.of(3, ...x),
        'hybrid, even': Uint8Array.of(6, ...x, ...y),
        'hybrid, odd': Uint8Array.of(7, ...x, ...y),
        'without its form': Uint8Array.of(...x, ...y),
        'cut short': point.slice(0, -1),
        'one octet more': Uint8Array.of(...point, 0),
      };
      for (const [why, one] of Object.entries(bad)) t.equal(primitives.respond(group, one, random), undefined, why);
      t.end();
    });
  }

  for (const suite of SUITES) {
    t.test(`${name}: ${suite.name}: a record is what was sealed, octet for octet, or nothing`, (t) => {
      const random = seeded(7);
      const [keyBytes, iv] = [random(suite.keyLength), random(12)];
      const key = primitives.recordKey(suite, keyBytes, iv);
      const other = new NodePrimitives().recordKey(suite, keyBytes, iv);
      const target = primitives.target(20_000);
      const seal = (content: Uint8Array, at: number, by = key): Uint8Array => {
        target.bytes.set(content, 5);
        return target.bytes.slice(0, by.seal(target, 0, content.length, 23, at));
      };
      const opens = (record: Uint8Array, at: number, by = key): boolean => {
        target.bytes.set(record);
        return by.open(target, 0, record.length, at);
      };
      for (const at of [0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, 2 ** 53 - 1])
        for (const size of [0, 1, 15, 16, 17, 255, 16_384]) {
          const content = random(size);
          const record = seal(content, at);
          t.equal(hex(record), hex(seal(content, at, other)), `${size} octets, record ${at}`);
          t.ok(opens(record, at));
          t.same(target.bytes.slice(5, 5 + size), content);
          t.notOk(opens(record, at === 0 ? 1 : at - 1), 'another number');
        }
      const record = seal(random(40), 7);
      for (let bit = 0; bit < 8 * record.length; bit++) {
        const changed = record.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        if (opens(changed, 7)) t.fail(`opened with bit ${bit} changed`);
      }
      for (let cut = 1; cut <= 40; cut++) if (opens(record.slice(0, -cut), 7)) t.fail(`opened without ${cut} octets`);
      t.notOk(opens(Uint8Array.of(...record, 0), 7), 'one octet more');
      t.notOk(
        opens(
          record.map((octet, i) => (i < record.length - 16 ? octet : 0)),
          7,
        ),
        'a tag of zeros',
      );
      t.notOk(opens(record, 7, primitives.recordKey(suite, random(suite.keyLength), iv)), 'another key');
      t.notOk(opens(record, 7, primitives.recordKey(suite, keyBytes, random(12))), 'another IV');
      t.ok(opens(record, 7), 'what it was still opens');
      t.end();
    });
  }

  t.test(`${name}: hashes and MACs of any length are those of node:crypto`, (t) => {
    const random = seeded(8);
    const reference = new NodePrimitives();
    for (const hash of ['sha256', 'sha384'] as const)
      for (const size of [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 1000, 32_768, 40_000]) {
        const data = random(size);
        t.equal(hex(primitives.hash(hash, data, size)), hex(reference.hash(hash, data, size)), `${size} octets`);
        for (const length of [1, 32, 48, 63, 64, 65, 128, 200]) {
          const key = random(length);
          if (hex(primitives.hmac(hash, key, data)) !== hex(reference.hmac(hash, key, data)))
            t.fail(`a key of ${length} octets, ${size} of data`);
        }
      }
    t.end();
  });

  t.test(`${name}: values are compared whole`, (t) => {
    const value = seeded(9)(32);
    t.ok(primitives.equal(value, value.slice()));
    for (let bit = 0; bit < 256; bit++) {
      const changed = value.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      if (primitives.equal(value, changed)) t.fail(`bit ${bit}`);
    }
    t.notOk(primitives.equal(value, value.slice(0, 31)));
    t.notOk(primitives.equal(value, new Uint8Array(0)));
    t.end();
  });
}

const CONTENT = Buffer.from('what a server signs');
const INTEGER = 2;
const SEQUENCE = 0x30;

/** DER of a positive integer, with `extra` zeros that do not belong there. */
function integer(value: bigint, extra = 0): Uint8Array {
  let text = value.toString(16);
  if (text.length % 2 === 1) text = `0${text}`;
  const bytes = Uint8Array.from(Buffer.from(text, 'hex'));
  const body = Uint8Array.of(...new Uint8Array(extra + (bytes[0]! >= 128 ? 1 : 0)), ...bytes);
  return Uint8Array.of(INTEGER, body.length, ...body);
}

const sequence = (...parts: Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(parts);
  return Uint8Array.of(SEQUENCE, body.length, ...body);
};

t.test('ECDSA: signatures out of range, or in another encoding than DER, are none', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const verify = verifierOf(publicKey);
  const scheme = SCHEME.ecdsaSecp256r1Sha256;
  const signature = signerOf(privateKey).sign(scheme, CONTENT);
  t.ok(verify(scheme, CONTENT, signature));
  const raw = sign('sha256', CONTENT, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [number(raw.subarray(0, 32)), number(raw.subarray(32))];
  t.ok(verify(scheme, CONTENT, sequence(integer(r), integer(s))));
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  t.ok(verify(scheme, CONTENT, sequence(integer(r), integer(order - s))), 'TLS does not ask for the lower s');
  const whole = sequence(integer(r), integer(s));
  const negative = (value: bigint): Uint8Array => Uint8Array.of(INTEGER, 32, ...octets(value, 32, 'big'));
  const bad: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    'as two numbers': raw,
    'r and s in turn': sequence(integer(s), integer(r)),
    'r is zero': sequence(integer(0n), integer(s)),
    's is zero': sequence(integer(r), integer(0n)),
    'both are zero': sequence(integer(0n), integer(0n)),
    'both are one': sequence(integer(1n), integer(1n)),
    'r is the order': sequence(integer(order), integer(s)),
    's is the order': sequence(integer(r), integer(order)),
    'r and the order': sequence(integer(r + order), integer(s)),
    's and the order': sequence(integer(r), integer(s + order)),
    'a zero before r': sequence(integer(r, 1), integer(s)),
    'a zero before s': sequence(integer(r), integer(s, 1)),
    'negative numbers': sequence(negative(r | (1n << 255n)), negative(s | (1n << 255n))),
    'a length in the long form': Uint8Array.of(SEQUENCE, 0x81, whole.length - 2, ...whole.slice(2)),
    'a length without end': Uint8Array.of(SEQUENCE, 0x80, ...whole.slice(2), 0, 0),
    'an octet behind it': Uint8Array.of(...whole, 0),
    'an octet within': sequence(integer(r), integer(s), Uint8Array.of(0)),
    'a third number': sequence(integer(r), integer(s), integer(1n)),
    'one number': sequence(integer(r)),
    'cut short': whole.slice(0, -1),
  };
  for (const [why, one] of Object.entries(bad)) t.notOk(verify(scheme, CONTENT, one), why);
  t.notOk(verify(scheme, Buffer.from('something else'), whole));
  t.notOk(
    verify(SCHEME.ecdsaSecp384r1Sha384, CONTENT, sign('sha384', CONTENT, privateKey)),
    'a scheme of another curve',
  );
  t.notOk(verify(scheme, CONTENT, sign('sha384', CONTENT, privateKey)), 'another hash');
  t.end();
});

t.test('RFC 8032 5.1.7: an Ed25519 signature has one encoding', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const verify = verifierOf(publicKey);
  const signature = signerOf(privateKey).sign(SCHEME.ed25519, CONTENT);
  t.ok(verify(SCHEME.ed25519, CONTENT, signature));
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = number(Uint8Array.from(signature.subarray(32)).reverse());
  const bad: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    's and the order': Uint8Array.of(...signature.subarray(0, 32), ...octets(s + order, 32, 'little')),
    's is zero': Uint8Array.of(...signature.subarray(0, 32), ...new Uint8Array(32)),
    zeros: new Uint8Array(64),
    'all ones': new Uint8Array(64).fill(255),
    'R is not reduced': Uint8Array.of(...octets(P25519 + 1n, 32, 'little'), ...signature.subarray(32)),
    'cut short': signature.subarray(0, 63),
    'an octet behind it': Uint8Array.of(...signature, 0),
  };
  for (const [why, one] of Object.entries(bad)) t.notOk(verify(SCHEME.ed25519, CONTENT, one), why);
  for (let bit = 0; bit < 512; bit++) {
    const changed = Uint8Array.from(signature);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if (verify(SCHEME.ed25519, CONTENT, changed)) t.fail(`bit ${bit}`);
  }
  t.end();
});

t.test('RFC 8446 4.2.3: RSA signatures are PSS, with a salt as long as the digest', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const verify = verifierOf(publicKey);
  const scheme = SCHEME.rsaPssRsaeSha256;
  const signature = signerOf(privateKey).sign(scheme, CONTENT);
  t.ok(verify(scheme, CONTENT, signature));
  const pss = (saltLength: number, hash = 'sha256'): Uint8Array =>
    sign(hash, CONTENT, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  const { n } = publicKey.export({ format: 'jwk' });
  const modulus = number(Buffer.from(n!, 'base64url'));
  const bad: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    'PKCS #1 1.5': sign('sha256', CONTENT, privateKey),
    'no salt': pss(0),
    'a shorter salt': pss(20),
    'a longer salt': pss(33),
    'the longest salt': pss(constants.RSA_PSS_SALTLEN_MAX_SIGN),
    'another hash': pss(48, 'sha384'),
    zeros: new Uint8Array(256),
    'the modulus': octets(modulus, 256, 'big'),
    'not reduced': octets((number(signature) + modulus) % 2n ** 2056n, 257, 'big'),
    'cut short': signature.subarray(0, 255),
    'a zero before it': Uint8Array.of(0, ...signature),
    'a zero behind it': Uint8Array.of(...signature, 0),
  };
  for (const [why, one] of Object.entries(bad)) t.notOk(verify(scheme, CONTENT, one), why);
  t.notOk(verify(SCHEME.rsaPssRsaeSha384, CONTENT, signature));
  t.notOk(verify(0x0401, CONTENT, sign('sha256', CONTENT, privateKey)), 'rsa_pkcs1_sha256 is not for TLS 1.3');
  t.notOk(verify(SCHEME.ed25519, CONTENT, signature));
  t.end();
});

t.test('keys that TLS 1.3 has no scheme for sign nothing', (t) => {
  const none = (key: KeyObject): boolean => t.same(signerOf(key).schemes, []);
  none(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
  none(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey);
  none(generateKeyPairSync('x25519').privateKey);
  t.end();
});
