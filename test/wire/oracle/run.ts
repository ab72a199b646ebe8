/** Runs every scenario against one host. Those with a connection of their own run side by side. */
import { datagramScenarios } from './datagram-scenarios.js';
import { Datagrams, Peer } from './peer.js';
import type { OracleSubject } from './subject.js';
import { tcpScenarios } from './tcp-scenarios.js';

export type Answers = Record<string, string[]>;

const FIRST_PORT = 20_000;

/** `fresh` answers a host for each scenario (ours), or always the same (Linux). */
export async function runAll(fresh: () => OracleSubject): Promise<Answers> {
  const answers: Answers = {};
  const names = Object.keys(tcpScenarios);
  await Promise.all(
    names.map(async (name, i) => {
      const peer = new Peer(fresh(), FIRST_PORT + i);
      await (tcpScenarios[name] as (p: Peer) => Promise<void>)(peer);
      peer.close();
      answers[name] = peer.lines;
    }),
  );
  for (const [name, scenario] of Object.entries(datagramScenarios)) {
    const datagrams = new Datagrams(fresh());
    await scenario(datagrams);
    datagrams.close();
    answers[name] = datagrams.lines;
  }
  // In the order in which they are listed, whichever was done first.
  const order = [...names, ...Object.keys(datagramScenarios)];
  return Object.fromEntries(order.map((name) => [name, answers[name] as string[]]));
}
