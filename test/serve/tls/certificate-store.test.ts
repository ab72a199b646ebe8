/** Which certificates are served while those that are ordered come, change, and are damaged. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import t, { type Test } from 'tap';
import type { Log } from '../../../src/serve/log.js';
import type { ServeOptions } from '../../../src/serve/options/serve.js';
import { certificateFiles } from '../../../src/serve/tls/certificate-files.js';
import { CertificateStore } from '../../../src/serve/tls/certificate-store.js';
import { makeSelfSigned } from '../../../src/tls/certificate/self-signed.js';

interface Bed {
  readonly state: string;
  readonly warnings: string[];
  /** Resolves when others than before are served. */
  readonly changed: Promise<void>;
  open(given?: readonly { certificate: string; key: string }[]): Promise<CertificateStore>;
  /** Chain and key for `name` in the file of its certificate. */
  order(name: string): void;
  pathOf(name: string): string;
}

function bed(t: Test, ...certificates: string[][]): Bed {
  const state = t.testdir({});
  const warnings: string[] = [];
  let change: () => void = () => undefined;
  const changed = new Promise<void>((resolve) => {
    change = resolve;
  });
  const log = { warn: (sentence: string) => warnings.push(sentence), event: () => change() } as unknown as Log;
  const acme = { certificates, state: join(state, 'acme') };
  const pathOf = (name: string): string => join(acme.state, name, 'certificate.pem');
  return {
    state,
    warnings,
    changed,
    pathOf,
    open: async (files = []) => {
      const options = { acme, tls: { files }, state, net: 'socket', host: '192.0.2.7' } as unknown as ServeOptions;
      const store = await CertificateStore.open({ ...certificateFiles(options), log, quiet: false });
      t.teardown(() => store.close());
      return store;
    },
    order: (name) => {
      mkdirSync(dirname(pathOf(name)), { recursive: true });
      const { certificate, key } = pair(name);
      writeFileSync(`${pathOf(name)}.new`, certificate + key);
      renameSync(`${pathOf(name)}.new`, pathOf(name));
    },
  };
}

function pair(name: string): { certificate: string; key: string } {
  return makeSelfSigned({ names: [name], from: Date.now(), random: (length) => randomBytes(length) });
}

function sources(store: CertificateStore): string[] {
  return store.current().all.map(({ source }) => source);
}

t.test('self-signed until one is there; each that comes is served beside the others, in their order', async (t) => {
  const { open, order, pathOf, state } = bed(t, ['www.a.example', 'a.example'], ['b.example']);
  const store = await open();
  t.same(sources(store), [join(state, 'self-signed.pem')]);
  t.equal(store.selfSigned, join(state, 'self-signed.pem'));
  order('b.example');
  await store.reload();
  t.same(sources(store), [pathOf('b.example')]);
  t.equal(store.selfSigned, undefined);
  order('a.example');
  await store.reload();
  t.same(sources(store), [pathOf('a.example'), pathOf('b.example')]);
  const [first] = store.current().all;
  order('a.example');
  await store.reload();
  t.not(store.current().all[0]?.fingerprint, first?.fingerprint, 'renewed');
});

t.test('the self-signed one is read once, and made anew in memory when it ends', async (t) => {
  const { open, state, warnings } = bed(t, ['a.example']);
  const store = await open();
  const [first] = store.current().all;
  rmSync(state, { recursive: true });
  await store.reload();
  t.equal(store.current().all[0], first, 'its files are out of reach of a sealed server');
  mock.timers.enable({ apis: ['Date'], now: first!.notAfter - 86_400_000 });
  t.teardown(() => mock.timers.reset());
  await store.reload();
  const [second] = store.current().all;
  t.ok(second!.notAfter > first!.notAfter);
  t.same(second!.names, first!.names);
  t.notOk(existsSync(state), 'nothing was written');
  t.match(
    warnings.at(-1),
    /^a self-signed certificate was made anew; its SHA-256 fingerprint is [\dA-F]{2}(:[\dA-F]{2}){31}$/,
  );
});

t.test('one that is damaged or lost while it is served stays, and the others are read all the same', async (t) => {
  const { open, order, pathOf, warnings } = bed(t, ['a.example'], ['b.example']);
  order('a.example');
  const store = await open();
  const [first] = store.current().all;
  writeFileSync(pathOf('a.example'), 'damaged');
  order('b.example');
  await store.reload();
  t.same(sources(store), [pathOf('a.example'), pathOf('b.example')]);
  t.equal(store.current().all[0], first);
  t.match(warnings.join('\n'), /a\.example\/certificate\.pem: no .*; the one that was served stays/);
  rmSync(pathOf('a.example'));
  await store.reload();
  t.equal(store.current().all[0], first);
});

t.test('one that is damaged from the first does not keep the server from starting: it orders another', async (t) => {
  const { open, order, pathOf, warnings } = bed(t, ['a.example']);
  order('a.example');
  writeFileSync(pathOf('a.example'), 'damaged');
  const store = await open();
  t.not(store.selfSigned, undefined);
  t.match(warnings.join('\n'), /a\.example\/certificate\.pem: no .*; it is left out/);
  order('a.example');
  await store.reload();
  t.same(sources(store), [pathOf('a.example')]);
});

t.test('a file that comes between the reading and the first look is seen at that look', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const { open, order, pathOf, changed } = bed(t, ['a.example']);
  const store = await open();
  order('a.example');
  mock.timers.tick(5000);
  await changed;
  t.same(sources(store), [pathOf('a.example')]);
});

t.test('those of the command line go before, need no self-signed one, and have to be good', async (t) => {
  const { open, order, pathOf, state } = bed(t, ['a.example']);
  const { certificate, key } = pair('own.example');
  const own = { certificate: join(state, 'own.pem'), key: join(state, 'own.key') };
  writeFileSync(own.certificate, certificate);
  writeFileSync(own.key, key);
  const store = await open([own]);
  t.same(sources(store), [own.certificate]);
  t.equal(store.selfSigned, undefined);
  order('a.example');
  await store.reload();
  t.same(sources(store), [own.certificate, pathOf('a.example')]);
  writeFileSync(own.key, 'damaged');
  await t.rejects(open([own]), { name: 'CertificateError' });
});
