import t from 'tap';
import { parseArguments } from '../../src/cli/arguments/arguments.js';
import { similar } from '../../src/errors/similar.js';
import { UserError } from '../../src/errors/user-error.js';
import { gatewayNotice } from '../../src/serve/gateway-notice.js';
import type { ServeOptions } from '../../src/serve/options/serve.js';

function serve(...argv: string[]): ServeOptions {
  const task = parseArguments(argv);
  if (task?.kind !== 'serve') throw new Error(`not a server: ${JSON.stringify(task)}`);
  return task;
}

/** The one sentence that refuses `argv`, with status 2. */
function refusal(...argv: string[]): string {
  try {
    parseArguments(argv);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'bad-usage') throw error;
    if (error.message.includes('\n')) throw new Error(`more than a sentence: ${error.message}`);
    return error.message;
  }
  throw new Error(`accepted: ${argv.join(' ')}`);
}

t.test('without arguments the embedded site is served on sockets of this machine', (t) => {
  t.match(serve(), { net: 'socket', host: '127.0.0.1', port: 8080, site: undefined, drain: 10_000 });
  t.end();
});

t.test('direct mode serves port 80, with DHCP on tap0, unless told otherwise', (t) => {
  const { port, direct } = serve('--net', 'direct', '_site');
  t.equal(port, 80);
  t.match(direct, { tap: 'tap0', bridge: undefined, static: undefined, offload: true, congestion: 'cubic' });
  t.end();
});

t.test('every option of direct mode arrives', (t) => {
  const options = serve(
    ...['--net', 'direct', '--port', '8000', '--tap', 'tap9', '--bridge', 'br1', '--mac', '02-00-5e-10-00-01'],
    ...[
      '--ipv4',
      '46.43.42.137/25',
      '--ipv4-gateway',
      '46.43.42.129',
      '--dns',
      '192.0.2.53',
      '--dns',
      '2001:db8::53',
      '--hostname',
      'www-1.example.org',
    ],
    ...['--pcap', 'x.pcapng', '--no-offload', '--log', 'access,json', '--congestion', 'bbr', '--drain', '2.5'],
    ...['--spin', '0', '--state', '/var/lib/x', 'site.bundle'],
  );
  t.equal(options.site, 'site.bundle');
  t.equal(options.port, 8000);
  t.equal(options.drain, 2500);
  t.same([...options.log.channels], ['access']);
  t.equal(options.log.json, true);
  t.same(options.direct, {
    tap: 'tap9',
    bridge: 'br1',
    static: { address: '46.43.42.137', prefix: 25, gateway: '46.43.42.129' },
    anycast: [],
    noIpv4: false,
    ipv6: { addresses: [], anycast: [], gateway: undefined },
    mac: Uint8Array.of(2, 0, 0x5e, 0x10, 0, 1),
    hostname: 'www-1.example.org',
    nameServers: ['192.0.2.53', '2001:db8::53'],
    pcap: 'x.pcapng',
    record: undefined,
    offload: false,
    congestion: 'bbr',
    spin: 0,
  });
  t.equal(options.state, '/var/lib/x');
  t.end();
});

t.test('a netmask means the same as the size after the slash', (t) => {
  const mask = serve('--net', 'direct', '--ipv4', '46.43.42.137', '--ipv4-netmask', '255.255.255.128');
  t.same(mask.direct.static, serve('--net', 'direct', '--ipv4', '46.43.42.137/25').direct.static);
  for (let prefix = 1; prefix <= 31; prefix++) {
    const bits = 0xffffffff - (2 ** (32 - prefix) - 1);
    const text = [24, 16, 8, 0].map((shift) => Math.floor(bits / 2 ** shift) % 256).join('.');
    const { direct } = serve('--net', 'direct', '--ipv4', '85.85.85.85', '--ipv4-netmask', text);
    t.equal(direct.static?.prefix, prefix, text);
  }
  t.end();
});

