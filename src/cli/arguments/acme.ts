/** Options of the command line about certificates that are ordered. */
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { identifierOf } from '../../acme/der/names.js';
import { folderFor } from '../../acme/state/storage.js';
import { badUsage } from '../../errors/user-error.js';
import { stateFolder } from '../../native/home.js';
import type { AcmeArguments, ChallengeKind } from '../../serve/options/acme.js';
import { oneOf } from '../values/option-values.js';

export interface AcmeFlags {
  acme?: string;
  domain?: readonly (readonly string[])[];
  agreeTos?: true;
  acmeDirectory?: string;
  acmeProfile?: string;
  acmeChallenge?: ChallengeKind;
  acmeRoots?: string;
  acmeFollow?: true;
  acmeEab?: { readonly keyId: string; readonly hmacKey: string };
}

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
/** Challenges that a record in the zone answers. */
const IN_THE_DNS: readonly ChallengeKind[] = ['dns-01', 'dns-persist-01'];
/** Names in one certificate: what Let's Encrypt allows. */
const MOST_NAMES = 100;

export function addAcmeOptions(program: Command): Command {
  return program
    .option(
      '--acme <email>',
      'serve HTTPS with certificates that are ordered and kept fresh; the authority writes to this address',
      email,
    )
    .option(
      '--domain <names>',
      'with --acme: names of a certificate, by commas; may be given several times, each a certificate',
      names,
    )
    .option('--agree-tos', "with --acme: you have read and agree to the authority's terms of service")
    .option('--acme-directory <url>', `with --acme: the authority (default: ${LETS_ENCRYPT})`, directory)
    .option('--acme-profile <name>', 'with --acme: a kind of certificate that the authority has, such as shortlived')
    .option(
      '--acme-challenge <kind>',
      'with --acme: http-01, tls-alpn-01, dns-01 or dns-persist-01 (default: what the ports and --zone allow)',
      oneOf('--acme-challenge', ['http-01', 'tls-alpn-01', ...IN_THE_DNS]),
    )
    .option(
      '--acme-roots <file>',
      "with --acme: certificates (PEM) that the authority's HTTPS is verified by, beside Node's",
    )
    .option('--acme-follow', 'with --acme: another host orders; this one has a copy of its account.key')
    .option('--acme-eab <id:key>', 'with --acme: the key that the authority gave its customer', externalAccount);
}

/**
 * The options together; undefined: nothing is ordered. `state`: `--state`. `zones`: whether the server has any. Throws
 * a `UserError`.
 */
export function acmeArguments(flags: AcmeFlags, state: string | undefined, zones: boolean): AcmeArguments | undefined {
  const { acme, domain = [], acmeChallenge: challenge } = flags;
  if (acme === undefined) {
    const given: [string, unknown][] = [
      ['--domain', flags.domain],
      ['--agree-tos', flags.agreeTos],
      ['--acme-directory', flags.acmeDirectory],
      ['--acme-profile', flags.acmeProfile],
      ['--acme-challenge', flags.acmeChallenge],
      ['--acme-roots', flags.acmeRoots],
      ['--acme-follow', flags.acmeFollow],
      ['--acme-eab', flags.acmeEab],
    ];
    const wrong = given.find(([, value]) => value !== undefined)?.[0];
    if (wrong !== undefined) throw badUsage(`${wrong} is for --acme EMAIL; add that, or leave ${wrong} out`);
    return undefined;
  }
  if (domain.length === 0) throw badUsage('--acme needs --domain with the names that the certificate is for');
  const inTheDns = challenge !== undefined && IN_THE_DNS.includes(challenge);
  if (inTheDns && !zones) throw badUsage(`--acme-challenge ${challenge} needs the zone of the names: add --zone FILE`);
  const wildcard = domain.flat().find((one) => one.startsWith('*.'));
  if (wildcard !== undefined && (challenge === undefined ? !zones : !inTheDns))
    throw badUsage(
      `${wildcard} can be proven in the DNS alone: ${challenge === undefined ? 'add --zone FILE with its zone' : 'choose --acme-challenge dns-01'}`,
    );
  return {
    email: acme,
    certificates: domain,
    agreed: flags.agreeTos ?? false,
    directory: flags.acmeDirectory ?? LETS_ENCRYPT,
    profile: flags.acmeProfile,
    external: flags.acmeEab,
    orders: flags.acmeFollow === undefined,
    challenge,
    roots: flags.acmeRoots,
    state: acmeFolder(state),
  };
}

/** Where certificates lie below the state folder. */
export function acmeFolder(state: string | undefined): string {
  return join(resolve(state ?? stateFolder()), 'acme');
}

function email(text: string): string {
  if (!/^[^\s@,?]+@[^\s@,?]+\.[^\s@,?]+$/.test(text))
    throw new InvalidArgumentError('An address looks like admin@example.org.');
  return text;
}

function names(text: string, before: readonly (readonly string[])[] = []): readonly (readonly string[])[] {
  const found = text.split(',').map((one) => {
    const identifier = identifierOf(one);
    if (identifier === undefined)
      throw new InvalidArgumentError(`"${one}" is no name like www.example.org, and no address.`);
    return identifier.value;
  });
  const unique = [...new Set(found)];
  if (unique.length > MOST_NAMES) throw new InvalidArgumentError(`A certificate has ${MOST_NAMES} names at most.`);
  if (before.some((other) => folderFor(other) === folderFor(unique)))
    throw new InvalidArgumentError(`${unique[0]} is in another certificate already, which is stored under its name.`);
  return [...before, unique];
}

/** The address of an authority's directory. */
export function directory(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:')
    throw new InvalidArgumentError('A directory is an address like https://acme-v02.api.letsencrypt.org/directory.');
  return text;
}

function externalAccount(text: string): { keyId: string; hmacKey: string } {
  const match = /^([^:]+):([\w-]+)=*$/.exec(text);
  if (match === null) throw new InvalidArgumentError('A key looks like ID:KEY, the key in base64url.');
  return { keyId: match[1]!, hmacKey: match[2]! };
}
