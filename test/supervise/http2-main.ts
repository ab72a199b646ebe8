/**
 * One HTTP/2 connection over TLS, of Node's client, as a program: downloads to a part, prints `a part is here`, and
 * goes on when its standard input ends; before that each line asks for the home page, whose text it prints.
 *
 *   node http2-main.js HOST DOWNLOADS PART
 */
import { createHash } from 'node:crypto';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { createInterface } from 'node:readline';

const [host, downloads, part] = process.argv.slice(2) as [string, string, string];
const session = connect(`https://${host}`, { rejectUnauthorized: false });
/** Node's own authority has no brackets around an IPv6 address, and is none (RFC 3986 3.2.2). */
const request = (path: string): ClientHttp2Stream => session.request({ ':path': path, ':authority': host });
const fail = (error: unknown): void => {
  process.stdout.write(`failed: ${error}\n`);
  process.exit(1);
};
session.on('error', fail);
session.on('goaway', (code) => fail(`GOAWAY ${code}`));
session.on('close', () => fail('the connection is over'));

/** Pauses after `part` bytes until `goOn`. */
const goOn: (() => void)[] = [];
let there = 0;
const hashes = Array.from({ length: Number(downloads) }, () => {
  const hash = createHash('sha256');
  const stream = request('/large.bin');
  let bytes = 0;
  let paused = false;
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    if (paused || bytes < Number(part)) return;
    paused = true;
    stream.pause();
    goOn.push(() => stream.resume());
    if (++there === Number(downloads)) process.stdout.write('a part is here\n');
  });
  stream.on('error', fail);
  return new Promise<string>((resolve) => {
    stream.on('end', () => resolve(hash.digest('hex')));
  });
});

const lines = createInterface({ input: process.stdin });
lines.on('line', () => {
  const stream = request('/');
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  stream.on('error', fail);
  stream.on('end', () => process.stdout.write(`page ${text}\n`));
});
lines.on('close', async () => {
  for (const one of goOn) one();
  process.stdout.write(`${(await Promise.all(hashes)).join(' ')}\n`);
  process.exit(0);
});
