/**
 * `node names-main.js HOST PORT NAME`: asks for the SOA record of NAME, one query behind the other, each from a port
 * of its own and every fourth over TCP, until its input ends. Prints `ready`, and then as JSON how many queries there
 * were, what went wrong, and the serials that it saw.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { query } from '../dns/message.js';

const [host = '', port = '', name = ''] = process.argv.slice(2);
/** Milliseconds: a lost query is asked again by resolvers; here it is a problem. */
const PATIENCE = 5_000;
const problems: string[] = [];
const serials = new Set<number>();
let queries = 0;
let over = false;

function overUdp(bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => done(new Error('no answer over UDP')), PATIENCE);
    const done = (result: Buffer | Error): void => {
      clearTimeout(timer);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    // Connected: an ICMP error is told.
    socket.on('error', done).on('message', done);
    socket.connect(Number(port), host, () => socket.send(bytes));
  });
}

function overTcp(bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host);
    const held: Buffer[] = [];
    const timer = setTimeout(() => socket.destroy(new Error('no answer over TCP')), PATIENCE);
    socket.on('data', (part) => {
      held.push(part);
      const all = Buffer.concat(held);
      if (all.length < 2 || all.length < 2 + all.readUInt16BE(0)) return;
      clearTimeout(timer);
      socket.end();
      resolve(all.subarray(2));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error('closed without an answer over TCP'));
    });
    socket.end(Uint8Array.of(bytes.length >> 8, bytes.length & 255, ...bytes));
  });
}

async function ask(): Promise<void> {
  queries += 1;
  const id = queries & 0xffff;
  const bytes = query(name, 'SOA', { id });
  try {
    const answer = await (queries % 4 === 0 ? overTcp(bytes) : overUdp(bytes));
    const code = answer.readUInt16BE(2) & 15;
    if (answer.readUInt16BE(0) !== id || code !== 0 || answer.readUInt16BE(6) !== 1) problems.push(`rcode ${code}`);
    // The last of its five numbers is MINIMUM.
    else serials.add(answer.readUInt32BE(answer.length - 20));
  } catch (error) {
    problems.push((error as Error).message);
  }
}

process.stdin.on('end', () => {
  over = true;
});
process.stdin.resume();
console.log('ready');
while (!over) {
  await ask();
  // Some hundred a second.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
console.log(JSON.stringify({ queries, problems, serials: [...serials] }));
process.exit(0);
