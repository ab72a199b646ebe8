/** What a server says of ClientHellos that are not as they should be (RFC 8446 4.1.2, 4.2, 9.2). */
import t from 'tap';
import type { AlertName } from '../../src/tls/common/alert.js';
import { EXTENSION } from '../../src/tls/wire/numbers.js';
import { Reader } from '../../src/tls/wire/reader.js';
import { Writer } from '../../src/tls/wire/writer.js';
import { documented } from '../documented.js';
import { RawClient } from './raw-client.js';
import { Setup } from './setup.js';

interface Parts {
  version: number;
  random: Uint8Array;
  sessionId: Uint8Array;
  suites: number[];
  compression: Uint8Array;
  extensions: [type: number, content: Uint8Array][];
}

function parse(message: Uint8Array): Parts {
  const reader = new Reader(message, 4);
  const parts: Parts = {
    version: reader.u16(),
    random: reader.fixed(32),
    sessionId: reader.opaque8(0, 32),
    suites: reader.list16(100),
    compression: reader.opaque8(1, 255),
    extensions: [],
  };
  const list = reader.vector16(0, 65535);
  while (list.left > 0) parts.extensions.push([list.u16(), list.opaque16(0, 65535)]);
  return parts;
}

function build({ version, random, sessionId, suites, compression, extensions }: Parts): Uint8Array {
  return new Writer().message(1, (body) =>
    body
      .u16(version)
      .raw(random)
      .vector(1, (one) => one.raw(sessionId))
      .vector(2, (list) => {
        for (const suite of suites) list.u16(suite);
      })
      .vector(1, (one) => one.raw(compression))
      .vector(2, (list) => {
        for (const [type, content] of extensions) list.extension(type, (one) => one.raw(content));
      }),
  ).bytes;
}

/** The alert of a server for a ClientHello that `change` has changed. */
function answer(change: (parts: Parts) => void, setup = new Setup()): AlertName | undefined {
  const client = new RawClient(setup, (message) => {
    if (message[0] !== 1) return message;
    const parts = parse(message);
    change(parts);
    return build(parts);
  }).talk();
  t.same(setup.errors, []);
  return client.alert;
}

const without = (type: number) => (parts: Parts) => {
  parts.extensions = parts.extensions.filter(([one]) => one !== type);
};
const with_ =
  (type: number, ...content: number[]) =>
  (parts: Parts) => {
    const found = parts.extensions.find(([one]) => one === type);
    if (found === undefined) parts.extensions.push([type, Uint8Array.from(content)]);
    else found[1] = Uint8Array.from(content);
  };

const CASES: [rule: string, change: (parts: Parts) => void, alert: AlertName | undefined][] = [
  // The client's transcript has the message as it was: its Finished does not fit.
  ['4.2: extensions that are not known are ignored', with_(0xfafa, 1, 2, 3), undefined],
  [
    '4.1.2: legacy_version is not looked at with supported_versions',
    (p) => {
      p.version = 0x0301;
    },
    undefined,
  ],
  [
    'D.5: SSL 3.0 is refused',
    (p) => {
      p.version = 0x0300;
    },
    'protocolVersion',
  ],
  [
    '4.1.2: compression other than null',
    (p) => {
      p.compression = Uint8Array.of(1, 0);
    },
    'illegalParameter',
  ],
  [
    '4.1.2: no suite in common',
    (p) => {
      p.suites = [0x1304, 0xc02b];
    },
    'handshakeFailure',
  ],
  [
    '4.2: an extension twice',
    (p) => {
      p.extensions.push(p.extensions[0]!);
    },
    'illegalParameter',
  ],
  ['4.2.1: no version in common', with_(EXTENSION.supportedVersions, 2, 3, 2), 'protocolVersion'],
  ['4.2.1: supported_versions of odd length', with_(EXTENSION.supportedVersions, 3, 3, 4, 3), 'decodeError'],
  ['9.2: no signature_algorithms', without(EXTENSION.signatureAlgorithms), 'missingExtension'],
  ['9.2: no supported_groups', without(EXTENSION.supportedGroups), 'missingExtension'],
  ['9.2: no key_share', without(EXTENSION.keyShare), 'missingExtension'],
  ['4.2.3: no signature scheme in common', with_(EXTENSION.signatureAlgorithms, 0, 2, 8, 4), 'handshakeFailure'],
  [
    '4.2.8: a share of a group that is not offered',
    with_(EXTENSION.supportedGroups, 0, 2, 0, 0x17),
    'illegalParameter',
  ],
  [
    '4.2.8: two shares of a group',
    with_(EXTENSION.keyShare, 0, 10, 0, 29, 0, 1, 1, 0, 29, 0, 1, 1),
    'illegalParameter',
  ],
  ['7.4.2: a share that is too short', with_(EXTENSION.keyShare, 0, 5, 0, 29, 0, 1, 1), 'illegalParameter'],
  [
    '7.4.2: a share whose secret is all zero',
    with_(EXTENSION.keyShare, 0, 36, 0, 29, 0, 32, ...new Array(32).fill(0)),
    'illegalParameter',
  ],
  [
    '4.2.8.2: a point that is not on the curve',
    with_(EXTENSION.keyShare, 0, 69, 0, 23, 0, 65, 4, ...new Array(64).fill(1)),
    'illegalParameter',
  ],
  [
    '4.2.9: pre_shared_key without modes',
    (p) => {
      without(EXTENSION.pskKeyExchangeModes)(p);
      p.extensions.push([
        EXTENSION.preSharedKey,
        Uint8Array.of(0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, ...new Array(32).fill(0)),
      ]);
    },
    'missingExtension',
  ],
  [
    '4.2.11: pre_shared_key is not the last',
    (p) => {
      p.extensions.unshift([
        EXTENSION.preSharedKey,
        Uint8Array.of(0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, ...new Array(32).fill(0)),
      ]);
    },
    'illegalParameter',
  ],
  [
    '4.2.11: more binders than identities',
    (p) => {
      p.extensions.push([
        EXTENSION.preSharedKey,
        Uint8Array.of(
          0,
          7,
          0,
          1,
          9,
          0,
          0,
          0,
          0,
          0,
          66,
          ...Array.from({ length: 2 }, () => [32, ...new Array(32).fill(0)]).flat(),
        ),
      ]);
    },
    'illegalParameter',
  ],
  [
    '4.2.11: a ticket that is not ours is passed over',
    (p) => {
      p.extensions.push([
        EXTENSION.preSharedKey,
        Uint8Array.of(0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, ...new Array(32).fill(0)),
      ]);
    },
    undefined,
  ],
  ['RFC 7301 3.2: no protocol in common', with_(EXTENSION.alpn, 0, 2, 1, 0x78), 'noApplicationProtocol'],
  ['RFC 6066 3: two host names', with_(EXTENSION.serverName, 0, 8, 0, 0, 1, 0x78, 0, 0, 1, 0x79), 'illegalParameter'],
  ['RFC 6066 3: a name that is no name', with_(EXTENSION.serverName, 0, 5, 0, 0, 2, 0x78, 0), 'illegalParameter'],
];

