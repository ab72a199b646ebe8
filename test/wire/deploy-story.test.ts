import t from 'tap';
import { play } from '../deploy/story.js';
import { skipWithout } from './needs.js';

t.test(
  'a post that is pushed is built by CI, committed, pulled by cron and seen by a client; what nobody signed is not',
  { skip: skipWithout('git', 'jekyll', 'cron', 'curl', 'ssh-keygen') },
  async (t) => {
    const story = await play(t, ({ at, text }) => t.comment(`${at.toFixed(1)} s ${text}`));
    const log = await story.deploy('log');
    const steps = log.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { step: string }).step);
    for (const step of ['fetched', 'verified', 'staged', 'trying', 'good', 'held', 'released', 'refused'])
      t.ok(steps.includes(step), step);
    t.equal(steps.filter((step) => step === 'good').length, 5, 'three posts, back, and forth');
    t.notOk(steps.includes('bad'));
  },
);
