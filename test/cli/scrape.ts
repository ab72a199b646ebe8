import { get } from 'node:http';

/** The metrics, over the UNIX socket of the admin listener. */
export function scrape(socketPath: string): Promise<string> {
  return new Promise((done, reject) => {
    const asked = get({ socketPath, path: '/metrics' }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => done(text));
    });
    asked.on('error', reject);
  });
}