t.test('a bad address is refused with what is wrong about it', (t) => {
  const direct = (...argv: string[]) => refusal('--net', 'direct', ...argv);
  const cases: [string[], RegExp][] = [
    [['--ipv4', '46.43.42.300/25'], /"46\.43\.42\.300" is not an IPv4 address/],
    [['--ipv4', '10.0.0.010/24'], /not an IPv4 address/],
    [['--ipv4', '10.0.1/24'], /not an IPv4 address/],
    [['--ipv4', '10.0.0.1'], /needs the size of its network: write --ipv4 10\.0\.0\.1\/24, or give --ipv4-netmask/],
    [['--ipv4', '10.0.0.1/33'], /number of 1 to 32/],
    [['--ipv4', '10.0.0.1/'], /number of 1 to 32/],
    [['--ipv4', '10.0.0.1', '--ipv4-netmask', '255.255.0.255'], /one bits must be together at the front/],
    [['--ipv4', '10.0.0.1', '--ipv4-netmask', '0.0.0.0'], /is not a netmask/],
    [
      ['--ipv4', '10.0.0.1/24', '--ipv4-netmask', '255.255.0.0'],
      /says \/24 and --ipv4-netmask 255\.255\.0\.0 means \/16/,
    ],
    [['--ipv4', '10.0.0.0/24'], /address of the network/],
    [['--ipv4', '10.0.0.255/24'], /broadcast address/],
    [['--ipv4', '127.0.0.2/8'], /loopback/],
    [['--ipv4', '224.0.0.5/24'], /multicast/],
    [['--ipv4', '255.255.255.255/32'], /every host/],
    [['--ipv4', '0.0.0.5/24'], /"this network"/],
    [['--ipv4', '46.43.42.137/25', '--ipv4-gateway', '127.0.0.1'], /loopback/],
    [['--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.137'], /our own address/],
    [['--ipv4', '46.43.42.137/25', '--ipv4-gateway', '46.43.42.255'], /broadcast/],
    [['--ipv4-gateway', '10.0.0.1'], /needs --ipv4/],
    [['--ipv4-netmask', '255.0.0.0'], /needs --ipv4/],
  ];
  for (const [argv, sentence] of cases) t.match(direct(...argv), sentence, argv.join(' '));
  t.end();
});

t.test('a gateway outside of the prefix is on the link, and told of where it may be a slip of the hand', (t) => {
  for (const [ipv4, gateway, slip] of [
    ['192.0.2.7/32', '169.254.0.1', false],
    ['192.0.2.7/31', '192.0.2.1', false],
    ['240.0.0.7/24', '240.0.0.1', false],
    ['192.0.2.7/24', '10.0.0.255', true],
    ['192.0.2.7/24', '192.0.2.1', false],
  ] as const) {
    const given = serve('--net', 'direct', '--ipv4', ipv4, '--ipv4-gateway', gateway).direct.static;
    t.equal(given?.gateway, gateway);
    t.equal(gatewayNotice(given!) !== undefined, slip, `${ipv4} ${gateway}`);
  }
  t.end();
});

t.test('a number of seconds that no timer can hold is told of as any other wrong value', (t) => {
  t.equal(serve('--idle', '2147483').http.idle, 2_147_483_000);
  for (const option of ['--idle', '--drain', '--keep-assets'])
    t.match(refusal(option, '2147484'), new RegExp(`${option} is a number of|Seconds are a number of`), option);
  t.end();
});

t.test('a /31 has two hosts (RFC 3021), a /32 one', (t) => {
  t.equal(serve('--net', 'direct', '--ipv4', '10.0.0.0/31', '--ipv4-gateway', '10.0.0.1').direct.static?.prefix, 31);
  t.equal(serve('--net', 'direct', '--ipv4', '10.0.0.9/32').direct.static?.prefix, 32);
  t.end();
});

