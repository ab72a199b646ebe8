import t from 'tap';
import { skipWithout } from './needs.js';
import { targetBed } from './targets.js';

t.test(
  'ping gets every answer, at any size that IP carries [1122 3.2.2.6]',
  { skip: skipWithout('ping') },
  async (t) => {
    const { server, client } = await targetBed(t, 'static');
    for (const size of ['0', '56', '1472', '1473', '8000', '65507']) {
      const result = await client.run('ping', ['-q', '-c', '3', '-i', '0.2', '-W', '2', '-s', size, server.address]);
      t.match(result.stdout, /3 packets transmitted, 3 received, 0% packet loss/, `${size} bytes`);
    }
  },
);

t.test('the neighbours table of the host has the MAC that was asked for', { skip: skipWithout('ping') }, async (t) => {
  const { server, client } = await targetBed(t, 'static', ['--mac', '02:12:34:56:78:9a']);
  await client.run('ping', ['-q', '-c', '1', '-W', '2', server.address]);
  const result = await client.run('ip', ['neigh', 'show', server.address]);
  t.match(result.stdout, /lladdr 02:12:34:56:78:9a/);
});
