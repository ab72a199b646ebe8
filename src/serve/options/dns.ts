/** Options of the name server. */
export interface DnsArguments {
  /** Zone files; none: no name server. */
  readonly zones: readonly string[];
  readonly port: number;
  /** Answers a second to one network; undefined: the default. */
  readonly rate: number | undefined;
  readonly identity: string | undefined;
  /** File of TSIG keys; undefined: whole zones are refused. */
  readonly keys: string | undefined;
  /** File of secrets of cookies; undefined: one is drawn at each start. */
  readonly cookies: string | undefined;
  /** Sign the zones. */
  readonly dnssec: boolean;
  /** `ADDRESS[@PORT][#KEY]`. */
  readonly secondaries: readonly string[];
}

/** Whether a name server has sockets of its own; in direct mode it shares the stack. */
export function hasNameSockets({
  net,
  dns,
}: {
  readonly net: 'socket' | 'direct';
  readonly dns: DnsArguments;
}): boolean {
  return net === 'socket' && dns.zones.length > 0;
}
