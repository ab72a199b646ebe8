/** How each command that a reader is shown is run by a test. A command without an entry fails `commands.test.ts`. */

export type How =
  /** Run as it stands, to its end; the status is 0, and the output matches. */
  | { readonly kind: 'runs'; readonly output?: RegExp }
  /** Run until it says `listening on`, asked for its home page where `asked` is not false, and ended by SIGTERM. */
  | { readonly kind: 'serves'; readonly asked?: false }
  /** `npm run NAME`: what the script runs once its build is done, with the arguments. `serves` as above. */
  | { readonly kind: 'script'; readonly serves?: true }
  /** Whoever runs the tests has done it, or it is what is running now. */
  | { readonly kind: 'done' }
  /** Run by another test, or by CI in a step of its own: a file that says so. */
  | { readonly kind: 'elsewhere'; readonly file: string };

const runs: How = { kind: 'runs' };
const serves: How = { kind: 'serves' };
const script: How = { kind: 'script' };
const done: How = { kind: 'done' };
const elsewhere = (file: string): How => ({ kind: 'elsewhere', file });

const STATIC = '--ipv4 46.43.42.137/25 --ipv4-gateway 46.43.42.129';

/** Pages whose blocks another test runs, all of them, in their order. */
export const WHOLE_PAGES: Readonly<Record<string, string>> = {
  'docs/deploy.md': 'test/wire/deploy-docs.test.ts',
  'docs/hand-over.md': 'test/wire/hand-over-docs.test.ts',
  'docs/dns.md': 'test/wire/dns-docs.test.ts',
};

