/** Runs every scenario against one host. Those with a connection of their own run side by side. */
import { attackScenarios } from './attack-scenarios.js';
import { datagramScenarios } from './datagram-scenarios.js';
import { errorScenarios } from './error-scenarios.js';
import { linkScenarios } from './link-scenarios.js';
import { optionScenarios } from './option-scenarios.js';
import { Datagrams, Peer } from './peer.js';
import { stateScenarios } from './state-scenarios.js';
import type { OracleSubject } from './subject.js';
import { tcpScenarios } from './tcp-scenarios.js';

const connections: Readonly<Record<string, (p: Peer) => Promise<void>>> = {
  ...tcpScenarios,
  ...optionScenarios,
  ...stateScenarios,
  ...errorScenarios,
};
const datagrams = { ...datagramScenarios, ...linkScenarios };

export const scenarioNames: readonly string[] = [connections, attackScenarios, datagrams].flatMap((one) =>
  Object.keys(one),
);

export type Answers = Record<string, string[]>;

const FIRST_PORT = 20_000;
/** More of them, and one that is busy answers late. */
const SIDE_BY_SIDE = 60;

/** `fresh` answers a host for each scenario (ours), or always the same (Linux). */
export async function runAll(fresh: () => OracleSubject): Promise<Answers> {
  const answers: Answers = {};
  const names = Object.keys(connections);
  for (let first = 0; first < names.length; first += SIDE_BY_SIDE) {
    const some = names.slice(first, first + SIDE_BY_SIDE);
    await Promise.all(
      some.map(async (name, i) => {
        const peer = new Peer(fresh(), FIRST_PORT + first + i);
        await (connections[name] as (p: Peer) => Promise<void>)(peer);
        peer.close();
        answers[name] = peer.lines;
      }),
    );
  }
  // One by one: a thousand frames at once would make the others late.
  for (const [i, [name, scenario]] of Object.entries(attackScenarios).entries()) {
    const peer = new Peer(fresh(), FIRST_PORT + names.length + i);
    await scenario(peer);
    peer.close();
    answers[name] = peer.lines;
  }
  for (const [name, scenario] of Object.entries(datagrams)) {
    const asker = new Datagrams(fresh());
    await scenario(asker);
    asker.close();
    answers[name] = asker.lines;
  }
  // In the order in which they are listed, whichever was done first.
  return Object.fromEntries(scenarioNames.map((name) => [name, answers[name] as string[]]));
}
