/** TIME-WAIT (RFC 9293 3.6.1): what is needed to answer a late FIN, and to know a new SYN from an old one; not a connection. */
import type { Ipv4, Route } from '../ip-output.js';

/** Twice the maximum segment lifetime, as Linux has it: 60 s. */
export const TIME_WAIT = 60_000;

export class TimeWait {
  /** When it is looked at; not before `expires` was, when it was set. */
  due: number;
  gone = false;

  constructor(
    readonly route: Route,
    readonly localAddress: Ipv4,
    readonly remoteAddress: Ipv4,
    readonly ports: number,
    readonly sndNxt: number,
    readonly rcvNxt: number,
    readonly timestamps: boolean,
    public tsRecent: number,
    readonly tsOffset: number,
    public expires: number,
  ) {
    this.due = expires;
  }
}