t.test('what cannot be meant is refused', (t) => {
  const cases: [string[], RegExp][] = [
    [['--net', 'carrier-pigeon'], /"carrier-pigeon" is neither socket nor direct/],
    [['--port', '65536'], /0 to 65535/],
    [['--port', 'http'], /0 to 65535/],
    [['--net', 'direct', '--port', '0'], /--port 0 is for --net socket/],
    [['--net', 'direct', '--host', '10.0.0.1'], /--host is for --net socket/],
    [['--net', 'direct', '--sockets', 'node'], /--sockets is for --net socket/],
    [['--net', 'direct', '--workers', '2', '--pcap', 'a.pcap'], /--pcap is for one process; leave --workers out/],
    [['--net', 'direct', '--workers', '2', '--record', 'a.tape'], /--record is for one process/],
    [['--net', 'direct', '--workers', '2', '--interface', 'eth0'], /--interface is for one process/],
    [['--workers', '0'], /--workers is a number of 1 to 128/],
    [['--sockets', 'none'], /--sockets is one of libc, node/],
    [['--tap', 'tap0'], /--tap is for --net direct/],
    [['--ipv4', '10.0.0.1/24'], /--ipv4 is for --net direct/],
    [['--no-offload'], /--no-offload is for --net direct/],
    [['--record', 'x'], /--record is for --net direct/],
    [['--net', 'direct', '--record-size', '8'], /--record-size is for --record/],
    [['--net', 'direct', '--record', 'x', '--record-size', '1'], /4 to 4096/],
    [['replay'], /missing required argument/],
    [['--net', 'direct', '--mac', '03:00:00:00:00:01'], /even/],
    [['--net', 'direct', '--mac', '02:00:00'], /six pairs/],
    [['--net', 'direct', '--mac', '00:00:00:00:00:00'], /all zeros/],
    [['--net', 'direct', '--hostname', '-x-'], /letters, digits and inner hyphens/],
    [['--net', 'direct', '--congestion', 'vegas'], /cubic, bbr, reno/],
    [['--net', 'direct', '--spin', '-1'], /0 to 1000/],
    [['--drain', 'soon'], /Seconds/],
    [['--log', 'everything'], /"everything" cannot be logged/],
    [['--colour'], /unknown option '--colour'/],
    [['a', 'b'], /too many arguments/],
    [['bundle', 'dir'], /--output/],
    [['bundle', '-o', 'x'], /missing required argument/],
    [['host', 'up'], /--bridge/],
    [['host', 'sideways', '--bridge', 'br0'], /./],
  ];
  for (const [argv, sentence] of cases) t.match(refusal(...argv), sentence, argv.join(' '));
  t.end();
});

t.test('an empty value, as of a variable that is not set, is told of by the name of the option or argument', (t) => {
  for (const option of ['--host', '--port', '--tls-cert', '--zone', '--control', '--user', '--follow', '--mime'])
    t.match(refusal(option, '', '_site'), new RegExp(`${option} is empty: give a value, or leave it out`), option);
  for (const option of ['--tap', '--interface', '--bridge', '--state', '--record', '--pcap', '--ipv4', '--ipv6'])
    t.match(refusal('--net', 'direct', option, ''), new RegExp(`${option} is empty`), option);
  t.match(refusal(''), /SITE is empty/);
  t.match(refusal('bundle', '', '-o', 'x'), /DIR is empty/);
  t.match(refusal('bundle', 'dir', '-o', ''), /--output is empty/);
  t.match(refusal('inspect', ''), /FILE is empty/);
  t.match(refusal('supervise', '--control', '', '--', '_site'), /--control is empty/);
  t.match(refusal('deploy', 'poll', '--host', ''), /--host is empty/);
  t.equal(serve('--base', '', '_site').http.base, '', 'an empty path is the root');
  t.end();
});

t.test('a number that is out of range is refused with its range', (t) => {
  for (const [option, range] of [
    ['--max-connections', '0 to 999999999'],
    ['--max-per-client', '0 to 999999999'],
    ['--idle', '0 to 2147483'],
    ['--keep-assets', '0 to 2147483'],
    ['--workers', '1 to 128'],
  ] as const)
    for (const text of ['2147483648', '9007199254740993', '-1', '1e3', 'NaN', ' 5', '5\n', '0x10', '\u0663'])
      t.ok(refusal(option, text).includes(`${option} is a number of ${range}`), `${option} ${text}`);
  t.match(refusal('--net', 'direct', '--record', 'x', '--record-size', '4097'), /is a number of 4 to 4096/);
  t.end();
});