for (const [rule, change, alert] of CASES) {
  t.test(rule, (t) => {
    const found = answer(change);
    // What is accepted fails later, at the client, whose transcript is another.
    t.equal(found === 'decryptError' || found === 'badRecordMac' ? undefined : found, alert);
    t.end();
  });
}

t.test('lengths that do not fit: cut at every octet, a ClientHello is refused', (t) => {
  let length = 0;
  new RawClient(new Setup(), (message) => {
    length = message.length;
    return message;
  });
  for (let cut = 4; cut < length; cut++) {
    const setup = new Setup();
    const client = new RawClient(setup, (message) => {
      if (message[0] !== 1) return message;
      const body = message.subarray(4, cut);
      return Uint8Array.of(1, 0, body.length >> 8, body.length & 255, ...body);
    }).talk();
    t.match(client.alert, /^(decodeError|missingExtension|protocolVersion)$/, `cut at ${cut}`);
    t.same(setup.errors, []);
  }
  t.end();
});

const [EXTENSIONS = 0, SHARES = 0, TICKETS = 0, , PROTOCOLS = 0] = documented(
  'docs/tls.md',
  'entries of ClientHello: extensions, shares, tickets (tried), protocols',
);

/** In place of what the extension says, or as another one. */
function put({ extensions }: Parts, type: number, content: Uint8Array): void {
  const there = extensions.find(([one]) => one === type);
  if (there === undefined) extensions.push([type, content]);
  else there[1] = content;
}

const many = (count: number, one: (list: Writer, i: number) => void): Writer => {
  const list = new Writer();
  for (let i = 0; i < count; i++) one(list, i);
  return list;
};

const LISTS: readonly (readonly [what: string, most: number, change: (parts: Parts, count: number) => void])[] = [
  [
    'extensions',
    EXTENSIONS,
    ({ extensions }, count) => {
      while (extensions.length < count) extensions.push([0x5000 + extensions.length, new Uint8Array(0)]);
    },
  ],
  [
    'shares',
    SHARES,
    (parts, count) => {
      const [, own = new Uint8Array(0)] = parts.extensions.find(([one]) => one === EXTENSION.keyShare) ?? [];
      const first = new Reader(own).vector16(0, 65535);
      const [group, share] = [first.u16(), first.opaque16(1, 65535)];
      const list = many(count, (one, i) =>
        one.u16(i === 0 ? group : 0x5000 + i).vector(2, (w) => w.raw(i === 0 ? share : Uint8Array.of(1))),
      );
      const groups = many(count, (one, i) => one.u16(i === 0 ? group : 0x5000 + i));
      put(parts, EXTENSION.supportedGroups, new Writer().vector(2, (w) => w.raw(groups.bytes)).bytes);
      put(parts, EXTENSION.keyShare, new Writer().vector(2, (w) => w.raw(list.bytes)).bytes);
    },
  ],
  [
    'tickets',
    TICKETS,
    (parts, count) => {
      const names = many(count, (one) => one.vector(2, (w) => w.raw(Uint8Array.of(9))).raw(new Uint8Array(4)));
      const binders = many(count, (one) => one.vector(1, (w) => w.raw(new Uint8Array(32))));
      const both = new Writer().vector(2, (w) => w.raw(names.bytes)).vector(2, (w) => w.raw(binders.bytes));
      put(parts, EXTENSION.preSharedKey, both.bytes);
    },
  ],
  [
    'protocols',
    PROTOCOLS,
    (parts, count) => {
      const list = many(count, (one, i) =>
        one.vector(1, (w) => w.raw(i === 0 ? Buffer.from('http/1.1') : Uint8Array.of(0x41, i))),
      );
      put(parts, EXTENSION.alpn, new Writer().vector(2, (w) => w.raw(list.bytes)).bytes);
    },
  ],
];

for (const [what, most, change] of LISTS) {
  t.test(`${what} of a ClientHello: as many as docs/tls.md says, and no more`, (t) => {
    t.match(answer((parts) => change(parts, most)) ?? 'decryptError', /^(decryptError|badRecordMac)$/, `${most}`);
    t.equal(
      answer((parts) => change(parts, most + 1)),
      'decodeError',
      `${most + 1}`,
    );
    t.end();
  });
}
