/** Our program as a name server, and others beside it, on ports of the loopback interface. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { findCommand } from '../run/packages.js';

const MAIN = resolve('build', 'src', 'main.js');

export const SITE = `$TTL 3600
@       SOA ns1 hostmaster 2026112301 7200 900 1209600 300
@       NS  ns1
@       NS  ns2.other.example.
@       A   192.0.2.2
@       AAAA 2001:db8::2
@       CAA 0 issue "ca.example"
@       MX  10 mail
@       HTTPS 1 . alpn="h2,http/1.1"
ns1     A   192.0.2.2
www     CNAME @
mail    A   192.0.2.3
_443._tcp TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
*.wild  A   192.0.2.9
*.star  CNAME mail
towild  CNAME some.wild
a.b.ent TXT "below an empty non-terminal"
sub     NS  ns.sub
ns.sub  A   192.0.2.8
secure  NS  ns.secure
secure  DS  60485 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A
ns.secure A 192.0.2.8
alias   CNAME target.other.example.
`;

/** For tap's `skip` option. Where CI runs nothing may be missing. */
export function skipWithoutCommands(...commands: readonly string[]): string | false {
  const lacking = commands.filter((name) => findCommand(name) === undefined);
  return lacking.length > 0 && process.env['CI'] !== 'true' ? `needs ${lacking.join(', ')}` : false;
}

/** A port that was free for UDP a moment ago. */
export async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

export interface Serving {
  readonly child: ChildProcess;
  readonly port: number;
  readonly errors: () => string;
}

/** The program as a name server on a port that it chooses. */
export async function serveNames(t: Test, ...argv: string[]): Promise<Serving> {
  const child = spawn(process.execPath, [MAIN, '--port', '0', '--dns-port', '0', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let [said, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += text;
    const match = /answering names at \S+:(\d+)\n/.exec(said);
    if (match !== null) return { child, port: Number(match[1]), errors: () => errors };
  }
  throw new Error(`the program ended: ${errors}`);
}

/** Starts another program that runs until the test ends. */
export function start(t: Test, command: string, ...argv: string[]): void {
  const child = spawn(findCommand(command) ?? command, argv, { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
}

/** What a command prints, whatever its status. */
export async function run(command: string, ...argv: string[]): Promise<{ status: number; out: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(findCommand(command) ?? command, argv, { maxBuffer: 2 ** 26 });
    return { status: 0, out: stdout + stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { status: typeof code === 'number' ? code : -1, out: stdout + stderr };
  }
}

export function dig(port: number, ...argv: string[]): Promise<string> {
  return run('dig', '+time=2', '+tries=1', '@127.0.0.1', '-p', String(port), ...argv).then(({ out }) => out);
}

/** Asks until the answer is as it should be: another program does what it does at a time of its own. */
export async function comes(question: () => Promise<string>, expected: RegExp): Promise<string> {
  let answer = '';
  for (let i = 0; i < 150; i++) {
    answer = await question();
    if (expected.test(answer)) return answer;
    await new Promise((done) => setTimeout(done, 100));
  }
  return answer;
}
