/**
 * Certificates on their way to other hosts: encrypted for those that may have them, in the age format
 * (age-encryption.org/v1), by its author's library. Each host has an identity of its own; what it gives away is the
 * recipient that belongs to it.
 */
import { AcmeError } from '../protocol/problem.js';
import type { Storage } from './storage.js';

const IDENTITY = 'host.identity';
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

/** `age1…`, of X25519. */
export function isRecipient(text: string): boolean {
  return /^age1[02-9ac-hj-np-z]{58}$/.test(text);
}

/** Whether `text` is a sealed one. */
export function isSealed(text: string): boolean {
  return text.trimStart().startsWith(ARMOR);
}

/** The recipient of this host; its identity is made, and stored first, where there is none. */
export async function hostRecipient(storage: Storage): Promise<string> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const known = await storedIdentity(storage);
  if (known !== undefined) return identityToRecipient(known);
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  await storage.write(IDENTITY, `# recipient: ${recipient}\n${identity}\n`);
  return recipient;
}

/** Undefined: there is none. Rejects with an `AcmeError` when there is one that cannot be used. */
async function storedIdentity(storage: Storage): Promise<string | undefined> {
  const text = await storage.read(IDENTITY);
  if (text === undefined) return undefined;
  const line = text.split('\n').find((one) => /^AGE-SECRET-KEY-1[A-Z0-9]{58}$/.test(one.trim()));
  if (line !== undefined) return line.trim();
  throw new AcmeError('state', `${IDENTITY} in the state folder is damaged; restore it from a copy, or remove it`);
}

/** `recipients`: at least one. Rejects with an `AcmeError` when one of them is none. */
export async function seal(text: string, recipients: readonly string[]): Promise<string> {
  const { armor, Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient);
    } catch (error) {
      throw new AcmeError('state', `${recipient} is no recipient of age: ${(error as Error).message}`);
    }
  }
  return armor.encode(await encrypter.encrypt(text));
}

/** What is in a sealed text that is for this host. Rejects with an `AcmeError`. */
export async function unseal(text: string, storage: Storage): Promise<string> {
  const identity = await storedIdentity(storage);
  if (identity === undefined)
    throw new AcmeError('state', 'this host has no identity; make one with "certificate identity"');
  const { armor, Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  try {
    return await decrypter.decrypt(armor.decode(text), 'text');
  } catch (error) {
    // The library has one class of error for all.
    throw new AcmeError('state', `it is not for this host, or damaged: ${(error as Error).message}`);
  }
}
