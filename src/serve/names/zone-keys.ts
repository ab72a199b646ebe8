/** The state of a zone in the state folder: the key that signs it, and its last serial. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ZoneSigner } from '../../dns/dnssec/key.js';
import { type Name, nameText } from '../../dns/wire/name.js';
import { isNewer } from '../../dns/zone/zone.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { writeDurableNow } from '../../native/durable.js';
import { makeFolder } from '../../native/make-folder.js';
import { zoneFolder } from './zone-folder.js';

export class ZoneState {
  private readonly folder: string;
  private readonly name: string;

  /** `state`: the folder of all state. */
  constructor(state: string, apex: Name) {
    this.folder = zoneFolder(state);
    // A name may hold any byte; a file name may not.
    this.name = nameText(apex).replace(/[^a-z0-9._-]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  }

  get keyFile(): string {
    return join(this.folder, `${this.name}key`);
  }

  private get serialFile(): string {
    return join(this.folder, `${this.name}serial`);
  }

  /** The key of the zone; it is made when there is none. Throws a `UserError`. */
  signer(): ZoneSigner {
    return signerOf(existsSync(this.keyFile) ? this.readKey() : this.makeKey());
  }

  private readKey(): KeyObject {
    const { keyFile } = this;
    try {
      const key = createPrivateKey(readFileSync(keyFile));
      if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
    } catch (error) {
      // A new key would not match the DS record in the parent zone, and the zone would fail for all validating
      // resolvers.
      throw new UserError(
        `the key ${keyFile} cannot be read: ${errorText(error)}; put back the copy that was made of it`,
      );
    }
    throw new UserError(`the key ${keyFile} is not one of ECDSA on P-256; put back the copy that was made of it`);
  }

  private makeKey(): KeyObject {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.write(this.keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    return privateKey;
  }

  /** The last serial that was served and is not the file's; undefined: there was none. */
  get lastSerial(): number | undefined {
    const last = existsSync(this.serialFile) ? Number(readFileSync(this.serialFile, 'utf8').trim()) : Number.NaN;
    return Number.isInteger(last) && last >= 0 && last <= 0xffff_ffff ? last : undefined;
  }

  /** Throws a `UserError`. */
  rememberSerial(serial: number): void {
    this.write(this.serialFile, `${serial}\n`);
  }

  /**
   * The serial for a version that is new to secondaries: the file's, or the one after the last that was served,
   * whichever is newer.
   * It is remembered. Throws a `UserError`.
   */
  nextSerial(ofFile: number): number {
    const last = this.lastSerial;
    const serial = last === undefined || isNewer(ofFile, last) ? ofFile : (last + 1) >>> 0;
    this.rememberSerial(serial);
    return serial;
  }

  /** The file appears complete or not at all. */
  private write(file: string, content: string): void {
    try {
      makeFolder(this.folder, 0o700);
      writeDurableNow(file, content, 0o600);
    } catch (error) {
      throw new UserError(`${file} cannot be written: ${errorText(error)}; choose a folder for it with --state`);
    }
  }
}

function signerOf(key: KeyObject): ZoneSigner {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' });
  const publicKey = Uint8Array.from(Buffer.concat([Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')]));
  return { publicKey, sign: (bytes) => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }) };
}
