/**
 * `npm run bench:goodput -- [--loss 0,0.1,1,3,5] [--rounds N] [--first N] [--seconds N] [--senders KEY,KEY] [--small
 * N]`: a large download over a link of 100 Mbit/s and 20 ms round trip that loses at random, from Linux's TCP (nginx)
 * and from ours; Mbit/s of what arrived, medians. Then the mean time of new connections that fetch 1 KiB each at 3%,
 * where both lose the same segments.
 *
 * client (kernel) -- TAP [relay] TAP -- bridge -- nginx, or our TAP. The relay gets a new seed each round (from
 * `--first` on), the same for all senders.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Lab, type Namespace, type Program } from '../test/wire/lab.js';
import { skipWithout } from '../test/wire/needs.js';
import { nginx, ours } from './contender.js';
import { median } from './report.js';
import { writeContent } from './workloads.js';

const { values } = parseArgs({
  options: {
    loss: { type: 'string', default: '0,0.1,1,3,5' },
    rounds: { type: 'string', default: '3' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '12' },
    senders: { type: 'string' },
    small: { type: 'string', default: '0' },
    output: { type: 'string', default: join('bench', 'results', 'goodput.json') },
  },
});

const SENDERS: Readonly<Record<string, { readonly ours: boolean; readonly congestion: string }>> = {
  'linux-cubic': { ours: false, congestion: 'cubic' },
  'ours-cubic': { ours: true, congestion: 'cubic' },
  'linux-bbr': { ours: false, congestion: 'bbr' },
  'ours-bbr': { ours: true, congestion: 'bbr' },
};
/** 100 Mbit/s, 10 ms each way, a queue of 50 ms. */
const LINK = 'rate=100mbit,delay=10,queue=625000';
const NGINX = '10.79.0.2';
const OURS = '10.79.0.3';

const why = skipWithout('nginx', 'curl');
if (why !== false) {
  console.error(`bench: ${why}`);
  process.exit(1);
}
const senders = values.senders?.split(',') ?? Object.keys(SENDERS);
const losses = values.loss === '' ? [] : values.loss.split(',').map(Number);

async function relay(lab: Lab, client: Namespace, loss: number, seed: number, paired: boolean): Promise<Program> {
  const program = lab.host.start(process.execPath, [
    ...[resolve('build', 'bench', 'relay.js'), 'near', 'far', `${LINK},loss=${loss}%`, String(seed)],
    ...(paired ? ['paired'] : []),
  ]);
  await program.says(/^ready$/m);
  lab.host.ip('link set near master br0 up');
  lab.host.ip(`link set far netns ${client.name}`);
  client.ip('addr add 10.79.0.1/24 dev far');
  client.ip('link set far up');
  return program;
}

async function download(client: Namespace, address: string, path: string, seconds: number): Promise<number> {
  const { stdout } = await client.run('curl', [
    ...[
      '-s',
      '-o',
      '/dev/null',
      '--max-time',
      String(seconds),
      '-w',
      '%{size_download} %{time_total} %{time_starttransfer}',
    ],
    `http://${address}${path}`,
  ]);
  const [bytes, time] = stdout.split(' ').map(Number) as [number, number];
  return (bytes * 8) / time / 1e6;
}

/** Side by side, since a lost SYN takes a second of nothing. */
const FETCHERS = 8;

/** Mean milliseconds of `count` fetches, each on a new connection. */
async function small(client: Namespace, address: string, count: number): Promise<number> {
  const times = ['-s', '-o', '/dev/null', '--max-time', '60', '-w', '%{time_total}\\n', '-H', 'Connection: close'];
  const each = Math.ceil(count / FETCHERS);
  const fetcher = (): Promise<{ stdout: string }> =>
    client.run('curl', [...times, `http://${address}/1k.html?[1-${each}]`]);
  const outputs = await Promise.all(Array.from({ length: FETCHERS }, fetcher));
  const seconds = outputs.flatMap(({ stdout }) => stdout.trim().split('\n').map(Number));
  return (1000 * seconds.reduce((sum, one) => sum + one, 0)) / seconds.length;
}

const endings: (() => Promise<void>)[] = [];
const lab = new Lab({ teardown: (callback) => endings.push(callback) }, `${NGINX}/24`);
try {
  const content = join(lab.folder, 'content');
  writeContent(content, true);
  const client = lab.namespace('client');
  await nginx(lab, lab.host, 'nginx', `${NGINX}:80`, content);
  const results: Record<string, Record<string, number[]>> = {};
  const program = async (key: string): Promise<Program | undefined> => {
    const sender = SENDERS[key] as (typeof SENDERS)[string];
    if (!sender.ours) {
      lab.host.ip(
        `route change 10.79.0.0/24 dev br0 proto kernel scope link src ${NGINX} congctl ${sender.congestion}`,
      );
      return undefined;
    }
    const args = ['--net', 'direct', '--tap', 'tap0', '--bridge', 'br0', '--ipv4', `${OURS}/24`, content];
    return ours(lab.host, [...args, '--congestion', sender.congestion]);
  };
  const measure = async (
    row: string,
    loss: number,
    paired: boolean,
    how: (address: string) => Promise<number>,
  ): Promise<void> => {
    for (let round = Number(values.first) - 1; round < Number(values.first) - 1 + Number(values.rounds); round++) {
      for (const key of senders) {
        const server = await program(key);
        const link = await relay(lab, client, loss, round + 1, paired);
        const value = await how(server === undefined ? NGINX : OURS);
        await link.stop(2);
        await server?.stop(2);
        const cells = results[row] ?? {};
        results[row] = cells;
        cells[key] = [...(cells[key] ?? []), value];
        console.log(`  round ${round + 1}, ${key}: ${value.toFixed(1)}`);
      }
    }
    const cells = results[row] as Record<string, number[]>;
    console.log(`${row}: ${senders.map((key) => `${key} ${median(cells[key] as number[]).toFixed(1)}`).join(', ')}`);
  };
  for (const loss of losses) {
    await measure(`${loss}% loss, Mbit/s`, loss, false, (address) =>
      download(client, address, '/50m.bin', Number(values.seconds)),
    );
  }
  if (Number(values.small) > 0) {
    await measure('3% loss, ms for 1 KiB on a new connection', 3, true, (address) =>
      small(client, address, Number(values.small)),
    );
  }
  mkdirSync(join(values.output, '..'), { recursive: true });
  writeFileSync(values.output, `${JSON.stringify({ link: LINK, results }, null, 1)}\n`);
} finally {
  for (const end of endings) await end();
}
