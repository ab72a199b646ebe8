/**
 * Answers to http-01 by the account's thumbprint in the state folder: in every process of a server, and in its
 * successor.
 */
import { join } from 'node:path';
import { challengeAnswers } from '../../acme/authority/http-01.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import { thumbprint } from '../../acme/protocol/jws.js';
import { ACCOUNT_KEY } from '../../acme/state/account-state.js';
import { FolderStorage } from '../../acme/state/storage.js';
import { textIfReadable } from '../../native/readable.js';
import type { Clock } from '../../net/flow.js';
import { challengeFolder } from './challenge-files.js';

/** Milliseconds between two looks at what is stored. */
const LOOK = 1_000;
/** Beside the certificates of tls-alpn-01: processes that order nothing need not read the key. */
export const THUMBPRINT = 'thumbprint';

/** Stores the thumbprint for processes that answer. `acme`: the folder of certificates. Rejects with an `AcmeError`. */
export async function publishThumbprint(acme: string, text: string): Promise<void> {
  const storage = new FolderStorage(challengeFolder(acme));
  if ((await storage.read(THUMBPRINT)) !== text) await storage.write(THUMBPRINT, text);
}

/** For `HttpOptions.acmeChallenge`. What is stored is read at a request, once a second at most. */
export function storedChallenge(acme: string, clock: Clock): (token: string) => string | undefined {
  let known: string | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  return challengeAnswers(() => {
    if (clock.now() - looked < LOOK) return known;
    looked = clock.now();
    known = textIfReadable(join(challengeFolder(acme), THUMBPRINT)) ?? thumbprintOf(join(acme, ACCOUNT_KEY)) ?? known;
    return known;
  });
}

/** A server of before has stored the key alone. */
function thumbprintOf(path: string): string | undefined {
  const pem = textIfReadable(path);
  const key = pem === undefined ? undefined : nodeCrypto.readKey(pem);
  return key === undefined ? undefined : thumbprint(nodeCrypto, key.jwk);
}
