/**
 * `node own-name-load.js ADDRESS NAME ROOTS`: fetches the page of NAME over a new TLS connection each time until its
 * input ends. Prints `ready`, and then as JSON how many there were, what failed, and how many certificates it saw.
 */
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import type { TLSSocket } from 'node:tls';

const [address = '', name = '', roots = ''] = process.argv.slice(2);
const ca = readFileSync(roots);
const failures: string[] = [];
const seen = new Set<string>();
let requests = 0;
let over = false;

function fetchPage(): Promise<void> {
  return new Promise((resolve) => {
    requests += 1;
    const asked = get({ host: address, servername: name, headers: { host: name }, ca, agent: false }, (response) => {
      seen.add((response.socket as TLSSocket).getPeerCertificate().fingerprint256);
      if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
      response.resume().on('end', resolve);
    });
    asked.on('error', (error) => {
      failures.push(error.message);
      resolve();
    });
  });
}

process.stdin.on('end', () => {
  over = true;
});
process.stdin.resume();
console.log('ready');
while (!over) await fetchPage();
console.log(JSON.stringify({ requests, failures, certificates: seen.size }));
process.exit(0);
