/** Firefox without a window, driven by WebDriver BiDi, which it speaks itself. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A client's end of a WebSocket (RFC 6455) that carries text. */
class TextSocket {
  readonly #socket: Socket;
  readonly #heard: (text: string) => void;
  #bytes = Buffer.alloc(0);
  #text = '';

  private constructor(socket: Socket, first: Buffer, heard: (text: string) => void) {
    this.#socket = socket;
    this.#heard = heard;
    socket.on('data', (bytes: Buffer) => this.#read(bytes)).on('error', () => undefined);
    this.#read(first);
  }

  static open(port: number, path: string, heard: (text: string) => void): Promise<TextSocket> {
    const headers = {
      ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
      'sec-websocket-key': randomBytes(16).toString('base64'),
    };
    return new Promise((done, reject) => {
      request({ host: '127.0.0.1', port, path, headers })
        .on('upgrade', (_response, socket: Socket, head) => done(new TextSocket(socket, head, heard)))
        .on('response', ({ statusCode }) => reject(new Error(`no WebSocket: ${statusCode}`)))
        .on('error', reject)
        .end();
    });
  }

  /** RFC 6455 5.2: one frame, masked. */
  send(text: string): void {
    const content = Buffer.from(text);
    const { length } = content;
    const size = length < 126 ? Buffer.of(0x80 | length) : Buffer.of(0x80 | 126, length >> 8, length & 255);
    if (length > 0xffff) throw new RangeError(`${length} bytes in a message`);
    const mask = randomBytes(4);
    for (let i = 0; i < length; i++) content[i]! ^= mask[i % 4]!;
    this.#socket.write(Buffer.concat([Buffer.of(0x81), size, mask, content]));
  }

  #read(more: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, more]);
    for (;;) {
      const bytes = this.#bytes;
      if (bytes.length < 2) return;
      const short = bytes[1]! & 127;
      const start = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < start) return;
      const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < start + length) return;
      this.#bytes = bytes.subarray(start + length);
      // Text, or more of it; pings are for those that wait for long.
      if ((bytes[0]! & 15) <= 1) this.#text += bytes.toString('utf8', start, start + length);
      if ((bytes[0]! & 0x80) === 0) continue;
      const text = this.#text;
      this.#text = '';
      if (text !== '') this.#heard(text);
    }
  }
}

type Answer = Record<string, unknown>;

export class Firefox {
  readonly #waiting = new Map<number, { done: (answer: Answer) => void; failed: (error: Error) => void }>();
  #socket!: TextSocket;
  #context = '';
  #last = 0;

  /** Starts it with a profile of the test's own, for sites whose certificate is not known. */
  static async start(t: Test, program: string): Promise<Firefox> {
    // Not a folder of `t`, which is removed while Firefox still writes to it.
    const folder = mkdtempSync(join(tmpdir(), 'firefox-'));
    const profile = join(folder, 'profile');
    mkdirSync(profile, { recursive: true });
    // It asks nobody but the test.
    const off = [
      'app.update.enabled',
      'network.captive-portal-service.enabled',
      'network.connectivity-service.enabled',
    ];
    writeFileSync(join(profile, 'user.js'), off.map((name) => `user_pref("${name}", false);\n`).join(''));
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'];
    const env = { ...process.env, HOME: folder, MOZ_HEADLESS: '1' };
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
    const over = new Promise((done) => child.on('close', done));
    t.teardown(async () => {
      // Its own processes, too.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await over;
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    });
    const port = await new Promise<number>((done, reject) => {
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, found] = /BiDi listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
        if (found !== undefined) done(Number(found));
      });
      child.on('close', () => reject(new Error(`Firefox ended: ${said}`)));
    });
    const firefox = new Firefox();
    firefox.#socket = await TextSocket.open(port, '/session', (text) => firefox.#heard(text));
    await firefox.ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
    const { contexts } = (await firefox.ask('browsingContext.getTree', {})) as { contexts: { context: string }[] };
    firefox.#context = contexts[0]!.context;
    return firefox;
  }

  #heard(text: string): void {
    const { id, type, result, error, message } = JSON.parse(text) as Answer;
    const waiting = this.#waiting.get(id as number);
    this.#waiting.delete(id as number);
    if (type === 'success') waiting?.done(result as Answer);
    else waiting?.failed(new Error(`${error}: ${message}`));
  }

  ask(method: string, params: Answer): Promise<Answer> {
    const id = ++this.#last;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Opens a page, until all of it is there. */
  async open(url: string): Promise<void> {
    await this.ask('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  /** What an expression of the page is, or its promise comes to: anything that JSON can say. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.ask('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${expression})))()`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    const { type, result } = answer as { type: string; result?: { value: string } };
    if (type !== 'success' || result === undefined) throw new Error(`${expression}: ${JSON.stringify(answer)}`);
    return JSON.parse(result.value) as T;
  }
}
