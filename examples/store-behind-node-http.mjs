// A site's store behind node:http: redirects, error pages, types and caching as sitekernel's own server has them.
//
//   node store-behind-node-http.mjs DIRECTORY [PORT]
import { createServer } from 'node:http';
import { askStore, openStore } from 'sitekernel/store';

const [site, port = '8080'] = process.argv.slice(2);
if (site === undefined) {
  console.error('which directory? node store-behind-node-http.mjs DIRECTORY [PORT]');
  process.exit(2);
}
const store = await openStore(site);
const server = createServer((request, response) => {
  let path;
  try {
    path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  } catch {
    response.writeHead(400).end();
    return;
  }
  const answer = askStore(store, path);
  response.writeHead(answer.status, answer.fields.flat());
  response.end(request.method === 'HEAD' ? undefined : answer.body);
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/`);
});
process.once('SIGTERM', () => server.close());
