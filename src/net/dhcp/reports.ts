/** What the operator is told of a DHCP client: its steps, and its troubles, once for each message that it sent. */
import type { Ipv4 } from '../ip/contracts/ip-output.js';
import { formatIpv4 } from '../wire/address.js';
import type { DhcpOptions } from './options.js';

export class Reports {
  /** A reply to our last message was refused, and the operator knows why. */
  private refused = false;

  constructor(private readonly options: Pick<DhcpOptions, 'onEvent' | 'onTrouble'>) {}

  /** A step, in words for a log. */
  say(sentence: string): void {
    this.options.onEvent?.(sentence);
  }

  /** Something that the operator should know of. */
  complain(sentence: string): void {
    (this.options.onTrouble ?? this.options.onEvent)?.(sentence);
  }

  /** A message of ours left: the next refusal is news. */
  sent(): void {
    this.refused = false;
  }

  /** A reply from `source` is not used: reported once for each message of ours. */
  refuse(reason: string, source: Ipv4): void {
    if (this.refused) return;
    this.refused = true;
    this.complain(`a reply of ${formatIpv4(source)} is not used: ${reason}`);
  }
}
