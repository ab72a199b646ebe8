/** A key that others have: revoked at Pebble, replaced while the site is served. In direct mode: own-name.test.ts. */
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { nodeCrypto } from '../../src/acme/node-crypto.js';
import { Lab, type Output, type Program } from './lab.js';
import { skipWithout } from './needs.js';
import { ADDRESS, DIRECTORY, type Pebble, saveRoot, startPebble, statusAt } from './pebble.js';
import { MAIN, SITE } from './server.js';

t.setTimeout(180_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');
const NAME = 'www.example.test';
const LOAD = resolve('build', 'test', 'wire', 'own-name-load.js');

/** A server with its certificate. */
class Served {
  readonly lab: Lab;
  readonly state: string;
  pebble!: Pebble;
  program!: Program;
  private ready = 1;

  constructor(t: Test) {
    this.lab = new Lab(t);
    this.state = join(this.lab.folder, 'state');
  }

  async start(): Promise<this> {
    this.pebble = await startPebble(this.lab);
    this.program = this.lab.host.start(process.execPath, [
      ...[MAIN, '--net', 'socket', '--host', ADDRESS, '--port', '80', '--https-port', '443', '--log', 'net'],
      ...['--acme', 'admin@example.test', '--domain', NAME, '--agree-tos', '--state', this.state, SITE],
      ...['--acme-directory', DIRECTORY, '--acme-roots', this.pebble.ca],
    ]);
    await this.program.says(/the certificate for www\.example\.test is ready/);
    return this;
  }

  get certificate(): X509Certificate {
    return new X509Certificate(readFileSync(join(this.state, 'acme', NAME, 'certificate.pem')));
  }

  command(...words: string[]): Promise<Output> {
    const roots = words[0] === 'revoke' ? ['--acme-roots', this.pebble.ca] : [];
    return this.lab.host.run(process.execPath, [MAIN, 'certificate', ...words, ...roots]);
  }

  /** Has the server see what a command wrote, until another certificate is in use. */
  async replaced(): Promise<void> {
    this.ready++;
    this.program.signal('SIGHUP');
    await this.program.says(new RegExp(`(?:the certificate for [^\\n]* is ready[\\s\\S]*){${this.ready}}`), 60);
  }
}

t.test(
  'a key that others have: revoked by that key, replaced by another, and no handshake fails meanwhile',
  { skip },
  async (t) => {
    const served = await new Served(t).start();
    const { lab, state, pebble } = served;
    const stolen = served.certificate;
    const copy = join(lab.folder, 'stolen.pem');
    await served.command('export', '--state', state, '-o', copy);
    const roots = join(lab.folder, 'roots.pem');
    await saveRoot(pebble, roots);
    const load = lab.host.start(process.execPath, [LOAD, ADDRESS, NAME, roots]);
    await load.says(/ready/);

    const told = await served.command('revoke', '--state', state, '--reason', 'keyCompromise');
    t.match(told, { status: 0, stderr: '' });
    t.match(told.stdout, /^the certificate for www\.example\.test, SHA-256 \w{16}\.\.\., is revoked: keyCompromise$/m);
    t.match(told.stdout, /^www\.example\.test: a new certificate is ordered, with a new key; a running server/m);
    t.match(await statusAt(pebble, stolen), { Status: 'Revoked', Reason: 1 });
    await served.replaced();
    t.notOk(served.certificate.publicKey.equals(stolen.publicKey), 'with a key of its own');
    t.match(await statusAt(pebble, served.certificate), { Status: 'Valid' });

    load.child.stdin?.end();
    const [text] = await load.says(/^\{.*\}$/m, 30);
    const seen = JSON.parse(text) as { requests: number; failures: string[]; certificates: number };
    t.same(seen.failures, []);
    t.ok(seen.requests > 10 && seen.certificates === 2, text);

    // Who has the key needs no account; what is revoked already stays so, and is no failure.
    const directory = ['--acme-directory', DIRECTORY, '--state', join(lab.folder, 'nothing')];
    const again = await served.command('revoke', copy, '--reason', 'keyCompromise', ...directory);
    t.match(again, { status: 0, stdout: /is revoked already: keyCompromise\n$/ });
    t.equal((await served.command('status', '--state', state)).stdout.includes('a new one was asked for'), false);
  },
);

t.test(
  'by the account: each reason with its code, a new certificate unless it is given up; strangers are refused',
  { skip },
  async (t) => {
    const served = await new Served(t).start();
    const { lab, state, pebble } = served;
    const first = served.certificate;
    const strange = join(lab.folder, 'strange');
    const chain = join(state, 'acme', NAME, 'certificate.pem');
    const folder = join(strange, 'acme');
    mkdirSync(folder, { recursive: true });
    const directory = ['--acme-directory', DIRECTORY, '--state', strange];
    writeFileSync(join(folder, 'account.key'), nodeCrypto.generateKey().pem);
    const unknown = await served.command('revoke', chain, '--by', 'account', ...directory);
    t.match(unknown, { status: 1, stderr: /no account of this account\.key; .*--by certificate/ });
    t.match(await statusAt(pebble, first), { Status: 'Valid' });
    // A host that follows has a copy of the key, and nothing else of the account.
    copyFileSync(join(state, 'acme', 'account.key'), join(folder, 'account.key'));
    const follower = await served.command('revoke', chain, '--reason', 'superseded', '--by', 'account', ...directory);
    t.match(follower, { status: 0, stdout: /is revoked: superseded\n$/ });
    t.match(await statusAt(pebble, first), { Status: 'Revoked', Reason: 4 });

    await served.command('renew', '--state', state);
    await served.replaced();
    for (const [reason, code] of [
      ['unspecified', 0],
      ['affiliationChanged', 3],
      ['cessationOfOperation', 5],
    ] as const) {
      const { certificate } = served;
      const told = await served.command('revoke', '--reason', reason, '--state', state);
      t.equal(told.status, 0, told.stderr);
      t.match(await statusAt(pebble, certificate), { Status: 'Revoked', ...(code === 0 ? {} : { Reason: code }) });
      if (reason === 'cessationOfOperation') t.notMatch(told.stdout, /is ordered/);
      else await served.replaced();
    }
  },
);
