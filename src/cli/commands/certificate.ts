/**
 * `sitekernel certificate …`: what lies in the state folder, and changes to it
 * that a running server takes up.
 */
import { join } from 'node:path';
import { AcmeError } from '../../acme/protocol/problem.js';
import { readPair, saveCertificate } from '../../acme/state/certificate-state.js';
import { type KeptCertificate, keptCertificates } from '../../acme/state/overview.js';
import { NO_RENEWAL, REQUEST } from '../../acme/state/renewal-state.js';
import { hostRecipient, isSealed, seal, unseal } from '../../acme/state/sealed.js';
import { FolderStorage, folderFor } from '../../acme/state/storage.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import { writeOutput } from '../../native/output-file.js';
import type { CertificateOptions } from '../arguments/certificate.js';
import { LATER, print, textsOf, time } from './certificate-words.js';
import { endAccount, rollOver } from './change-account.js';
import { revoke } from './revoke-certificate.js';
import { isFor, theOne, theStored } from './which-certificate.js';

/** Throws a `UserError`. */
export async function runCertificate(options: CertificateOptions): Promise<void> {
  try {
    await run(options);
  } catch (error) {
    if (error instanceof AcmeError) throw new UserError(`${options.folder}: ${error.message}`);
    throw error;
  }
}

async function run(options: CertificateOptions): Promise<void> {
  switch (options.action) {
    case 'status':
      return status(options);
    case 'renew': {
      const { storage, name } = await theOne(options);
      await storage.write(REQUEST, `${new Date().toISOString()}\n`);
      return print(`${name}: a new certificate is ordered; ${LATER}`);
    }
    case 'revoke':
      return revoke(options);
    case 'rollover':
      return rollOver(options);
    case 'deactivate':
      return endAccount(options);
    case 'import':
      return take(options);
    case 'export': {
      const { stored } = await theStored(options);
      const plain = stored.chainPem + stored.keyPem;
      const text = options.recipients.length === 0 ? plain : `${await seal(plain, options.recipients)}\n`;
      if (options.output === undefined) process.stdout.write(text);
      else await writeOutput(options.output, text, 0o600);
      return;
    }
    case 'identity':
      return print(await hostRecipient(new FolderStorage(options.folder)));
  }
}

async function status({ folder, domain, json }: CertificateOptions): Promise<void> {
  const all = (await keptCertificates(folder)).filter((one) => domain === undefined || isFor(one, domain));
  if (json) return print(JSON.stringify(all.map(asJson), undefined, 2));
  if (all.length === 0) return print(`there are no certificates in ${folder}`);
  for (const one of all) for (const line of describe(one, Date.now())) print(line);
}

function* describe({ name, stored, damage, renewal, requested }: KeptCertificate, now: number): Generator<string> {
  yield `${name}:`;
  if (stored === undefined) yield `  no certificate${damage === undefined ? '' : `: ${damage}`}`;
  else {
    const { names, issuer, notAfter, fingerprint } = stored.facts;
    yield `  for ${names.join(', ')}`;
    yield `  from ${issuer.split('\n').at(-1)}, SHA-256 ${fingerprint}`;
    yield `  ${notAfter <= now ? 'EXPIRED on' : 'valid until'} ${time(notAfter)}`;
  }
  if (requested) yield '  a new one was asked for';
  else if (renewal?.renewAt !== undefined)
    yield `  renewed at ${time(renewal.renewAt)}, ${renewal.suggested === undefined ? 'by a part of its life' : 'as the certificate authority suggests'}`;
  if (renewal?.failure !== undefined) {
    const { at, until, count, message } = renewal.failure;
    yield `  attempt ${count} failed at ${time(at)}: ${message}`;
    yield `  the next one is not before ${time(until)}`;
  }
}

function asJson({ name, stored, damage, renewal, requested }: KeptCertificate): object {
  const { names, issuer, notBefore, notAfter, fingerprint } = stored?.facts ?? {};
  const { renewAt, suggested, failure } = renewal ?? NO_RENEWAL;
  return { name, names, issuer, notBefore, notAfter, fingerprint, damage, renewAt, suggested, requested, failure };
}

async function take({ files, folder, domain }: CertificateOptions): Promise<void> {
  if (files.length > 2) throw badUsage('import takes one file, or two: the chain and the key');
  const texts = await textsOf(files);
  let pair: ReturnType<typeof readPair>;
  try {
    const [first = ''] = texts;
    const sealed = texts.length === 1 && isSealed(first);
    pair = readPair(sealed ? await unseal(first, new FolderStorage(folder)) : texts.join('\n'));
  } catch (error) {
    if (error instanceof AcmeError) throw new UserError(`${files.join(', ')}: ${error.message}`);
    throw error;
  }
  const { names } = pair.facts;
  if (domain !== undefined && !names.includes(domain))
    throw new UserError(`${files.join(', ')}: the certificate is for ${names.join(', ')}, and not for ${domain}`);
  // The folder of the server's certificate with one of these names, where there is one.
  const known = (await keptCertificates(folder)).find(({ name }) => names.some((one) => folderFor([one]) === name));
  if (names.length === 0) throw new UserError(`${files.join(', ')}: the certificate has no names`);
  const name = known?.name ?? folderFor(domain === undefined ? names : [domain]);
  await saveCertificate(new FolderStorage(join(folder, name)), pair.chainPem, pair.keyPem);
  print(
    `${name}: the certificate for ${names.join(', ')} is stored, valid until ${time(pair.facts.notAfter)}; ${LATER}`,
  );
}
