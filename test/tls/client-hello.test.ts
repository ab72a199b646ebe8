/** What a server says of ClientHellos that are not as they should be (RFC 8446 4.1.2, 4.2, 9.2). */
import t from 'tap';
import type { AlertName, TlsError } from '../../src/tls/common/alert.js';
import { checkExtensions, checkOlder } from '../../src/tls/handshake/client-hello-rules.js';
import type { ClientHello } from '../../src/tls/wire/client-hello.js';
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
    suites: reader.list16(),
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

/** Extensions that nobody knows. */
const unknown = (count: number): [number, Uint8Array][] =>
  Array.from({ length: count }, (_, i) => [0x4000 + i, new Uint8Array(0)]);

/** Puts entries before those of an extension that is a list with a length of two octets. */
function prefix(p: Parts, type: number, entries: number[]): void {
  const found = p.extensions.find(([one]) => one === type)!;
  const length = found[1].length - 2 + entries.length;
  found[1] = Uint8Array.of(length >> 8, length & 255, ...entries, ...found[1].subarray(2));
}

/** `pre_shared_key` with a ticket of one octet. */
const ONE_PSK = Uint8Array.of(0, 7, 0, 1, 9, 0, 0, 0, 0, 0, 33, 32, ...new Array(32).fill(0));

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
  [
    '9.2: a pre-shared key without key agreement: nothing is missing, and nothing in common',
    (p) => {
      without(EXTENSION.supportedGroups)(p);
      without(EXTENSION.keyShare)(p);
      p.extensions.push([EXTENSION.preSharedKey, ONE_PSK]);
    },
    'handshakeFailure',
  ],
  ['4.2: a thousand extensions that are not known', (p) => void p.extensions.unshift(...unknown(1000)), undefined],
  [
    '4.2: one of them twice',
    (p) => void p.extensions.unshift(...unknown(1000), [0x4000 + 999, new Uint8Array(0)]),
    'illegalParameter',
  ],
  [
    '4.1.2: a thousand suites that are not known',
    (p) => void p.suites.unshift(...Array.from({ length: 1000 }, (_, i) => 0x4000 + i)),
    undefined,
  ],
  [
    '4.2.7, 4.2.8: groups that are not known, with a share of each',
    (p) => {
      const groups = Array.from({ length: 250 }, (_, i) => [0x40, i]);
      prefix(p, EXTENSION.supportedGroups, groups.flat());
      prefix(
        p,
        EXTENSION.keyShare,
        groups.flatMap((group) => [...group, 0, 1, 7]),
      );
    },
    undefined,
  ],
  [
    '4.2.3: schemes that are not known',
    (p) =>
      prefix(
        p,
        EXTENSION.signatureAlgorithms,
        Array.from({ length: 2000 }, (_, i) => (i % 2 === 0 ? 0x40 : 1)),
      ),
    undefined,
  ],
  [
    'RFC 7301 3.2: protocols that are not known',
    (p) => prefix(p, EXTENSION.alpn, Array.from({ length: 500 }, () => [2, 0x78, 0x79]).flat()),
    undefined,
  ],
  ['9.2: no supported_groups', without(EXTENSION.supportedGroups), 'missingExtension'],
  ['9.2: no key_share', without(EXTENSION.keyShare), 'missingExtension'],
  ['4.2.3: no signature scheme in common', with_(EXTENSION.signatureAlgorithms, 0, 2, 8, 4), 'handshakeFailure'],
  [
    '4.2.8: a share of a group that is not offered',
    with_(EXTENSION.supportedGroups, 0, 2, 0, 0x17),
    'illegalParameter',
  ],
  [
    '4.2.8: shares in another order than their groups are taken, as OpenSSL and GnuTLS do',
    (p) => {
      prefix(p, EXTENSION.supportedGroups, [0x40, 1, 0x40, 2]);
      prefix(p, EXTENSION.keyShare, [0x40, 2, 0, 1, 7, 0x40, 1, 0, 1, 7]);
    },
    undefined,
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
      p.extensions.push([EXTENSION.preSharedKey, ONE_PSK]);
    },
    'missingExtension',
  ],
  [
    '4.2.11: pre_shared_key is not the last',
    (p) => {
      p.extensions.unshift([EXTENSION.preSharedKey, ONE_PSK]);
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
      p.extensions.push([EXTENSION.preSharedKey, ONE_PSK]);
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

const [, , MESSAGE_BYTES = 0] = documented('docs/tls.md', "a handshake's bytes; records; one message");
const [TRIED = 0] = documented('docs/tls.md', 'tickets of a ClientHello that are tried');

t.test('lists of a ClientHello: as many entries as docs/tls.md lets a message hold, and no more', (t) => {
  const fill = (parts: Parts, bytes: number): void => {
    const left = bytes - build(parts).length;
    // The last one takes what is left of an entry.
    parts.extensions.unshift(...unknown(Math.floor(left / 4) - 1), [0x3fff, new Uint8Array(left % 4)]);
    t.equal(build(parts).length, bytes);
  };
  t.match(answer((parts) => fill(parts, MESSAGE_BYTES)) ?? 'decryptError', /^(decryptError|badRecordMac)$/);
  t.equal(
    answer((parts) => fill(parts, MESSAGE_BYTES + 1)),
    'decodeError',
  );
  t.end();
});

t.test('tickets of a ClientHello: as many are tried as docs/tls.md says', (t) => {
  const setup = new Setup();
  let tried = 0;
  const open = setup.tickets.open.bind(setup.tickets);
  setup.tickets.open = (...parameters) => {
    tried++;
    return open(...parameters);
  };
  const count = 100;
  const names = Array.from({ length: count }, () => [0, 1, 9, 0, 0, 0, 0]).flat();
  const binders = Array.from({ length: count }, () => [32, ...new Array(32).fill(0)]).flat();
  const list = (bytes: number[]): number[] => [bytes.length >> 8, bytes.length & 255, ...bytes];
  answer(with_(EXTENSION.preSharedKey, ...list(names), ...list(binders)), setup);
  t.equal(tried, TRIED);
  t.end();
});

t.test('groups of a ClientHello are looked through once, however many shares there are', (t) => {
  let looks = 0;
  const groups = new Proxy(
    Array.from({ length: 4000 }, (_, i) => i),
    {
      get: (list, key, self) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
        return Reflect.get(list, key, self) as unknown;
      },
    },
  );
  const shares = new Map(Array.from({ length: 1600 }, (_, i) => [3999 - i, new Uint8Array(1)]));
  checkExtensions({ psks: undefined, pskModes: undefined, schemes: [], groups, shares } as unknown as ClientHello);
  t.equal(looks, 4000);
  t.end();
});

t.test('TLS 1.2: what a client has to offer', (t) => {
  const good = {
    suites: [0xc02f],
    legacyVersion: 0x0303,
    versions: undefined,
    extensions: new Set<number>([EXTENSION.extendedMasterSecret]),
  };
  const alert = (changed: Partial<ClientHello>): AlertName | undefined => {
    try {
      checkOlder({ ...good, ...changed } as ClientHello);
      return undefined;
    } catch (error) {
      return (error as TlsError).alert;
    }
  };
  t.equal(alert({}), undefined);
  t.equal(alert({ legacyVersion: 0x0302 }), 'protocolVersion');
  t.equal(alert({ suites: [0xc02f, 0x5600] }), 'inappropriateFallback', 'RFC 7507 3');
  t.equal(alert({ extensions: new Set() }), 'handshakeFailure', 'RFC 9325 3.5: no extended_master_secret');
  t.end();
});
