/** What a client sends (RFC 8446 4.1.2, 4.4.2). */
import { EXTENSION, MESSAGE, TLS_1_2, TLS_1_3 } from './numbers.js';
import { Writer } from './writer.js';

export interface ClientOffer {
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  readonly suites: readonly number[];
  /** Undefined: the server's name is an address, which has no place there (RFC 6066 3). */
  readonly serverName: string | undefined;
  readonly groups: readonly number[];
  readonly schemes: readonly number[];
  readonly shares: readonly { readonly group: number; readonly share: Uint8Array }[];
  readonly protocols: readonly string[];
  readonly cookie: Uint8Array | undefined;
  /** A ticket, and the bytes that its binder will have. */
  readonly psk:
    | { readonly ticket: Uint8Array; readonly obfuscatedAge: number; readonly binderLength: number }
    | undefined;
}

/** With a PSK, its binder is zero: the last `binderLength` bytes of the message. */
export function writeClientHello(offer: ClientOffer): Uint8Array {
  const writer = new Writer(1024);
  writer.message(MESSAGE.clientHello, (body) =>
    body
      .u16(TLS_1_2)
      .raw(offer.random)
      .vector(1, (one) => one.raw(offer.sessionId))
      .vector(2, (list) => {
        for (const suite of offer.suites) list.u16(suite);
      })
      .vector(1, (list) => list.u8(0))
      .vector(2, (list) => writeExtensions(list, offer)),
  );
  return writer.bytes;
}

function writeExtensions(list: Writer, offer: ClientOffer): void {
  const { serverName, cookie, psk, protocols } = offer;
  list.extension(EXTENSION.supportedVersions, (one) => one.vector(1, (versions) => versions.u16(TLS_1_3)));
  if (serverName !== undefined)
    list.extension(EXTENSION.serverName, (one) =>
      one.vector(2, (names) => names.u8(0).vector(2, (name) => name.raw(Buffer.from(serverName, 'latin1')))),
    );
  list.extension(EXTENSION.supportedGroups, (one) =>
    one.vector(2, (groups) => {
      for (const group of offer.groups) groups.u16(group);
    }),
  );
  list.extension(EXTENSION.signatureAlgorithms, (one) =>
    one.vector(2, (schemes) => {
      for (const scheme of offer.schemes) schemes.u16(scheme);
    }),
  );
  if (protocols.length > 0)
    list.extension(EXTENSION.alpn, (one) =>
      one.vector(2, (names) => {
        for (const protocol of protocols) names.vector(1, (name) => name.raw(Buffer.from(protocol, 'latin1')));
      }),
    );
  if (cookie !== undefined) list.extension(EXTENSION.cookie, (one) => one.vector(2, (data) => data.raw(cookie)));
  list.extension(EXTENSION.keyShare, (one) =>
    one.vector(2, (shares) => {
      for (const { group, share } of offer.shares) shares.u16(group).vector(2, (key) => key.raw(share));
    }),
  );
  list.extension(EXTENSION.pskKeyExchangeModes, (one) => one.vector(1, (modes) => modes.u8(1)));
  if (psk !== undefined)
    list.extension(EXTENSION.preSharedKey, (one) =>
      one
        .vector(2, (identities) => identities.vector(2, (ticket) => ticket.raw(psk.ticket)).u32(psk.obfuscatedAge))
        .vector(2, (binders) => binders.vector(1, (binder) => binder.raw(new Uint8Array(psk.binderLength)))),
    );
}

/** The Certificate of a client that has none (RFC 8446 4.4.2.4). */
export function writeNoCertificate(context: Uint8Array): Uint8Array {
  return new Writer(16 + context.length).message(MESSAGE.certificate, (body) =>
    body.vector(1, (one) => one.raw(context)).vector(3, () => undefined),
  ).bytes;
}
