/** What a name server counts, for metrics. */
export class DnsStats {
  queriesUdp = 0;
  queriesTcp = 0;
  answers = 0;
  truncated = 0;
  nxDomain = 0;
  refused = 0;
  malformed = 0;
  /** Messages that get no answer: answers, and what is shorter than a header. */
  silent = 0;
  /** Beyond the rate of their network: answered with TC, and dropped. */
  slipped = 0;
  rateDropped = 0;
  goodCookies = 0;
  bytesIn = 0;
  bytesOut = 0;
  tcpAccepted = 0;
  tcpShed = 0;
  transfers = 0;
  transfersRefused = 0;
  notifies = 0;
}
