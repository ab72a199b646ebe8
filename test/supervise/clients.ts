/**
 * Clients that a hand-over must not disturb: one that keeps its connection, new ones all the time, slow downloads. What
 * goes wrong is kept in words.
 */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as secure } from 'node:tls';

export class Clients {
  readonly problems: string[] = [];
  requests = 0;
  connections = 0;
  downloads = 0;
  /** The longest that anybody waited for an answer on a connection that stood, and for more of a download; ms. */
  longest = 0;
  longestInDownload = 0;
  /**
   * Connections whose handshake lost a segment. After that TCP waits a second, or three, for whatever is lost next
   * (RFC 6298 2.1, 5.7), so they are left out of `longest`.
   */
  lostHandshakes = 0;
  private over = false;
  private readonly running: Promise<void>[] = [];

  constructor(
    private readonly host: string,
    private readonly port: number,
    /** Over TLS, with HTTP/1.1. */
    private readonly tls = false,
  ) {}

  /** The event of a connection that can be used. */
  private get ready(): string {
    return this.tls ? 'secureConnect' : 'connect';
  }

  /** Asks again and again on a connection for as long as the server keeps it. */
  keepAlive(path: string, count: number): void {
    for (let i = 0; i < count; i++) this.running.push(this.loop(() => this.visit(path, 1_000_000)));
  }

  /** A connection for each request, one every `pause` ms. */
  fresh(path: string, pause: number): void {
    const one = async () => {
      const open: Promise<void>[] = [];
      while (!this.over) {
        open.push(this.visit(path, 1));
        await new Promise((done) => setTimeout(done, pause));
      }
      await Promise.all(open);
    };
    this.running.push(one());
  }

  /** Downloads that are read at `rate` bytes a second, one after the other. */
  slow(path: string, sha256: string, rate: number, count: number): void {
    for (let i = 0; i < count; i++) this.running.push(this.loop(() => this.download(path, sha256, rate)));
  }

  /** Lets what is under way finish. */
  async stop(): Promise<void> {
    this.over = true;
    await Promise.all(this.running);
  }

  private async loop(once: () => Promise<void>): Promise<void> {
    while (!this.over) await once();
  }

  private open(path: string, close: boolean): Socket {
    const { host, port } = this;
    const socket = this.tls
      ? secure({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : connect(port, host);
    this.connections += 1;
    socket.setNoDelay(true);
    socket.write(requestFor(path, close));
    return socket;
  }

  /** Whether the handshake that began then lost nothing. */
  private shook(began: number): boolean {
    const whole = performance.now() - began < 900;
    if (!whole) this.lostHandshakes += 1;
    return whole;
  }

  private visit(path: string, most: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.open(path, most === 1);
      let head = '';
      let left = -1;
      let last = false;
      let asked = performance.now();
      let count = 0;
      let over = false;
      let counts = true;
      socket.on(this.ready, () => {
        counts = this.shook(asked);
        asked = performance.now();
      });
      const end = (problem?: string) => {
        if (over) return;
        over = true;
        if (problem !== undefined) this.problems.push(`${path}: ${problem}`);
        socket.destroy();
        resolve();
      };
      socket.on('error', (error) => end(error.message));
      socket.on('end', () => end(last && left <= 0 ? undefined : `ended before answer ${count + 1} was whole`));
      socket.on('data', (chunk) => {
        let at = 0;
        if (left < 0) {
          head += chunk.toString('latin1');
          const blank = head.indexOf('\r\n\r\n');
          if (blank < 0) return;
          at = chunk.length - (head.length - blank - 4);
          if (!head.startsWith('HTTP/1.1 200 ')) return end(`answered ${head.slice(0, 30)}`);
          left = Number(/content-length: (\d+)/i.exec(head)![1]);
          last = /^connection: close/im.test(head.slice(0, blank));
        }
        left -= chunk.length - at;
        if (left > 0) return;
        if (counts) this.longest = Math.max(this.longest, performance.now() - asked);
        this.requests += 1;
        count += 1;
        if (last || this.over) return end();
        head = '';
        left = -1;
        setTimeout(() => {
          asked = performance.now();
          socket.write(requestFor(path, count + 1 >= most));
        }, 2);
      });
    });
  }

  private download(path: string, sha256: string, rate: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = this.open(path, true);
      const hash = createHash('sha256');
      let head = '';
      let left = -1;
      let due = performance.now();
      let heard = performance.now();
      let asked = heard;
      let counts = true;
      socket.on(this.ready, () => {
        counts = this.shook(asked);
        asked = performance.now();
      });
      const end = (problem?: string) => {
        if (problem !== undefined) this.problems.push(`download: ${problem}`);
        socket.destroy();
        resolve();
      };
      socket.on('error', (error) => end(error.message));
      socket.on('end', () => {
        if (left !== 0) return end(`${left} bytes are missing`);
        this.downloads += 1;
        end(hash.digest('hex') === sha256 ? undefined : 'other bytes than there should be');
      });
      socket.on('data', (chunk) => {
        const now = performance.now();
        if (left >= 0) this.longestInDownload = Math.max(this.longestInDownload, now - heard);
        else if (counts) this.longest = Math.max(this.longest, now - asked);
        let at = 0;
        if (left < 0) {
          head += chunk.toString('latin1');
          const blank = head.indexOf('\r\n\r\n');
          if (blank < 0) return;
          at = chunk.length - (head.length - blank - 4);
          left = Number(/content-length: (\d+)/i.exec(head)![1]);
        }
        hash.update(chunk.subarray(at));
        left -= chunk.length - at;
        heard = now;
        due = Math.max(due, now - 100) + (chunk.length / rate) * 1000;
        const wait = due - now;
        if (wait < 1) return;
        socket.pause();
        setTimeout(() => {
          heard = performance.now();
          socket.resume();
        }, wait);
      });
    });
  }
}

function requestFor(path: string, close: boolean): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;
}
