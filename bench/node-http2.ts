/** `node build/bench/node-http2.js FOLDER PORT CERTIFICATE KEY`: the files of a folder by node:http2, out of memory. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { join } from 'node:path';

const [folder = '.', port = '8444', certificate = '', key = ''] = process.argv.slice(2);
const files = new Map<string, Buffer>();
for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  const file = join(folder, name);
  if (!statSync(file).isFile()) continue;
  files.set(`/${name}`, readFileSync(file));
  if (name.endsWith('index.html'))
    files.set(`/${name.slice(0, -'index.html'.length)}`, files.get(`/${name}`) as Buffer);
}
const options = { cert: readFileSync(certificate), key: readFileSync(key), allowHTTP1: true };
createSecureServer(options, (request, response) => {
  const body = files.get(request.url);
  response.writeHead(body === undefined ? 404 : 200, { 'content-length': body?.length ?? 0 });
  response.end(body ?? '');
}).listen(Number(port), '127.0.0.1', 4096);
