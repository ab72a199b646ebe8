/** `--record` and `replay` of IPv6: the same frames and the same state. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bed, IPV6_LINE } from './ipv6-bed.js';
import { give } from './ipv6-routers.js';
import { skipWithout } from './needs.js';
import { captured } from './pcapng.js';
import { MAIN } from './server.js';

t.test(
  'a recording of both families, with an advertised prefix, plays to the same frames and the same state',
  { skip: skipWithout('curl', 'ping', 'radvd') },
  async (t) => {
    const { lab, client, start } = bed(t);
    const site = join(lab.folder, 'site');
    mkdirSync(site);
    writeFileSync(join(site, 'index.html'), 'hello');
    writeFileSync(join(site, 'long.txt'), 'sixty thousand bytes '.repeat(2857));
    const [recording, live, again] = ['bug.replay', 'live.pcapng', 'again.pcapng'].map((one) => join(lab.folder, one));
    await give(lab, 'radvd');
    const program = start(['--ipv4', '10.77.0.7/24', '--record', recording!, '--pcap', live!, site]);
    const [, address] = await program.says(IPV6_LINE, 40);
    const base = `http://[${address}]`;
    for (const path of ['/', '/long.txt', '/nothing']) await client.run('curl', ['-sg', `${base}${path}`]);
    await client.run('curl', ['-s', 'http://10.77.0.7/']);
    // Fragments both ways, and a port where nobody listens.
    await client.run('ping', ['-6', '-c', '2', '-i', '0.2', '-s', '3000', address as string]);
    await client.run('curl', ['-sg', `${base}:81/`]);
    t.equal(await program.stop(), 0, program.stderr);
    const played = await lab.host.run(process.execPath, [MAIN, 'replay', recording!, '--pcap', again!, '--trace']);
    t.equal(played.status, 0, played.stderr);
    t.match(played.stdout, /the headers of every frame were as recorded, at \d+ marks/);
    t.match(played.stdout, /the state at the end is the recorded one/);
    t.match(played.stdout, /tcp-port-closed 1\b/);
    t.match(played.stdout, / > \[2001:db8:77:[0-9a-f:]*\]:\d+ :80 S seq \d+ .*, LISTEN -> SYN-RECEIVED$/m);
    t.match(played.stdout, /IPv6: 2001:db8:77:[0-9a-f:]+\/64 \(slaac\) is ours/);
    const [first, second] = [captured(live!), captured(again!)];
    t.equal(second.length, first.length);
    t.ok(
      first.some(({ bytes, inbound }) => !inbound && bytes.readUInt16BE(12) === 0x86dd),
      'IPv6 is in it',
    );
    const other = second.findIndex((frame, i) => !frame.bytes.equals(first[i]!.bytes));
    t.equal(other, -1, 'byte for byte');
  },
);

t.test(
  'a ring that was full: IPv6 connections that began after what is lost do as recorded',
  { skip: skipWithout('curl', 'wrk') },
  async (t) => {
    const { lab, client, start } = bed(t);
    const site = join(lab.folder, 'site');
    mkdirSync(site);
    writeFileSync(join(site, 'index.html'), 'hello');
    const [recording, live, again] = ['full.replay', 'live.pcapng', 'again.pcapng'].map((one) => join(lab.folder, one));
    const address = ['--no-ipv4', '--ipv6', '2001:db8:77::80/64', '--ipv6-gateway', 'fe80::1'];
    const program = start([...address, '--record', recording!, '--record-size', '4', '--pcap', live!, site]);
    await program.says(IPV6_LINE);
    // Some 10 MiB of frames in a ring of 4.
    await client.run('wrk', ['-c', '40', '-t', '1', '-d', '4', 'http://[2001:db8:77::80]/']);
    await client.run('curl', ['-sg', '--local-port', '7777', 'http://[2001:db8:77::80]/']);
    t.equal(await program.stop(), 0);
    const played = await lab.host.run(process.execPath, [MAIN, 'replay', recording!, '--pcap', again!]);
    t.equal(played.status, 0, played.stderr);
    t.match(played.stdout, /the beginning is lost/);
    const last = (file: string): string[] =>
      captured(file)
        .filter(({ bytes, inbound }) => !inbound && bytes[20] === 6 && bytes.readUInt16BE(56) === 7777)
        .map(({ bytes }) => bytes.toString('hex'));
    t.ok(last(live!).length >= 3);
    t.same(last(again!), last(live!), 'flow labels, sequence numbers, timestamps and data');
  },
);
