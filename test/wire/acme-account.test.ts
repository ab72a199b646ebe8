/** Another key for the account, and its end, at Pebble: the server goes on, and challenges are answered for the key. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Lab, type Output } from './lab.js';
import { skipWithout } from './needs.js';
import { ADDRESS, DIRECTORY, startPebble } from './pebble.js';
import { MAIN, SITE } from './server.js';

t.setTimeout(240_000);
const skip = skipWithout('pebble', 'pebble-challtestsrv', 'openssl', 'curl');
const NAME = 'www.example.test';

t.test('a served site, the account of which gets another key, and then ends', { skip }, async (t) => {
  const lab = new Lab(t);
  const pebble = await startPebble(lab);
  const state = join(lab.folder, 'state');
  const file = (name: string): string => readFileSync(join(state, 'acme', name), 'utf8');
  const server = lab.host.start(process.execPath, [
    ...[MAIN, '--net', 'socket', '--host', ADDRESS, '--port', '80', '--https-port', '443', '--log', 'net'],
    ...['--acme', 'admin@example.test', '--domain', NAME, '--agree-tos', '--state', state, SITE],
    ...['--acme-directory', DIRECTORY, '--acme-roots', pebble.ca, '--acme-challenge', 'http-01'],
  ]);
  await server.says(/the certificate for www\.example\.test is ready/);
  let ready = 1;
  const command = (...words: string[]): Promise<Output> =>
    lab.host.run(process.execPath, [MAIN, 'certificate', ...words, '--state', state]);
  const renewed = async (): Promise<void> => {
    ready++;
    t.equal((await command('renew')).status, 0);
    server.signal('SIGHUP');
    await server.says(new RegExp(`(?:the certificate for [^\\n]* is ready[\\s\\S]*){${ready}}`), 60);
  };

  const [key, address] = [file('account.key'), file('account.json')];
  const told = await command('rollover', '--acme-roots', pebble.ca);
  t.match(told, { status: 0, stderr: '' });
  t.match(told.stdout, /^https:\/\/\S+ has another key\naccount\.key is the new one: copy it/);
  t.not(file('account.key'), key);
  t.equal(file('account.json'), address, 'its address stays, also in CAA records');
  t.equal(file('account.next.key'), '');
  await renewed();
  t.equal(file('account.json'), address, 'by the same account');

  // The authority took the key, and its answer was lost: what is stored is as it was before the answer.
  const second = file('account.key');
  t.equal((await command('rollover', '--acme-roots', pebble.ca)).status, 0);
  copyFileSync(join(state, 'acme', 'account.key'), join(state, 'acme', 'account.next.key'));
  writeFileSync(join(state, 'acme', 'account.key'), second);
  await renewed();
  t.not(file('account.key'), second, 'the server has found out which key is known');
  t.equal(file('account.json'), address);

  const ended = await command('deactivate', '--acme-roots', pebble.ca);
  t.match(ended, { status: 0, stdout: /is deactivated, and cannot be had back/ });
  t.match(await command('rollover', '--acme-roots', pebble.ca), { status: 1, stderr: /deactivated|no account/i });
  t.match(await lab.host.run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `https://${ADDRESS}/`]), {
    stdout: '200',
  });
});
