/**
 * Server cookies (RFC 7873) in the form that servers of one address share (RFC 9018 4): with the same secret each of
 * them knows the
 * others' cookies again. A client with a good one receives what is sent to its address.
 */
import type { DatagramAddress } from '../../net/datagrams.js';
import { putU32, u32At } from '../wire/writer.js';
import { SipHash } from './siphash.js';

export const CLIENT_COOKIE = 8;
export const SERVER_COOKIE = 16;
const VERSION = 1;
/**
 * RFC 9018 4.3: seconds that a cookie of the past and one of the future are good, and after which a good one is made
 * anew.
 */
const OLDEST = 3600;
const NEWEST = -300;
const RENEW = 1800;

export class Cookies {
  private readonly hashes: readonly SipHash[];
  private readonly input = new Uint8Array(CLIENT_COOKIE + 8 + 16);
  private readonly expected = new Uint8Array(8);
  /** Both cookies that the answer has. */
  readonly reply = new Uint8Array(CLIENT_COOKIE + SERVER_COOKIE);

  /** `secrets`: of 16 bytes each. The first makes cookies; those of all are good (RFC 9018 5: roll-over). */
  constructor(secrets: readonly Uint8Array[]) {
    this.hashes = secrets.map((secret) => new SipHash(secret));
  }

  /**
   * Whether `bytes[at..at + length)`, both cookies as they came, has a server cookie of ours for this client.
   * `seconds`: since 1970. What
   * is to be sent lies in `reply` then in any case.
   */
  check(bytes: Uint8Array, at: number, length: number, client: DatagramAddress, seconds: number): boolean {
    const { reply } = this;
    for (let i = 0; i < CLIENT_COOKIE; i++) reply[i] = bytes[at + i];
    const server = at + CLIENT_COOKIE;
    const known = length === CLIENT_COOKIE + SERVER_COOKIE && bytes[server] === VERSION;
    const age = known ? (seconds - u32At(bytes, server + 4)) | 0 : OLDEST + 1;
    const good = age <= OLDEST && age >= NEWEST && this.isOurs(bytes, at, client);
    if (good && age < RENEW) for (let i = 0; i < SERVER_COOKIE; i++) reply[CLIENT_COOKIE + i] = bytes[server + i];
    else this.make(client, seconds);
    return good;
  }

  private isOurs(bytes: Uint8Array, at: number, client: DatagramAddress): boolean {
    const { expected } = this;
    for (const hash of this.hashes) {
      const length = this.prepare(bytes, at, client);
      hash.hash(this.input, length, expected, 0);
      let difference = 0;
      for (let i = 0; i < 8; i++) difference |= expected[i] ^ bytes[at + 16 + i];
      if (difference === 0) return true;
    }
    return false;
  }

  private make(client: DatagramAddress, seconds: number): void {
    const { reply } = this;
    reply[CLIENT_COOKIE] = VERSION;
    reply.fill(0, CLIENT_COOKIE + 1, CLIENT_COOKIE + 4);
    putU32(reply, CLIENT_COOKIE + 4, seconds >>> 0);
    this.hashes[0]!.hash(this.input, this.prepare(reply, 0, client), reply, CLIENT_COOKIE + 8);
  }

  /** What is hashed: the client's cookie, version, reserved bytes and time, and the client's address. */
  private prepare(bytes: Uint8Array, at: number, client: DatagramAddress): number {
    const { input } = this;
    for (let i = 0; i < CLIENT_COOKIE + 8; i++) input[i] = bytes[at + i];
    for (let i = 0; i < client.length; i++) input[CLIENT_COOKIE + 8 + i] = client.bytes[i];
    return CLIENT_COOKIE + 8 + client.length;
  }
}