t.test('each subcommand is read with its options', (t) => {
  t.same(parseArguments(['bundle', 'dir', '-o', 'x.bundle', '--compression', 'fast']), {
    kind: 'bundle',
    dir: 'dir',
    output: 'x.bundle',
    compression: 'fast',
    site: {
      ...{ spa: false, hidden: false, mime: {}, listing: false, metaRefresh: false, languages: [] },
      ...{ preload: undefined, security: true, immutable: [] },
    },
    tree: { strict: false, follow: [], mtime: 'none' },
    base: undefined,
  });
  t.same(parseArguments(['inspect', 'x.bundle', '--json']), {
    kind: 'inspect',
    file: 'x.bundle',
    json: true,
    check: false,
  });
  t.same(parseArguments(['host', 'up', '--bridge', 'br0', '--uplink', 'eth0', '--tap', 'tap0', '--user', 'www']), {
    kind: 'host',
    action: 'up',
    bridge: 'br0',
    uplink: 'eth0',
    tap: 'tap0',
    user: 'www',
    multiQueue: false,
  });
  t.match(parseArguments(['host', 'up', '--bridge', 'br0', '--tap', 'tap0', '--multi-queue']), { multiQueue: true });
  t.same(parseArguments(['replay', 'x.replay', '--pcap', 'y.pcapng']), {
    kind: 'replay',
    file: 'x.replay',
    pcap: 'y.pcapng',
    trace: false,
  });
  t.match(parseArguments(['host', 'down', '--bridge', 'br0']), { kind: 'host', action: 'down', tap: undefined });
  t.end();
});

t.test('json alone logs the usual as JSON lines', (t) => {
  const { log } = serve('--log', 'json');
  t.same([...log.channels].sort(), ['access', 'net']);
  t.equal(log.json, true);
  t.equal(serve().log.channels.size, 0);
  t.match(serve('--log', 'common').log, { common: true, json: false });
  t.same([...serve('--log', 'common').log.channels], ['access']);
  t.throws(() => serve('--log', 'common,json'), { message: /either JSON or in the Common Log Format/ });
  t.end();
});

t.test('what is wrong with a command names the help of that command', (t) => {
  t.equal(
    refusal('image', 'build', '--target', 'foo'),
    "option '--target <name>' argument 'foo' is invalid. Allowed choices are socket, direct, static, vm; " +
      '"sitekernel image build --help" lists what there is',
  );
  t.match(refusal('deploy', 'commit', 'x'), /'--repo <url>' not specified; "sitekernel deploy commit --help" lists/);
  t.match(refusal('deploy', 'nonsense'), /unknown command 'nonsense'; "sitekernel deploy --help" lists/);
  t.match(refusal('--nonsense'), /unknown option '--nonsense'; "sitekernel --help" lists/);
  t.match(
    refusal('deploy'),
    /^"sitekernel deploy" does one of these: commit, certificate, init, poll, .*; "sitekernel deploy --help" tells/,
  );
  t.match(refusal('image'), /^"sitekernel image" does one of these: build, verify/);
  t.end();
});

