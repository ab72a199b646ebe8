/**
 * A machine's port of the bridge, as words for `ip`. `serves`: it is learned where the machine's address is, and it
 * gets what is for it. One that has given its traffic away has the same address as its successor and only sends from
 * then on.
 */
export function portOf(tap: string, serves: boolean): string[] {
  const how = serves ? 'on' : 'off';
  const flags = ['learning', 'flood', 'mcast_flood', 'bcast_flood'].flatMap((flag) => [flag, how]);
  return ['link', 'set', 'dev', tap, 'type', 'bridge_slave', ...flags];
}

/** Sends as before, but the bridge learns no more from it where the machine's address is. */
export function unlearned(tap: string): string[] {
  return ['link', 'set', 'dev', tap, 'type', 'bridge_slave', 'learning', 'off'];
}
