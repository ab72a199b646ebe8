/** Answers to http-01 by the account's key in the state folder: in every process of a server, and in its successor. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { challengeAnswers } from '../../acme/authority/http-01.js';
import { nodeCrypto } from '../../acme/node-crypto.js';
import { thumbprint } from '../../acme/protocol/jws.js';
import { ACCOUNT_KEY } from '../../acme/state/account-state.js';
import type { Clock } from '../../net/flow.js';

/** Milliseconds between two checks for a missing key. */
const LOOK = 1_000;

/**
 * For `HttpOptions.acmeChallenge`. The key is read at the first request; while there is none, once a second at most.
 */
export function storedChallenge(folder: string, clock: Clock): (token: string) => string | undefined {
  let known: string | undefined;
  let looked = Number.NEGATIVE_INFINITY;
  return challengeAnswers(() => {
    if (known !== undefined || clock.now() - looked < LOOK) return known;
    looked = clock.now();
    known = readThumbprint(join(folder, ACCOUNT_KEY));
    return known;
  });
}

function readThumbprint(path: string): string | undefined {
  let pem: string;
  try {
    pem = readFileSync(path, 'utf8');
  } catch (error) {
    // There is no account yet, or it may not be read: the process that orders reports that.
    if ((error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
  const key = nodeCrypto.readKey(pem);
  return key === undefined ? undefined : thumbprint(nodeCrypto, key.jwk);
}