t.test('certificates are ordered for lists of names, a certificate each; what makes no sense is refused', (t) => {
  const { acme } = serve(
    ...['--acme', 'a@example.org', '--domain', 'Example.org,www.example.org', '--domain', '192.0.2.7', '--agree-tos'],
    ...['--state', '/var/lib/x', '--acme-profile', 'shortlived', '--acme-eab', 'id:c2VjcmV0'],
  );
  t.same(acme, {
    email: 'a@example.org',
    certificates: [['example.org', 'www.example.org'], ['192.0.2.7']],
    agreed: true,
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    profile: 'shortlived',
    external: { keyId: 'id', hmacKey: 'c2VjcmV0' },
    orders: true,
    challenge: undefined,
    roots: undefined,
    state: '/var/lib/x/acme',
  });
  t.equal(serve().acme, undefined);
  t.equal(serve('--acme', 'a@b.org', '--domain', 'a.org', '--acme-follow').acme?.orders, false);
  t.match(refusal('--acme', 'a@example.org'), /--acme needs --domain/);
  const wild = ['--acme', 'a@b.org', '--domain', '*.a.org'];
  t.match(refusal(...wild), /\*\.a\.org can be proven in the DNS alone: add --zone FILE/);
  t.match(refusal(...wild, '--zone', 'a.org.zone', '--acme-challenge', 'http-01'), /choose --acme-challenge dns-01/);
  t.match(refusal('--acme', 'a@b.org', '--domain', 'a.org', '--acme-challenge', 'dns-01'), /add --zone FILE/);
  t.match(refusal('--acme-challenge', 'http-01'), /--acme-challenge is for --acme EMAIL/);
  t.equal(serve(...wild, '--zone', 'a.org.zone', '--acme-challenge', 'dns-01').acme?.challenge, 'dns-01');
  t.match(refusal('--domain', 'example.org'), /--domain is for --acme EMAIL/);
  t.match(refusal('--acme', 'nobody', '--domain', 'example.org'), /looks like admin@example\.org/);
  t.match(refusal('--acme', 'a@b.org', '--domain', 'localhost'), /"localhost" is no name like www\.example\.org/);
  t.match(refusal('--acme', 'a@b.org', '--domain', 'a.org', '--domain', 'a.org'), /another certificate already/);
  t.match(refusal('--acme', 'a@b.org', '--domain', 'a.org', '--acme-directory', 'http://x/'), /address like https/);
  t.match(refusal('--state', '/x'), /--state is for --net direct/);
  t.end();
});

t.test('commands about certificates know the folder below the state folder', (t) => {
  const task = parseArguments([
    'certificate',
    'export',
    '--state',
    '/var/lib/x',
    '--domain',
    'Example.org',
    '-o',
    'a.pem',
  ]);
  t.match(task, {
    kind: 'certificate',
    action: 'export',
    folder: '/var/lib/x/acme',
    domain: 'example.org',
    output: 'a.pem',
  });
  t.match(parseArguments(['certificate', 'import', 'a.pem', 'b.pem']), { action: 'import', files: ['a.pem', 'b.pem'] });
  t.match(refusal('certificate', 'import'), /files/);
  t.match(parseArguments(['certificate', 'revoke', '--reason', 'superseded', '--by', 'account']), {
    action: 'revoke',
    files: [],
    revocation: { reason: 'superseded', by: 'account', directory: undefined },
  });
  t.match(refusal('certificate', 'revoke', '--reason', 'bored'), /--reason is one of unspecified, keyCompromise/);
  t.end();
});

t.test('both families have several addresses, and anycast ones', (t) => {
  const { direct } = serve(
    ...['--net', 'direct', '--ipv4', '192.0.2.7/24', '--ipv4', '198.51.100.7/25', '--anycast', '203.0.113.1/32'],
    ...['--ipv6', '2001:DB8::80/64', '--ipv6', '2001:db8:0:0:1::80/64', '--ipv6-gateway', 'fe80::0:1'],
    ...['--anycast', '2001:db8:a::1'],
  );
  t.same(direct.static, {
    ...{ address: '192.0.2.7', prefix: 24, gateway: undefined },
    further: [{ address: '198.51.100.7', prefix: 25 }],
  });
  t.same(direct.anycast, ['203.0.113.1']);
  t.same(direct.ipv6, {
    addresses: [
      { address: '2001:db8::80', prefix: 64 },
      { address: '2001:db8::1:0:0:80', prefix: 64 },
    ],
    ...{ anycast: ['2001:db8:a::1'], gateway: 'fe80::1' },
  });
  t.end();
});

t.test('a gateway may be outside of the network of the address', (t) => {
  const { direct } = serve('--net', 'direct', '--ipv4', '192.0.2.80/32', '--ipv4-gateway', '10.0.0.1');
  t.match(direct.static, { address: '192.0.2.80', prefix: 32, gateway: '10.0.0.1' });
  t.end();
});

t.test('either family can be left out', (t) => {
  t.equal(serve('--net', 'direct', '--no-ipv6').direct.ipv6, undefined);
  t.equal(serve('--net', 'direct', '--no-ipv4').direct.noIpv4, true);
  t.end();
});

