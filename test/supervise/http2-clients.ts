/**
 * Clients of HTTP/2 over TLS that a hand-over must not disturb: sessions that ask again and again, some that ask when
 * they are told to, and slow downloads, several on a session. What goes wrong is kept in words.
 */
import { createHash } from 'node:crypto';
import { type ClientHttp2Session, connect } from 'node:http2';

/** A handshake of as long lost a segment, ms. */
const LOST_SYN = 900;

export class Http2Clients {
  readonly problems: string[] = [];
  requests = 0;
  downloads = 0;
  /** Requests of sessions that were idle. */
  woken = 0;
  /** The longest that anybody waited for an answer on a session that stood, and for more of a download; ms. */
  longest = 0;
  longestInDownload = 0;
  /** Left out of `longest`. */
  private readonly lostHandshakes = new Set<ClientHttp2Session>();
  private over = false;
  private readonly idle: ClientHttp2Session[] = [];
  private readonly running: Promise<void>[] = [];

  constructor(private readonly url: string) {}

  /**
   * A session that stands. What its handshake waited for is the network's: after a lost SYN TCP waits for a second, and
   * then for three where anything else is lost (RFC 6298 2.1, 5.7).
   */
  private async open(): Promise<ClientHttp2Session> {
    const session = connect(this.url, { rejectUnauthorized: false });
    const began = performance.now();
    session.once('connect', () => {
      if (performance.now() - began >= LOST_SYN) this.lostHandshakes.add(session);
    });
    const fail = (what: string): void => {
      if (!this.over) this.problems.push(`session: ${what}`);
    };
    session.on('error', (error) => fail(error.message));
    session.on('goaway', (code) => fail(`GOAWAY ${code}`));
    session.on('close', () => fail('closed'));
    await new Promise<void>((done) => {
      session.once('connect', () => done());
      session.once('close', () => done());
    });
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
      const asked = performance.now();
      let heard = asked;
      let due = heard;
      stream.on('response', (head) => {
        heard = performance.now();
        if (!this.lostHandshakes.has(session)) this.longest = Math.max(this.longest, heard - asked);
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
      const session = await this.open();
      while (!this.over && this.problems.length < 20) {
        await Promise.all(Array.from({ length: 4 }, () => this.get(session, path)));
        this.requests += 4;
        await new Promise((done) => setTimeout(done, 5));
      }
      session.close();
    };
    for (let i = 0; i < count; i++) this.running.push(one());
  }

  /** Sessions with two slow downloads each, one behind the other. */
  slow(path: string, sha256: string, rate: number, count: number): void {
    const download = async (session: ClientHttp2Session): Promise<void> => {
      while (!this.over && this.problems.length < 20) {
        const digest = await this.get(session, path, rate / 2);
        if (digest === sha256) this.downloads += 1;
        else this.problems.push(`download: ${digest === '' ? 'broken off' : 'other bytes than there should be'}`);
      }
    };
    const one = async (): Promise<void> => {
      const session = await this.open();
      await Promise.all([download(session), download(session)]);
      session.close();
    };
    for (let i = 0; i < count; i++) this.running.push(one());
  }

  /** `count` sessions, each of which asks once now and whenever it is told to. */
  async many(path: string, count: number): Promise<void> {
    for (let i = 0; i < count; i += 20) {
      const opened = await Promise.all(Array.from({ length: Math.min(20, count - i) }, () => this.open()));
      this.idle.push(...opened);
      await Promise.all(opened.map((one) => this.get(one, path)));
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
