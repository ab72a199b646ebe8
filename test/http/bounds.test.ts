/** Bounds of HTTP/1.1 connections, as docs/bounds.md says them. */
import t from 'tap';
import { bound } from '../documented.js';
import type { MemoryFlow } from './memory-flow.js';
import { request, Setup } from './setup.js';

const BOUNDS = 'docs/bounds.md';

t.test('a network that delivers on after it was told to wait is heard for a while, and then reset', async (t) => {
  const most = bound(BOUNDS, 'bytes that still come from a client of HTTP/1.1 that was told to wait');
  const flow = new Setup().connect();
  flow.reading = false;
  for (let i = 0; i < 1000 && !flow.paused; i++) flow.send(request('GET', '/movie.mp4'));
  t.ok(flow.paused, 'it is told to wait');
  const block = new Uint8Array(65_536).fill(0x78);
  let sent = 0;
  while (flow.closed === undefined && sent < 20 * most) {
    flow.paused = false;
    flow.send(block);
    sent += block.length;
  }
  t.equal(flow.closed, 'reset-by-us');
  t.ok(Math.abs(sent - most) <= 2 * block.length, `${sent} bytes`);
});

t.test('who gives way is looked for among as many as docs/bounds.md says, of each list', async (t) => {
  const looks = bound(BOUNDS, "connections looked at for one that gives way, on the kernel's sockets");
  // The oldest have sent half a request: they do not give way, and the one behind them would.
  const giving = (busy: number): [boolean, MemoryFlow] => {
    const setup = new Setup();
    for (let i = 0; i < busy; i++) setup.connect().send('GET');
    const idle = setup.connect();
    return [setup.server.giveWay(), idle];
  };
  const [last, given] = giving(looks - 1);
  t.ok(last && given.closed === 'reset-by-us', 'the last that is looked at');
  const [none, kept] = giving(looks);
  t.notOk(none || kept.closed !== undefined, 'one more is not');
});
