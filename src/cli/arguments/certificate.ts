/** `certificate status|renew|revoke|import|export|identity|rollover|deactivate`. */
import { type Command, InvalidArgumentError } from 'commander';
import { REASON_NAMES, type RevocationReason } from '../../acme/protocol/reasons.js';
import { isRecipient } from '../../acme/state/sealed.js';
import { oneOf } from '../values/option-values.js';
import { quiet } from '../values/quiet.js';
import { acmeFolder, directory } from './acme.js';

export interface CertificateOptions {
  readonly kind: 'certificate';
  readonly action: Action;
  /** The folder of certificates below the state folder. */
  readonly folder: string;
  /** A name of the certificate; undefined: all, or the only one. */
  readonly domain: string | undefined;
  /** `import`, `revoke`: PEM files with the chain and the key; `revoke`: none means the one in the state folder. */
  readonly files: readonly string[];
  /** `export`: the hosts that may read it; empty: it is not encrypted. */
  readonly recipients: readonly string[];
  /** `export`: the file that is written; undefined: standard output. */
  readonly output: string | undefined;
  /** `status`: as JSON. */
  readonly json: boolean;
  /** Of commands that ask an authority. */
  readonly revocation: Revocation;
}

/** Which of two keys says that a certificate is revoked (RFC 8555 7.6). */
type RevokedBy = 'account' | 'certificate';

interface Revocation {
  readonly reason: RevocationReason;
  /** Undefined: the certificate's where that was compromised, else the account's. */
  readonly by: RevokedBy | undefined;
  /** The authority's directory; undefined: the one that the state folder knows. */
  readonly directory: string | undefined;
  /** File of certificates that the authority's HTTPS is verified by. */
  readonly roots: string | undefined;
}

type Action = (typeof ACTIONS)[number];

interface Flags {
  for?: string[];
  state?: string;
  domain?: string;
  output?: string;
  json?: true;
  reason?: RevocationReason;
  by?: RevokedBy;
  acmeDirectory?: string;
  acmeRoots?: string;
}

const ACTIONS = ['status', 'renew', 'revoke', 'import', 'export', 'identity', 'rollover', 'deactivate'] as const;
/** Those that are not about one of several certificates. */
const ABOUT_ALL: readonly Action[] = ['identity', 'rollover', 'deactivate'];

const ABOUT = {
  status: 'Says which certificates there are, until when, when they are renewed, and what went wrong.',
  renew: 'Has the server order a new certificate, whenever the old one ends.',
  revoke: 'Has the authority revoke a certificate, and the server order another one with a new key.',
  import: 'Takes a certificate and its key into the state folder: the server uses it, and renews it in time.',
  export: 'Writes a certificate, its chain and its key as PEM: for another host, or a copy.',
  identity: "Prints this host's recipient: certificates can be encrypted for it. Its key is made the first time.",
  rollover: 'Gives the account at the authority another key; certificates and the address of the account stay.',
  deactivate: 'Ends the account at the authority: nothing is ordered with it any more.',
} as const;

export function addCertificate(program: Command, found: (options: CertificateOptions) => void): void {
  const certificate = quiet(program.command('certificate')).description('Certificates that the server ordered.');
  for (const action of ACTIONS) {
    const command = quiet(certificate.command(action))
      .description(ABOUT[action])
      .option('--state <dir>', 'the state folder of the server (default: $XDG_STATE_HOME/sitekernel)');
    if (!ABOUT_ALL.includes(action))
      command.option('--domain <name>', 'a name of the certificate (default: all, or the only one)');
    if (action === 'export')
      command.option('--for <recipient>', 'encrypt it for this host, age1...; may be repeated', recipients);
    if (action === 'status') command.option('--json', 'as JSON');
    if (action === 'revoke') addRevocation(command);
    if (action === 'revoke' || action === 'rollover' || action === 'deactivate') addAuthority(command);
    if (action === 'export') command.option('-o, --output <file>', 'file to write (default: standard output)');
    if (action === 'import')
      command.argument(
        '<files...>',
        'the certificate chain and the key in PEM, in one file or two; or one for this host',
      );
    const run = (files: readonly string[], flags: Flags): void =>
      found({
        kind: 'certificate',
        action,
        folder: acmeFolder(flags.state),
        domain: flags.domain?.toLowerCase(),
        files,
        recipients: flags.for ?? [],
        output: flags.output,
        json: flags.json ?? false,
        revocation: {
          reason: flags.reason ?? 'unspecified',
          by: flags.by,
          directory: flags.acmeDirectory,
          roots: flags.acmeRoots,
        },
      });
    if (action === 'import' || action === 'revoke')
      command.action((files: string[], flags: Flags) => run(files, flags));
    else command.action((flags: Flags) => run([], flags));
  }
}

function addRevocation(command: Command): void {
  command
    .argument('[files...]', 'the certificate in PEM, and its key if you have it (default: the one in the state folder)')
    .option(
      '--reason <name>',
      `why: ${REASON_NAMES.join(', ')} (default: unspecified)`,
      oneOf('--reason', REASON_NAMES),
    )
    .option(
      '--by <key>',
      "account or certificate: whose key says it (default: the certificate's for keyCompromise, else the account's)",
      oneOf('--by', ['account', 'certificate']),
    );
}

function addAuthority(command: Command): void {
  command
    .option('--acme-directory <url>', 'the authority (default: the one that the server orders from)', directory)
    .option('--acme-roots <file>', "certificates (PEM) that the authority's HTTPS is verified by, beside Node's");
}

/** Recipients of age, one after the other. */
export function recipients(text: string, before: readonly string[] = []): readonly string[] {
  if (!isRecipient(text))
    throw new InvalidArgumentError(
      'A recipient is what "certificate identity" prints on a host, age1 and 58 characters.',
    );
  return [...before, text];
}
