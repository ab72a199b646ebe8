/** Where our stack answers otherwise than Linux, and why. Whatever differs must be here, as both answer. */
export interface Difference {
  /** What Linux answered when this was written (6.x). */
  readonly linux: string;
  /** As our stack answers: this line of the scenario, exactly. */
  readonly ours: string;
  readonly reason: string;
}

export const differences: Readonly<Record<string, readonly Difference[]>> = {
  'another SYN in SYN-RECEIVED': [
    {
      linux: 'SYN 5000 later: RA seq=0 ack=5001',
      ours: 'SYN 5000 later: SA ack=5001 mss',
      reason:
        'RFC 9293 3.10.7.4: a connection that was opened passively returns to LISTEN, and the SYN opens it anew. A client that was rebooted gets through at once.',
    },
  ],
  'a window smaller than what waits': [
    {
      linux: '1800 bytes: A seq=1 ack=1 data=500; A seq=501 ack=1 data=500',
      ours: '1800 bytes: A seq=1 ack=1 data=1000',
      reason:
        'Linux sends at most half of the largest window that it saw in one segment; RFC 9293 3.8.6.2.1 does not ask for that.',
    },
    {
      linux: 'ACK: A seq=1001 ack=1 data=500; A seq=1501 ack=1 data=300',
      ours: 'ACK: A seq=1001 ack=1 data=800',
      reason: 'The same.',
    },
  ],
  'FIN out of order': [
    {
      linux: 'FIN: A seq=1 ack=1 sack(11-12)',
      ours: 'FIN: A seq=1 ack=1',
      reason: 'RFC 2018 reports data. We remember a FIN that came early, and do not report it.',
    },
  ],
  'data after FIN': [
    {
      linux: '10 bytes: nothing',
      ours: '10 bytes: A seq=1 ack=2',
      reason: 'RFC 9293 3.10.7.4: such data is ignored. The ACK tells a peer that lost its state where we are.',
    },
  ],
  'it ends first': [
    {
      linux: 'FIN in TIME-WAIT: A seq=2 ack=12',
      ours: 'FIN in TIME-WAIT: A seq=2 ack=12 win=0',
      reason: 'A record of TIME-WAIT holds no window, since nothing can come any more; Linux keeps the last one.',
    },
  ],
  'a RST in TIME-WAIT': [
    {
      linux: 'FIN again: R seq=2',
      ours: 'FIN again: A seq=2 ack=2 win=0',
      reason: 'RFC 1337: a RST does not end TIME-WAIT. Linux asks for net.ipv4.tcp_rfc1337=1.',
    },
  ],
  'an old SYN in TIME-WAIT': [
    {
      linux: 'SYN, lower: A seq=2 ack=2',
      ours: 'SYN, lower: A seq=2 ack=2 win=0',
      reason: 'As above: no window in TIME-WAIT.',
    },
  ],
  'data in TIME-WAIT': [
    {
      linux: '10 bytes: A seq=2 ack=2',
      ours: '10 bytes: A seq=2 ack=2 win=0',
      reason: 'As above: no window in TIME-WAIT.',
    },
  ],
  'an echo request in a broadcast frame': [
    {
      linux: 'echo: ICMP 0/0 20 bytes',
      ours: 'echo: nothing',
      reason: 'RFC 1122 3.3.6: a packet to one host in a frame to all is discarded silently.',
    },
  ],
  'a timestamp request': [
    {
      linux: 'ICMP 13: ICMP 14/0',
      ours: 'ICMP 13: nothing',
      reason: 'RFC 1122 3.2.2.8 makes it optional; it tells strangers our clock.',
    },
  ],
  'record route': [
    {
      linux: 'echo: ICMP 0/0 20 bytes with IP options',
      ours: 'echo: ICMP 0/0 20 bytes',
      reason:
        'We send no IP options (RFC 7126 4.5 advises to drop them, and most routers do); RFC 1122 3.2.2.6 says SHOULD.',
    },
  ],
  'somebody else claims its address': [
    {
      linux: 'announcement: nothing',
      ours: 'announcement: ARP announcement',
      reason: 'RFC 5227 2.4 (b): an address is defended. Linux leaves that to programs.',
    },
  ],
};
