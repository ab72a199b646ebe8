/**
 * nmap and hping3 over a real TAP: what people probe hosts with sees a host that keeps to the RFCs, and a server that
 * goes on.
 */
import t from 'tap';
import type { Namespace, Output } from './lab.js';
import { skipWithout } from './needs.js';
import { targetBed } from './targets.js';

/** `port/protocol` -> state, of nmap's greppable output. */
async function scan(client: Namespace, address: string, args: readonly string[]): Promise<Record<string, string>> {
  const fixed = ['-n', '-Pn', '--max-retries', '2', '--host-timeout', '60s', '-oG', '-'];
  const { stdout, stderr, status } = await client.run('nmap', [...fixed, ...args, address]);
  if (status !== 0) throw new Error(`nmap ${args.join(' ')}: ${stderr}`);
  const ports = /Ports: ([^\t\n]*)/.exec(stdout)?.[1] ?? '';
  return Object.fromEntries(
    ports
      .split(', ')
      .filter((part) => part !== '')
      .map((part) => {
        const [port, state, protocol] = part.trim().split('/');
        return [`${port}/${protocol}`, state as string];
      }),
  );
}

/** 200, when the server goes on. */
async function served(client: Namespace, url: string): Promise<string> {
  const { stdout } = await client.run('curl', ['-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', url]);
  return stdout;
}

t.test('nmap sees one open port, and closed ones', { skip: skipWithout('nmap', 'curl') }, async (t) => {
  const { server, client } = await targetBed(t, 'static');
  const { address } = server;
  const three = ['-p', '22,80,443'];
  const rows: [string, string[], Record<string, string>][] = [
    ['SYN', ['-sS', ...three], { '22/tcp': 'closed', '80/tcp': 'open', '443/tcp': 'closed' }],
    ['connect', ['-sT', ...three], { '22/tcp': 'closed', '80/tcp': 'open', '443/tcp': 'closed' }],
    // RFC 9293 3.10.7.2: a listener drops what has neither SYN nor ACK; a closed port answers RST.
    ['FIN', ['-sF', ...three], { '22/tcp': 'closed', '80/tcp': 'open|filtered', '443/tcp': 'closed' }],
    ['Christmas tree', ['-sX', ...three], { '22/tcp': 'closed', '80/tcp': 'open|filtered', '443/tcp': 'closed' }],
    ['null', ['-sN', ...three], { '22/tcp': 'closed', '80/tcp': 'open|filtered', '443/tcp': 'closed' }],
    ['ACK', ['-sA', ...three], { '22/tcp': 'unfiltered', '80/tcp': 'unfiltered', '443/tcp': 'unfiltered' }],
    ['UDP', ['-sU', '-p', '53,123'], { '53/udp': 'closed', '123/udp': 'closed' }],
  ];
  for (const [what, args, expected] of rows) t.same(await scan(client, address, args), expected, what);
  await t.test('a thousand ports, and a look at what is behind the open one', async (t) => {
    const { stdout, status } = await client.run('nmap', [
      '-n',
      '-Pn',
      '-sV',
      '--version-light',
      '-p',
      '1-1000',
      address,
    ]);
    t.equal(status, 0);
    // Its data know no answer of ours: what it takes the service for is its affair.
    t.match(stdout, /^80\/tcp +open /m);
    t.match(stdout, /Not shown: 999 closed/);
  });
  await t.test('guessing the system: two hundred odd packets do no harm', async (t) => {
    const { stdout, status, stderr } = await client.run('nmap', [
      '-n',
      '-Pn',
      '-O',
      '--max-os-tries',
      '1',
      '-p',
      '80,81',
      address,
    ]);
    t.equal(status, 0, stderr);
    t.match(stdout, /OS detection performed|No exact OS matches|OS details|Aggressive OS guesses/);
  });
  t.equal(await served(client, server.url), '200', 'the server goes on');
  t.ok(server.program.running);
  t.equal(await server.program.stop(), 0);
});

t.test('hping3 is answered as RFC 9293 says', { skip: skipWithout('hping3', 'curl') }, async (t) => {
  const { server, client } = await targetBed(t, 'static');
  const { address } = server;
  const hping = (...args: string[]): Promise<Output> => client.run('hping3', ['-n', ...args, address]);
  const answers = ({ stdout }: Output): string[] =>
    [...stdout.matchAll(/ flags=(\w+) /g)].map((match) => match[1] as string);

  t.same(answers(await hping('-S', '-p', '80', '-c', '3', '-i', 'u50000')), ['SA', 'SA', 'SA'], 'SYN');
  t.same(answers(await hping('-S', '-p', '81', '-c', '2', '-i', 'u50000')), ['RA', 'RA'], 'SYN to a closed port');
  t.same(answers(await hping('-A', '-p', '80', '-c', '2', '-i', 'u50000')), ['R', 'R'], 'ACK');
  t.same(answers(await hping('-S', '-f', '-p', '80', '-c', '2', '-i', 'u50000')), ['SA', 'SA'], 'SYN in fragments');
  t.same(answers(await hping('-S', '-b', '-p', '80', '-c', '2', '-i', 'u50000')), [], 'a wrong checksum');
  const icmp = await hping('-1', '-d', '3000', '-c', '2', '-i', 'u50000');
  t.match(
    icmp.stdout + icmp.stderr,
    /2 packets received|2 packets tramitted, 2 packets received/,
    'ICMP of 3000 bytes',
  );
  const udp = await hping('-2', '-p', '9', '-c', '2', '-i', 'u50000');
  t.match(udp.stdout, /ICMP Port Unreachable/);

  await t.test('20,000 SYNs from forged sources: a client that comes meanwhile is served', async (t) => {
    const flood = hping('-S', '-p', '80', '--rand-source', '-q', '-i', 'u20', '-c', '20000');
    for (let i = 0; i < 3; i++) t.equal(await served(client, server.url), '200', 'the server goes on');
    await flood;
    t.equal(await served(client, server.url), '200', 'the server goes on');
    t.ok(server.program.running);
  });
  t.equal(await server.program.stop(), 0);
});
