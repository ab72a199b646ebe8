/** What a handshake needs of its connection, and the connection of a handshake. */
import type { FlowSecurity } from '../../net/flow.js';
import type { CipherSuite } from '../common/suites.js';

/** The connection, as a handshake uses it. */
export interface Channel {
  /** Sends handshake messages under the present key. */
  send(messages: Uint8Array): void;
  /** RFC 8446 D.4. */
  sendChangeCipherSpec(): void;
  /** Everything sent from now on is sealed under this secret's key. The channel owns the secret. */
  writeWith(suite: CipherSuite, secret: Uint8Array): void;
  /** Records from now on are opened with this secret's key. No message may lie across this point (RFC 8446 5.1). */
  readWith(suite: CipherSuite, secret: Uint8Array): void;
  /** Early data is taken: what is written now leaves, although the handshake is not over (RFC 8446 2.3). */
  takeEarlyData(security: FlowSecurity): void;
  /** The handshake is over. */
  established(security: FlowSecurity): void;
}

/**
 * A handshake: it is given messages, whole and in order, and answers through its channel. Throws a `TlsError` to end
 * the connection.
 */
export interface Handshake {
  /** `bytes` is the message with its header, and the handshake's own. */
  message(type: number, bytes: Uint8Array): void;
  /**
   * Records that cannot be decrypted are early data, and skipped (RFC 8446 4.2.10). The connection sets it to false
   * when one can.
   */
  skipsEarlyData: boolean;
  /** Bytes of early data that may come yet; undefined: none is taken. The connection counts them. */
  earlyDataLeft: number | undefined;
  /** Whether a change_cipher_spec record may come now, and is ignored (RFC 8446 5). */
  readonly allowsChangeCipherSpec: boolean;
  /** Overwrites what is left of secrets. */
  destroy(): void;
}

/** Gets messages that come after the handshake. Undefined: only KeyUpdate may come. */
export type AfterHandshake = (type: number, bytes: Uint8Array) => void;
