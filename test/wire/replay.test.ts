/** `--record` and `replay` with real clients on a real TAP: the same frames, byte for byte, and the same state. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { skipWithout } from './needs.js';
import { captured } from './pcapng.js';
import { MAIN } from './server.js';
import { targetBed } from './targets.js';

const skip = skipWithout('curl', 'wrk', 'tshark');

for (const target of ['static', 'dhcp'] as const) {
  t.test(
    `${target}: a recording plays to the same frames and the same state`,
    { skip: target === 'dhcp' ? skipWithout('curl', 'dnsmasq') : skip },
    async (t) => {
      const folder = t.testdir({ site: { 'index.html': 'hello', 'long.txt': 'sixty thousand bytes '.repeat(2857) } });
      const recording = join(folder, 'bug.replay');
      const live = join(folder, 'live.pcapng');
      const { lab, server, client } = await targetBed(t, target, [
        '--record',
        recording,
        '--pcap',
        live,
        join(folder, 'site'),
      ]);
      for (const path of ['', 'long.txt', 'nothing']) await client.run('curl', ['-s', `${server.url}${path}`]);
      await client.run('ping', ['-c', '2', '-i', '0.2', '-s', '3000', server.address]);
      // Nobody listens there.
      await client.run('curl', ['-s', `http://${server.address}:81/`]);
      await client.run('curl', ['-s', '--limit-rate', '100k', '-m', '1', `${server.url}long.txt`]);
      t.equal(await server.program.stop(), 0, server.program.stderr);

      const again = join(folder, 'again.pcapng');
      const { status, stdout, stderr } = await lab.host.run(process.execPath, [
        MAIN,
        'replay',
        recording,
        '--pcap',
        again,
      ]);
      t.equal(status, 0, stderr);
      t.match(stdout, /the headers of every frame were as recorded, at \d+ marks/);
      t.match(stdout, /the state at the end is the recorded one/);
      t.match(stdout, /tcp-port-closed 1\b/);
      const traced = await lab.host.run(process.execPath, [MAIN, 'replay', recording, '--trace']);
      t.match(traced.stdout, / > [\d.]+:\d+ :80 S seq \d+ .*, LISTEN -> SYN-RECEIVED$/m);
      t.match(traced.stdout, / < [\d.]+:\d+ :80 .*, ESTABLISHED, cwnd \d+/m);
      if (target === 'dhcp') t.match(stdout, /DHCP: bound to 10\.77\.0\./);
      const [first, second] = [captured(live), captured(again)];
      t.equal(second.length, first.length);
      t.ok(first.some((frame) => !frame.inbound) && first.some((frame) => frame.inbound));
      t.equal(
        second.findIndex((frame, i) => !frame.bytes.equals(first[i]!.bytes)),
        -1,
        'byte for byte',
      );
      if (target === 'dhcp') return;
      // Wireshark's own reader finds the reasons.
      const comments = await lab.host.run('tshark', [
        '-r',
        again,
        '-Y',
        'frame.comment',
        '-T',
        'fields',
        '-e',
        'frame.comment',
        '-e',
        'tcp.dstport',
      ]);
      t.match(comments.stdout, /^tcp-port-closed\t81$/m, comments.stderr);
    },
  );
}

t.test('a recording of a program that was killed is good up to its end', { skip }, async (t) => {
  const folder = t.testdir({ site: { 'index.html': 'hello' } });
  const recording = join(folder, 'killed.replay');
  const { lab, server, client } = await targetBed(t, 'static', ['--record', recording, join(folder, 'site')]);
  for (let i = 0; i < 3; i++) await client.run('curl', ['-s', server.url]);
  server.program.signal('SIGKILL');
  await server.program.exit;
  const { status, stdout, stderr } = await lab.host.run(process.execPath, [MAIN, 'replay', recording]);
  t.equal(status, 0, stderr);
  t.match(stdout, /3 connections were accepted/);
  t.match(stdout, /the recording did not end in order/);
});

t.test('a ring that was full: connections that began after what is lost do as recorded', { skip }, async (t) => {
  const folder = t.testdir({ site: { 'index.html': 'hello' } });
  const recording = join(folder, 'full.replay');
  const live = join(folder, 'live.pcapng');
  const { lab, server, client } = await targetBed(t, 'static', [
    ...['--record', recording, '--record-size', '4', '--pcap', live],
    join(folder, 'site'),
  ]);
  // Some 10 MiB of frames in a ring of 4.
  await client.run('wrk', ['-c', '40', '-t', '1', '-d', '4', server.url]);
  await client.run('curl', ['-s', '--local-port', '7777', server.url]);
  t.equal(await server.program.stop(), 0);
  t.ok(readFileSync(recording).length <= 4 * 2 ** 20);
  const again = join(folder, 'again.pcapng');
  const { status, stdout, stderr } = await lab.host.run(process.execPath, [MAIN, 'replay', recording, '--pcap', again]);
  t.equal(status, 0, stderr);
  t.match(stdout, /the beginning is lost/);
  const last = (file: string): string[] =>
    captured(file)
      .filter(({ bytes, inbound }) => !inbound && bytes.readUInt16BE(12) === 0x0800 && bytes.readUInt16BE(36) === 7777)
      .map(({ bytes }) => bytes.toString('hex'));
  t.ok(last(live).length >= 3);
  t.same(last(again), last(live), 'sequence numbers, timestamps and data');
});
