/**
 * Downloads URL slowly, a little each tenth of a second, until stdin says `go`; then the rest at once. Says `begun`
 * with the first byte, and at the end `whole SHA256` (of the body) or `broken REASON`. `npm test` starts it; it is no
 * test by itself.
 */
import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { createInterface } from 'node:readline';

const LITTLE = 2048;

const hash = createHash('sha256');
const end = (said: string): void => {
  console.log(said);
  process.exit(0);
};
get(process.argv[2]!, { agent: false, headers: { 'accept-encoding': 'identity' } }, (answer) => {
  let left = Number(answer.headers['content-length']);
  console.log(`begun ${answer.statusCode}`);
  const take = (piece: Buffer): void => {
    left -= piece.length;
    hash.update(piece);
  };
  const timer = setInterval(() => {
    const piece = answer.read(LITTLE) as Buffer | null;
    if (piece !== null) take(piece);
  }, 100);
  createInterface({ input: process.stdin }).on('line', () => {
    clearInterval(timer);
    console.log(`${left} bytes are left`);
    answer.on('data', take);
  });
  answer.on('end', () => end(left === 0 ? `whole ${hash.digest('hex')}` : `broken ${left} bytes are missing`));
  answer.on('error', (error) => end(`broken ${error.message}`));
}).on('error', (error) => end(`broken ${error.message}`));
