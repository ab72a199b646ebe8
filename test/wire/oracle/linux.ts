/** The kernel of this machine as the one that is asked, over a TAP. Runs in a network namespace of its own. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TapDevice } from '../../../src/net/device/linux/tap.js';
import { HEADROOM } from '../../../src/net/device/tx-frame.js';
import { ip } from '../../sim/packets.js';
import { OPEN, type OracleSubject } from './subject.js';

const PEER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

function run(words: string): string {
  const [command, ...args] = words.split(' ') as [string, ...string[]];
  return execFileSync(command, args, { encoding: 'utf8' });
}

export class Linux implements OracleSubject {
  readonly address = ip('10.0.0.1');
  readonly mac: Uint8Array;
  private readonly device: TapDevice;
  private readonly server: Server;
  private readonly sockets = new Map<number, Socket>();
  private readonly heard = new Set<(frame: Uint8Array) => void>();
  private readonly timer: NodeJS.Timeout;

  constructor(name: string) {
    this.device = new TapDevice({ name, offload: false, mac: PEER_MAC });
    run(`ip link set ${name} addrgenmode none`);
    run(`ip -6 addr flush dev ${name}`);
    // Many scenarios run side by side: no answer may be withheld because another one was given.
    for (const setting of ['icmp_ratelimit', 'tcp_invalid_ratelimit', 'icmp_msgs_per_sec']) {
      writeFileSync(`/proc/sys/net/ipv4/${setting}`, setting === 'icmp_msgs_per_sec' ? '100000' : '0');
    }
    run(`ip addr add 10.0.0.1/24 dev ${name}`);
    run(`ip link set ${name} up`);
    const link = run(`ip link show ${name}`);
    const text = /link\/ether ([0-9a-f:]+)/.exec(link)![1] as string;
    this.mac = Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {});
      this.sockets.set(socket.remotePort ?? 0, socket);
    });
    this.timer = setInterval(() => this.read(), 1);
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(OPEN, '10.0.0.1', 511, resolve));
  }

  private read(): void {
    this.device.receive((bytes, start, end) => {
      const frame = bytes.slice(start, end);
      for (const one of this.heard) one(frame);
    }, 256);
  }

  send(frame: Uint8Array): void {
    const { tx } = this.device;
    tx.reset();
    tx.head.set(frame, HEADROOM);
    tx.length = frame.length;
    this.device.transmit();
  }

  async wait(ms: number): Promise<void> {
    await sleep(ms);
    this.read();
  }

  listen(heard: (frame: Uint8Array) => void): () => void {
    this.heard.add(heard);
    return () => void this.heard.delete(heard);
  }

  async accepted(port: number): Promise<void> {
    for (let i = 0; i < 200 && !this.sockets.has(port); i++) await this.wait(5);
  }

  write(port: number, bytes: number): void {
    this.sockets.get(port)?.write(new Uint8Array(bytes));
  }

  end(port: number): void {
    this.sockets.get(port)?.end();
  }

  reset(port: number): void {
    this.sockets.get(port)?.resetAndDestroy();
  }

  close(): void {
    clearInterval(this.timer);
    for (const socket of this.sockets.values()) socket.destroy();
    this.server.close();
    this.device.close();
  }
}
