/** What is known of a connection of the kernel's: its congestion control tells nothing here. */
import type { FlowInfo } from '../../flow.js';

export function kernelInfo(state: string): FlowInfo {
  return {
    srtt: undefined,
    rttvar: undefined,
    cwnd: undefined,
    ssthresh: undefined,
    bytesInFlight: undefined,
    retransmissions: undefined,
    state,
  };
}
