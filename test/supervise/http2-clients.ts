/**
 * Clients of HTTP/2 over TLS that a hand-over must not disturb: sessions that ask again and again, some that ask when
 * they are told to, and slow downloads, several on a session. What goes wrong is kept in words.
 */
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';

export class Http2Clients {
  readonly problems: string[] = [];
  requests = 0;
  downloads = 0;
  /** Requests of sessions that were idle. */
  woken = 0;
  longest = 0;
  longestInDownload = 0;
  private over = false;
  private readonly idle: ClientHttp2Session[] = [];
  private readonly running: Promise<void>[] = [];

  constructor(private readonly url: string) {}

  private open(): ClientHttp2Session {
    const session = connect(this.url, { rejectUnauthorized: false });
    const fail = (what: string): void => {
      if (!this.over) this.problems.push(`session: ${what}`);
    };
    session.on('error', (error) => fail(error.message));
    session.on('goaway', (code) => fail(`GOAWAY ${code}`));
    session.on('close', () => fail('closed'));
    return session;
  }

  /** The answer's SHA-256; `rate`: bytes a second, or as fast as they come. */
  private get(session: ClientHttp2Session, path: string, rate = Number.POSITIVE_INFINITY): Promise<string> {
    if (session.destroyed) {
      this.problems.push(`${path}: its session is gone`);
      return Promise.resolve('');
    }
    return new Promise((resolve) => {
      const hash = createHash('sha256');
      // Those of one session share what there is (RFC 9218 4.2).
      const stream = session.request({ ':path': path, priority: 'u=3, i' });
      let heard = performance.now();
      let due = heard;
      stream.on('response', (head) => {
        if (head[':status'] !== 200) this.problems.push(`${path}: ${head[':status']}`);
      });
      stream.on('data', (chunk: Buffer) => {
        const now = performance.now();
        this.longestInDownload = Math.max(this.longestInDownload, now - heard);
        hash.update(chunk);
        heard = now;
        due = Math.max(due, now - 100) + (chunk.length / rate) * 1000;
        if (due - now < 1) return;
        stream.pause();
        setTimeout(() => {
          heard = performance.now();
          stream.resume();
        }, due - now);
      });
      stream.on('error', (error) => {
        this.problems.push(`${path}: ${error.message}`);
        resolve('');
      });
      stream.on('end', () => resolve(hash.digest('hex')));
    });
  }

  /** Sessions that ask again and again, four at a time. */
  keepAlive(path: string, count: number): void {
    const one = async (): Promise<void> => {
      const session = this.open();
      while (!this.over && this.problems.length < 20) {
        const asked = performance.now();
        await Promise.all(Array.from({ length: 4 }, () => this.get(session, path)));
        this.longest = Math.max(this.longest, performance.now() - asked);
        this.requests += 4;
        await new Promise((done) => setTimeout(done, 5));
      }
      session.close();
    };
    for (let i = 0; i < count; i++) this.running.push(one());
  }

  /** Sessions with two slow downloads each, one behind the other. */
  slow(path: string, sha256: string, rate: number, count: number): void {
    const one = async (session: ClientHttp2Session): Promise<void> => {
      while (!this.over && this.problems.length < 20) {
        const digest = await this.get(session, path, rate / 2);
        if (digest === sha256) this.downloads += 1;
        else this.problems.push(`download: ${digest === '' ? 'broken off' : 'other bytes than there should be'}`);
      }
    };
    for (let i = 0; i < count; i++) {
      const session = this.open();
      this.running.push(Promise.all([one(session), one(session)]).then(() => session.close()));
    }
  }

  /** `count` sessions, each of which asks once now and whenever it is told to. */
  async many(path: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.idle.push(this.open());
      if (i % 20 === 19) await Promise.all(this.idle.slice(-20).map((one) => this.get(one, path)));
    }
    await this.wake(path);
  }

  /** Each idle session asks once. */
  async wake(path: string): Promise<void> {
    for (let i = 0; i < this.idle.length; i += 50) {
      const some = this.idle.slice(i, i + 50);
      await Promise.all(some.map((one) => this.get(one, path)));
      this.woken += some.length;
    }
  }

  /** Lets what is under way finish. */
  async stop(): Promise<void> {
    this.over = true;
    await Promise.all(this.running);
    for (const one of this.idle) one.destroy();
  }
}