t.test('what is wrong about addresses is said in one sentence', (t) => {
  const wrong: [string[], RegExp][] = [
    [['--ipv6', '2001:db8::80'], /needs the size of its network: write --ipv6 2001:db8::80\/64/],
    [['--ipv6', '2001:db8::80/129'], /"\/129" is not the size/],
    [['--ipv6', '2001:db8::8g/64'], /"2001:db8::8g" is not an IPv6 address/],
    [['--ipv6', '192.0.2.1/24'], /is not an IPv6 address/],
    [['--ipv6', 'ff02::1/64'], /multicast/],
    [['--ipv6', '::1/128'], /loopback/],
    [['--ipv6', '::/64'], /no address of a host/],
    [['--ipv6', '::ffff:10.0.0.1/96'], /give it with --ipv4/],
    [['--ipv6', 'fe80::1/64'], /of the link/],
    [['--ipv6', 'fe80::1%eth0/64'], /zone/],
    [['--ipv6', '2001:db8::80/64', '--ipv6', '2001:db8:0::80/64'], /given twice/],
    [['--ipv6', '2001:db8::80/64', '--ipv6-gateway', '2001:db8::80'], /our own address/],
    [['--ipv6-gateway', 'fe80::1'], /needs --ipv6/],
    [['--no-ipv6', '--ipv6-gateway', 'fe80::1'], /needs IPv6/],
    [['--no-ipv6', '--anycast', '2001:db8::1'], /needs IPv6/],
    [['--no-ipv6', '--ipv6', '2001:db8::1/64'], /--ipv6 and --no-ipv6 contradict each other/],
    [['--ipv6', '2001:db8::1/64', '--no-ipv6'], /--ipv6 and --no-ipv6 contradict each other/],
    [['--ipv4', '10.0.0.7/24', '--no-ipv4'], /--ipv4 and --no-ipv4 contradict each other/],
    [['--no-ipv4', '--no-ipv6'], /leave nothing to serve on/],
    [['--anycast', '2001:db8::1', '--anycast', '2001:db8:0::1'], /--anycast 2001:db8::1 was given twice/],
    [['--anycast', '192.0.2.1', '--anycast', '192.0.2.1/32'], /--anycast 192\.0\.2\.1 was given twice/],
    [['--ipv6', '2001:db8::1/64', '--anycast', '2001:db8::1'], /with --ipv6 and with --anycast/],
    [['--ipv4', '10.0.0.7/24', '--ipv4', '10.0.0.8/24', '--anycast', '10.0.0.8'], /with --ipv4 and with --anycast/],
    [['--no-ipv4', '--ipv4-gateway', '10.0.0.1'], /needs IPv4/],
    [['--no-ipv4', '--anycast', '192.0.2.1'], /needs IPv4/],
    [['--anycast', 'nope'], /--anycast: "nope" is no address; write one as in 192\.0\.2\.7 or 2001:db8::80/],
    [['--anycast', '192.0.2.1/24'], /one address is served/],
    [['--anycast', '2001:db8::1/64'], /one address is served/],
    [['--ipv4', '10.0.0.7/24', '--ipv4', '10.0.0.7/25'], /given twice/],
    [['--ipv4', '10.0.0.7/24', '--ipv4', '10.0.1.7', '--ipv4-netmask', '255.255.255.0'], /for one address/],
  ];
  for (const [argv, message] of wrong) t.match(refusal('--net', 'direct', ...argv), message, argv.join(' '));
  t.match(refusal('--ipv6', '2001:db8::80/64'), /--ipv6 is for --net direct/);
  t.end();
});

