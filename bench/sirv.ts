/** `node:http` with sirv, as its documentation has it: `node build/bench/sirv.js FOLDER PORT`. */
import { createServer } from 'node:http';
import sirv from 'sirv';

const [, , folder = '.', port = '8085'] = process.argv;
const files = sirv(folder, { etag: true, brotli: true, gzip: true });
const server = createServer((request, response) => {
  files(request, response, () => {
    response.statusCode = 404;
    response.end();
  });
});
server.keepAliveTimeout = 600_000;
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 });
