import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventLoopDescriptor } from '../../../../src/native/poll.js';
import type { TapDevice } from '../../../../src/net/device/linux/tap.js';
import type { Driven, Loop } from '../../../../src/net/loop/loop.js';
import { PollingLoop } from '../../../../src/net/loop/polling-loop.js';
import { WatchedLoop } from '../../../../src/net/loop/watched-loop.js';
import { ip, openDevice, writeArpRequest } from './setup.js';

ip('link set lo up');

class Recorder implements Driven {
  deadline = Number.POSITIVE_INFINITY;
  turns = 0;
  frames = 0;
  /** When a turn found that the deadline had passed. */
  dueAt = 0;
  constructor(readonly device: TapDevice) {}

  private readonly sink = (): void => {
    this.frames += 1;
  };

  turn(): number {
    this.turns += 1;
    if (performance.now() >= this.deadline) {
      this.dueAt = performance.now();
      this.deadline = Number.POSITIVE_INFINITY;
    }
    return this.device.receive(this.sink, 256);
  }

  arrived(length: number): void {
    this.device.deliver(length, this.sink);
  }
}

function make(kind: string, device: TapDevice, driven: Driven, spin: number): Loop {
  if (kind === 'watched') return new WatchedLoop(device.fd, device.buffer, driven, spin);
  return new PollingLoop(device.fd, eventLoopDescriptor()!, driven, spin);
}

t.ok(eventLoopDescriptor() !== undefined, "Node tells its event loop's descriptor");

for (const kind of ['polling', 'watched']) {
  for (const spin of [0, 20]) {
    t.test(`${kind} loop, ${spin} looks before it sleeps`, async (t) => {
      const device = openDevice('tap0');
      const driven = new Recorder(device);
      const loop = make(kind, device, driven, spin);
      // Something must keep Node alive: a loop that sleeps in libuv is no reason for libuv to stay.
      const alive = setInterval(() => {}, 60_000);
      t.teardown(() => {
        loop.stop();
        device.close();
        clearInterval(alive);
      });
      await sleep(50);
      loop.start();
      await sleep(50);

      t.test('a frame wakes it', async (t) => {
        const before = driven.frames;
        for (let i = 1; i <= 20; i++) {
          writeArpRequest(device);
          device.transmit();
          const asked = performance.now();
          while (driven.frames < before + i && performance.now() < asked + 2000) await sleep(1);
        }
        // The kernel may have asked for our address meanwhile.
        t.ok(driven.frames >= before + 20, `${driven.frames - before} frames`);
      });

      t.test('it sleeps while nothing happens', async (t) => {
        await sleep(30);
        const before = driven.turns;
        const cpu = process.cpuUsage();
        await sleep(300);
        const used = process.cpuUsage(cpu);
        t.ok(driven.turns - before < 1500, `${driven.turns - before} turns`);
        t.ok(used.user + used.system < 60_000, `${used.user + used.system} µs of CPU in 300 ms`);
      });

      t.test('a deadline asked for outside a turn is kept, never early and soon after', async (t) => {
        await sleep(20);
        const deadline = performance.now() + 40;
        driven.deadline = deadline;
        loop.wake();
        while (driven.dueAt === 0) await sleep(200);
        t.ok(driven.dueAt >= deadline);
        t.ok(driven.dueAt < deadline + 100, `${driven.dueAt - deadline} ms late`);
      });

      t.test("Node's timers are not overslept", async (t) => {
        for (const delay of [1, 5, 30, 120]) {
          // The best of five: a loop that oversleeps does so each time, a busy machine does not.
          let late = Number.POSITIVE_INFINITY;
          for (let i = 0; i < 5 && late >= 60; i++) {
            const before = performance.now();
            await sleep(delay);
            late = Math.min(late, performance.now() - before - delay);
          }
          t.ok(late < 60, `${delay} ms: ${late.toFixed(1)} ms late`);
        }
      });

      t.test('other sockets of the process are served', async (t) => {
        const server = createServer((_request, response) => response.end('beside'));
        await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
        const { port } = server.address() as AddressInfo;
        for (let i = 0; i < 5; i++) {
          const before = performance.now();
          const text = await new Promise<string>((resolve, reject) => {
            get({ port, host: '127.0.0.1', agent: false }, (response) => {
              response.setEncoding('utf8').on('data', resolve);
            }).on('error', reject);
          });
          t.equal(text, 'beside');
          t.ok(performance.now() - before < 250, `${(performance.now() - before).toFixed(1)} ms`);
        }
        await new Promise((done) => server.close(done));
      });

      t.test('a signal reaches its handler while it sleeps', async (t) => {
        await sleep(20);
        const heard = new Promise<string>((resolve) => process.once('SIGUSR2', resolve));
        const { spawn } = await import('node:child_process');
        spawn('sh', ['-c', `sleep 0.05; kill -USR2 ${process.pid}`]);
        t.equal(await heard, 'SIGUSR2');
      });

      t.test('after stop there is no turn', async (t) => {
        loop.stop();
        const before = driven.turns;
        writeArpRequest(device);
        device.transmit();
        await sleep(30);
        t.equal(driven.turns, before);
      });
    });
  }
}