t.test('an image, too, can leave either family out', (t) => {
  const build = (...more: string[]): unknown =>
    (parseArguments(['image', 'build', 'site', ...more]) as { network: unknown }).network;
  t.same(build('--target', 'static', '--ipv4', '192.0.2.7/24', '--no-ipv6'), {
    ...{ ipv4: '192.0.2.7/24', 'no-ipv6': true },
  });
  t.same(build('--target', 'static', '--ipv6', '2001:db8::7/64', '--no-ipv4'), {
    ...{ ipv6: '2001:db8::7/64', 'no-ipv4': true },
  });
  for (const target of ['direct', 'vm']) t.same(build('--target', target, '--no-ipv6'), { 'no-ipv6': true });
  const wrong: [string[], RegExp][] = [
    [['--target', 'socket', '--no-ipv6'], /--no-ipv6 is for our own stack/],
    [['--target', 'direct', '--no-ipv4', '--no-ipv6'], /leave nothing to serve on/],
    [['--target', 'static', '--no-ipv6', '--ipv6', '2001:db8::7/64'], /contradict each other/],
    [['--target', 'static', '--no-ipv6'], /--target static needs its address/],
  ];
  for (const [argv, message] of wrong) t.match(refusal('image', 'build', 'site', ...argv), message, argv.join(' '));
  t.end();
});

t.test('--host that is neither an address nor a name is bad usage', (t) => {
  const wrong: [string, RegExp][] = [
    ['zz::', /--host: "zz::" is not an IPv6 address/],
    ['127.0.0.1:8080', /is not an IPv6 address; .* a port with --port/],
    ['[::1]', /brackets are for URLs; write --host ::1$/],
    ['::1/64', /nothing of a network/],
    ['10.0.0.300', /"10\.0\.0\.300" is not an IPv4 address/],
  ];
  for (const [host, message] of wrong) {
    t.match(refusal('--host', host), message, host);
    t.match(refusal('--host', '::1', '--host', host), message, `${host}, the second`);
    t.match(refusal('image', 'build', 'site', '--target', 'socket', '--host', host), message, `${host} of an image`);
  }
  for (const host of [
    '::',
    '::1',
    'fe80::1%eth0',
    '::ffff:127.0.0.1',
    '127.0.0.1',
    '127.1',
    'localhost',
    'a-1.example',
  ])
    t.equal(serve('--host', host).host, host);
  t.match(refusal('--host', '::', '--host', '127.0.0.1', '--workers', '2'), /name one: "::" has both families/);
  t.end();
});

t.test('a mistyped command is told of with the one that was meant; a file or directory of that name is served', (t) => {
  for (const [word, meant] of [
    ['bundel', 'bundle'],
    ['isnpect', 'inspect'],
    ['hosts', 'host'],
    ['deplyo', 'deploy'],
    ['hepl', 'help'],
  ] as const) {
    t.match(refusal(word), new RegExp(`no command, file or directory "${word}"; did you mean "${meant}"`));
    t.match(refusal(word, '-o', 'x'), new RegExp(`did you mean "${meant}"`), 'with options of the command as well');
  }
  for (const site of ['_site', './bundel', 'public', 'www']) t.equal(serve(site).site, site);
  const before = process.cwd();
  const folder = t.testdir({ bundel: {} });
  process.chdir(folder);
  t.equal(serve('bundel').site, 'bundel');
  process.chdir(before);
  t.match(refusal('host', 'dwon'), /unknown command 'dwon' \(Did you mean down\?\); "sitekernel host --help" lists/);
  t.match(refusal('--prot', '3'), /unknown option '--prot' \(Did you mean --port\?\)/);
  t.match(refusal('help', 'inspct'), /no command "inspct"; did you mean "inspect"\? "sitekernel --help" lists/);
  t.match(refusal('help', 'nonsense'), /no command "nonsense"; "sitekernel --help" lists what there is$/);
  t.match(refusal('help', 'deploy', 'pol'), /no command "pol"; .*"sitekernel deploy --help" lists what there is$/);
  t.match(refusal('help', 'host', 'down', 'x'), /no command "x"; "sitekernel host down --help" lists/);
  t.end();
});

t.test('a distance of two letters is a slip, more is another word, and short words are left alone', (t) => {
  const known = ['bundle', 'inspect', 'host', 'help'];
  t.equal(similar('bundlee', known), 'bundle');
  t.equal(similar('nudble', known), undefined);
  t.equal(similar('x', known), undefined);
  t.equal(similar('', known), undefined);
  t.equal(similar('hots', known), 'host', 'swapped letters are one slip');
  t.end();
});
