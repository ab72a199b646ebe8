import t from 'tap';
import { nodeNotice } from '../../src/serve/node-line.js';

const on = (day: string): Date => new Date(`${day}T12:00:00Z`);

t.test('a line of Node has fixes on its last day, and none from the day after', (t) => {
  t.equal(nodeNotice('20.20.2', on('2026-04-30')), undefined);
  t.equal(
    nodeNotice('20.20.2', on('2026-05-01')),
    'Node 20.20.2 has had no security fixes since 2026-04-30; install Node 22 or 24',
  );
  t.equal(nodeNotice('24.1.0', on('2028-04-30')), undefined);
  t.match(nodeNotice('24.1.0', on('2028-05-01')), /since 2028-04-30; install Node 26$/);
  t.end();
});

t.test('it names lines for servers that have fixes on that day, and no others', (t) => {
  t.match(nodeNotice('20.20.2', on('2026-11-29')), /install Node 24 or 26$/);
  t.match(nodeNotice('20.20.2', on('2026-10-27')), /install Node 22 or 24$/, '26 is not yet one');
  t.match(nodeNotice('25.0.0', on('2026-11-29')), /since 2026-06-01; install Node 24 or 26$/);
  t.match(nodeNotice('20.20.2', on('2040-01-01')), /install a newer one$/);
  t.end();
});

t.test('a version before the table is past its end, one after it is not known to be', (t) => {
  t.match(nodeNotice('16.20.2', on('2026-11-29')), /^Node 16\.20\.2 has had no security fixes since 2023-09-11/);
  t.equal(nodeNotice('28.0.0', on('2026-11-29')), undefined);
  t.end();
});
