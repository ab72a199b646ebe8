import t from 'tap';
import { eventLoopDescriptor } from '../../../src/native/poll.js';
import type { Driven } from '../../../src/net/loop/loop.js';
import { PollingLoop } from '../../../src/net/loop/polling-loop.js';

const libuv = eventLoopDescriptor();
/** Longer than any test waits: only what the loop does by itself ends it. */
const NEVER = 30_000;

/**
 * A device that has a frame in its sixth turn, after those that libuv is owed at first, and none after, and what is
 * done about it.
 */
function loopOf(handle: () => void): PollingLoop {
  let turns = 0;
  const driven: Driven = {
    turn() {
      turns += 1;
      if (turns !== 6) return 0;
      handle();
      return 1;
    },
    arrived() {},
    get deadline() {
      return performance.now() + NEVER;
    },
  };
  // The descriptor of the device: libuv's own serves, which is silent while nothing is due there.
  return new PollingLoop(libuv!, libuv!, driven, 3);
}

const skip = libuv === undefined ? 'this build of Node does not tell its descriptor' : false;

t.test('what a turn leaves to a promise is done before the loop sleeps', { skip, timeout: NEVER / 2 }, async (t) => {
  let loop: PollingLoop | undefined;
  await new Promise<void>((resolve) => {
    loop = loopOf(async () => {
      await undefined;
      await undefined;
      resolve();
    });
    loop.start();
  });
  loop!.stop();
  t.pass('it was done');
});

t.test(
  'so is what it leaves to an immediate, and what that leaves to another',
  { skip, timeout: NEVER / 2 },
  async (t) => {
    let loop: PollingLoop | undefined;
    await new Promise<void>((resolve) => {
      const nested = (depth: number): void => {
        if (depth === 0) resolve();
        else setImmediate(() => nested(depth - 1));
      };
      loop = loopOf(() => nested(8));
      loop.start();
    });
    loop!.stop();
    t.pass('it was done');
  },
);

t.test('a timer of Node’s is not held up by the sleep', { skip, timeout: NEVER / 2 }, async (t) => {
  let loop: PollingLoop | undefined;
  await new Promise<void>((resolve) => {
    loop = loopOf(() => void setTimeout(resolve, 5));
    loop.start();
  });
  loop!.stop();
  t.pass('it came');
});

t.test('a turn is told that the loop spins when the one before found nothing, and only then', { skip }, async (t) => {
  const told: (boolean | undefined)[] = [];
  const frames = [0, 0, 0, 0, 0, 2, 1, 0, 0, 0];
  let loop: PollingLoop | undefined;
  await new Promise<void>((resolve) => {
    const driven: Driven = {
      turn(spinning) {
        told.push(spinning);
        if (told.length > frames.length) resolve();
        return frames[told.length - 1] ?? 0;
      },
      arrived() {},
      get deadline() {
        return performance.now() + 1;
      },
    };
    loop = new PollingLoop(libuv!, libuv!, driven, 8);
    loop.start();
  });
  loop!.stop();
  // Four turns that libuv is owed, then those of the loop: one that finds nothing, two with frames, and the looks
  // before it sleeps.
  t.strictSame(told.slice(0, 9), [undefined, undefined, undefined, undefined, false, true, false, false, true]);
});