/** By page, in the order of the page: later commands use what earlier ones made. `help`: the examples of help texts. */
export const HOW: Readonly<Record<string, Readonly<Record<string, How>>>> = {
  'README.md': {
    'npm ci && npm start': { kind: 'script', serves: true },
    'npm ci && npm test': done,
    'node dist/main.js --net socket --port 3000 site/_site': serves,
    'node dist/main.js bundle site/_site -o site.bundle': runs,
    'node dist/main.js inspect site.bundle': { kind: 'runs', output: /index\.html/ },
    'node dist/main.js --net socket --port 3000 site.bundle': serves,
    'sudo node dist/main.js host up --bridge br0 --tap tap0': { kind: 'runs', output: /^made TAP tap0/m },
    'node dist/main.js --net direct --tap tap0 site.bundle': serves,
    [`node dist/main.js --net direct --tap tap0 ${STATIC} site.bundle`]: serves,
    'npm run sim -- --seed 7': script,
  },
  'CONTRIBUTING.md': {
    'npm ci': done,
    'npm run build': done,
    'npm test': done,
    'npm run build:test': done,
    'node build/test/run/main.js build/test/net/tcp/timer-heap.test.js': {
      kind: 'runs',
      output: /\d+ passed, 0 failed/,
    },
    'node build/test/net/tcp/timer-heap.test.js': { kind: 'runs', output: /^TAP version 14/ },
  },
  'docs/replay.md': {
    'sitekernel --net direct --tap tap0 --bridge br0 --record bug.replay': serves,
    'sitekernel replay bug.replay': runs,
    'sitekernel replay bug.replay --trace': runs,
    'sitekernel replay bug.replay --pcap bug.pcapng': runs,
  },
  'docs/ipv6.md': {
    'sitekernel --net direct --tap tap0 --bridge br0': { kind: 'serves', asked: false },
    'sitekernel --net direct --tap tap0 --bridge br0 --ipv6 2001:db8::80/64 --ipv6-gateway fe80::1': {
      kind: 'serves',
      asked: false,
    },
    'sitekernel --net direct --tap tap0 --bridge br0 --ipv4 192.0.2.80/32 --ipv4-gateway 10.0.0.1': {
      kind: 'serves',
      asked: false,
    },
    'sitekernel --net direct --tap tap0 --bridge br0 --ipv4 10.0.0.80/24 --ipv4 198.51.100.7/25 --ipv6 2001:db8::80/64 --anycast 192.0.2.80':
      { kind: 'serves', asked: false },
    'sitekernel --net socket --host :: --host 127.0.0.1': { kind: 'serves', asked: false },
  },
  'docs/proxies.md': {
    'sitekernel --host 127.0.0.1 --trusted-proxy 127.0.0.1 --log access _site': serves,
  },
  'docs/tls.md': {
    'sitekernel --tls-cert fullchain.pem --tls-key key.pem SITE': serves,
    'sitekernel --tls self-signed SITE': serves,
    'sitekernel --acme me@example.org --domain example.org --agree-tos SITE': elsewhere('test/wire/acme.test.ts'),
    'sitekernel --tls-cert a.pem --tls-key a.key --tls-cert b.pem --tls-key b.key SITE': serves,
  },
  'docs/certificates.md': {
    'sitekernel certificate revoke --state /var/lib/sitekernel --reason keyCompromise': elsewhere(
      'test/wire/acme-revoked.test.ts',
    ),
    'sitekernel certificate rollover --state /var/lib/sitekernel': elsewhere('test/wire/acme-account.test.ts'),
    'sitekernel certificate identity --state /var/lib/sitekernel': elsewhere('test/deploy/certificates.test.ts'),
    'sitekernel deploy certificate --state /var/lib/sitekernel --repo /srv/deployment.git --for RECIPIENT --sign /srv/ci':
      elsewhere('test/deploy/certificates.test.ts'),
  },
  'docs/vm.md': {
    'sitekernel image build SITE --target vm -o images/': elsewhere('test/wire/vm.test.ts'),
    [`images/<id>/run-qemu --tap tap0 --bridge br0 --ipv4 46.43.42.137 --ipv4-netmask 255.255.255.128 --ipv4-gateway 46.43.42.129`]:
      elsewhere('test/wire/vm.test.ts'),
    [`images/<id>/run-qemu --tap tap0 --bridge br0 --ipv4 46.43.42.137/25 --state-disk /var/lib/site/state.disk --append 'acme=admin@example.org domain=example.org,www.example.org agree-tos'`]:
      elsewhere('test/wire/vm-state.test.ts'),
    'sitekernel image state state.disk': elsewhere('test/cli/image-state.test.ts'),
    'sitekernel image state state.disk --to state': elsewhere('test/cli/image-state.test.ts'),
    'sitekernel image state state.disk --from state': elsewhere('test/cli/image-state.test.ts'),
    'sitekernel deploy init /srv/site --repo /srv/deployment.git --branch vm -- --tap tap0 --bridge br0 --ipv4 46.43.42.137/25':
      elsewhere('test/wire/vm-deploy.test.ts'),
  },
  'site/api.md': {
    'npm ci && npm run api': elsewhere('.github/workflows/ci.yml'),
    'node dist/main.js --net socket build/api': serves,
  },
  'site/guide.md': {
    'npm ci && npm start': { kind: 'script', serves: true },
    'node dist/main.js --net socket --port 3000 _site': serves,
    'node dist/main.js bundle _site -o site.bundle': runs,
    'node dist/main.js inspect site.bundle': runs,
    'node dist/main.js --net socket site.bundle': serves,
    'sudo node dist/main.js host up --bridge br0 --uplink eth0 --tap tap0': { kind: 'runs', output: /^made TAP tap0/m },
    'node dist/main.js --net direct --tap tap0 site.bundle': serves,
    [`node dist/main.js --net direct --tap tap0 ${STATIC} site.bundle`]: serves,
  },
  help: {
    sitekernel: serves,
    'sitekernel --port 3000 _site': serves,
    'sudo sitekernel --net direct --bridge br0 _site': serves,
    // A TAP that is on no bridge: nothing can reach it, which is what its user does next.
    'sudo sitekernel --net direct --tap tap0 --ipv4 192.0.2.7/24 --ipv4-gateway 192.0.2.1 site.bundle': {
      kind: 'serves',
      asked: false,
    },
    'sitekernel bundle _site -o site.bundle': runs,
  },
};
