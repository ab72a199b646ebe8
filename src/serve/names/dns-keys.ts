/** The file of TSIG keys, and secondaries as the command line names them. */
import type { Secondary } from '../../dns/serve/notify.js';
import { TSIG_ALGORITHMS, type TsigKey } from '../../dns/serve/tsig.js';
import { lowerName, NameError, nameText, parseName } from '../../dns/wire/name.js';
import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import { readNamed } from '../../native/named-file.js';
import { datagramAddress } from '../../net/datagrams.js';
import { parseIp } from '../../net/ip-text.js';

/** RFC 8945 8: keys that are shorter than this are guessed; bytes. */
const LEAST_SECRET = 16;
/** Bytes of a file of keys or secrets. */
const MOST = 1 << 20;

/** Lines of 32 hexadecimal digits, the one that makes cookies first (RFC 9018 5). Throws a `UserError`. */
export function readCookieSecrets(file: string): Uint8Array[] {
  const lines = readLines(file, '--dns-cookies');
  if (lines.length === 0) throw new UserError(`${file} has no secret; "openssl rand -hex 16" makes one`);
  return lines.map(({ line, text }) => {
    if (/^[0-9a-fA-F]{32}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
    throw new UserError(`${file}:${line}: a secret is 32 hexadecimal digits; "openssl rand -hex 16" makes one`);
  });
}

/** Lines that are neither empty nor comments. */
function readLines(file: string, option: string): { line: number; text: string }[] {
  let content: string;
  try {
    content = readNamed(file, MOST).toString();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} (${option}) cannot be read: ${errorText(error)}`);
  }
  const lines = content.split('\n').map((one, i) => ({ line: i + 1, text: one.replace(/#.*/, '').trim() }));
  return lines.filter(({ text }) => text !== '');
}

/** Lines `hmac-sha256:NAME:BASE64`, as `dig -y` and `kdig -y` take them; `#` begins a comment. Throws a `UserError`. */
export function readTsigKeys(file: string): TsigKey[] {
  const keys: TsigKey[] = [];
  for (const { line, text: bare } of readLines(file, '--dns-keys')) {
    const fail = (message: string): UserError => new UserError(`${file}:${line}: ${message}`);
    const [algorithmName = '', nameOf = '', secretText = ''] = bare.split(':').map((part) => part.trim());
    const algorithm = TSIG_ALGORITHMS.get(algorithmName.toLowerCase());
    if (algorithm === undefined)
      throw fail(
        `"${algorithmName}" is none of ${[...TSIG_ALGORITHMS.keys()].join(', ')}; a line is ALGORITHM:NAME:BASE64`,
      );
    const secret = Buffer.from(secretText, 'base64');
    if (secret.length < LEAST_SECRET)
      throw fail(`the secret has less than ${LEAST_SECRET} bytes; "openssl rand -base64 32" makes one`);
    keys.push({ name: keyName(nameOf, fail), algorithm, secret });
  }
  return keys;
}

function keyName(text: string, fail: (message: string) => UserError): TsigKey['name'] {
  try {
    return lowerName(parseName(text.endsWith('.') ? text : `${text}.`, undefined));
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw fail(`"${text}" is no name of a key: ${error.message}`);
  }
}

/** `ADDRESS`, `ADDRESS@PORT`, and behind either `#KEY`. Undefined: it is not of this form. */
export function parseSecondary(text: string): { address: string; port: number; key: string | undefined } | undefined {
  const match = /^([0-9a-fA-F.:]+)(?:@(\d{1,5}))?(?:#([^#\s]+))?$/.exec(text);
  if (match === null || parseIp(match[1]!) === undefined || Number(match[2] ?? 53) > 65_535) return undefined;
  return { address: match[1]!, port: Number(match[2] ?? 53), key: match[3] };
}

/** Throws a `UserError` when a secondary names a key that is not there. */
export function secondariesOf(texts: readonly string[], keys: readonly TsigKey[]): Secondary[] {
  return texts.map((text) => {
    const { address: host, port, key: name } = parseSecondary(text)!;
    const address = datagramAddress();
    const bytes = parseIp(host)!;
    address.bytes.set(bytes);
    address.length = bytes.length as 4 | 16;
    address.port = port;
    if (name === undefined) return { address, key: undefined };
    const dotted = name.endsWith('.') ? name : `${name}.`;
    const key = keys.find((one) => nameText(one.name) === dotted.toLowerCase());
    if (key === undefined) throw new UserError(`--dns-secondary ${text}: the file of --dns-keys has no key ${name}`);
    return { address, key };
  });
}
