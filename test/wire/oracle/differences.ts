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
  'a RST in TIME-WAIT': [
    {
      linux: 'FIN again: R seq=2',
      ours: 'FIN again: A seq=2 ack=2',
      reason: 'RFC 1337 4 (F1): a RST does not end TIME-WAIT. Linux asks for net.ipv4.tcp_rfc1337=1.',
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
      linux: 'echo: ICMP 0/0 20 bytes with IP options 7,7,8,10,0,0,1,0',
      ours: 'echo: ICMP 0/0 20 bytes',
      reason:
        'RFC 1122 3.2.1.8 (c): to process it is optional. We send no IP options (RFC 7126 4.5 advises to drop them, and most routers do).',
    },
  ],
  'record route without room': [
    {
      linux: 'echo: ICMP 0/0 20 bytes with IP options 7,7,8,10,0,0,9,0',
      ours: 'echo: ICMP 0/0 20 bytes',
      reason: 'As above: no IP options in answers.',
    },
  ],
  'record route with a pointer that is wrong': [
    {
      linux: 'echo: ICMP 12/0',
      ours: 'echo: ICMP 0/0 20 bytes',
      reason: 'As above: what is in the option is not looked at.',
    },
  ],
  'an internet timestamp option': [
    {
      linux: 'echo: ICMP 0/0 20 bytes with IP options 68,8,9,0, and the time',
      ours: 'echo: ICMP 0/0 20 bytes',
      reason: 'RFC 1122 3.2.1.8 (e): optional; as above.',
    },
  ],
  'somebody else claims its address': [
    {
      linux: 'announcement: nothing',
      ours: 'announcement: ARP announcement',
      reason: 'RFC 5227 2.4 (b): an address is defended. Linux leaves that to programs.',
    },
  ],
  'a window of one byte': [
    {
      linux: '10 bytes: nothing',
      ours: '10 bytes: A seq=1 ack=1 data=1',
      reason:
        'RFC 9293 3.8.6.2.1 (3): what fills half of the largest window that was seen is sent. Linux waits for the timer.',
    },
    {
      linux: 'ACK of one: A seq=1 ack=1',
      ours: 'ACK of one: A seq=2 ack=1 data=1',
      reason: 'The same; the ACK is of what Linux has not sent.',
    },
  ],
  'a bare ACK whose timestamp is old': [
    {
      linux: 'ACK: nothing',
      ours: 'ACK: A seq=1 ack=1 ts',
      reason:
        'RFC 7323 5.3 R1: such a segment is not acceptable, and is answered with an ACK. Linux takes one that may have been overtaken for good.',
    },
  ],
  'RST at the edge of what was SACKed': [
    {
      linux: 'RST at 21: nothing',
      ours: 'RST at 21: A seq=1 ack=1 sack(11-21)',
      reason:
        'RFC 5961 3.2: a RST that is not exactly RCV.NXT MUST be challenged. The challenge says what is next, and a peer that means it answers with a RST that fits; Linux saves that round trip, and gives a stranger a second number that resets.',
    },
    {
      linux: 'data afterwards: R seq=1',
      ours: 'data afterwards: A seq=1 ack=21',
      reason: 'The same: the connection goes on.',
    },
  ],
  'RST one before, after FIN': [
    {
      linux: 'ACK afterwards: R seq=1',
      ours: 'ACK afterwards: nothing',
      reason:
        'RFC 9293 3.10.7.4: a RST outside of the window is dropped silently. Linux takes it, since some systems count a FIN out; what we send next draws a RST from these that fits.',
    },
  ],
  'ECE in an ACK of each segment, where ECN was agreed on': [
    {
      linux: 'drawn: 29200 bytes',
      ours: 'drawn: 14600 bytes at most',
      reason:
        'RFC 3168 6.1.2: the window is reduced once for this round trip. Linux 6.18 lets it grow, as if no ECE had come.',
    },
  ],
  'fragmentation needed, to 1000': [
    {
      linux: 'fragmentation needed, 1000: A seq=1 ack=1 data=960; A seq=961 ack=1 data=960; A seq=1921 ack=1 data=80',
      ours: 'fragmentation needed, 1000: A seq=1 ack=1 data=960; A seq=961 ack=1 data=500',
      reason:
        'What was too big goes again at once, in pieces; what followed it was small enough, and is in flight. Linux sends all of it again.',
    },
  ],
  'fragmentation needed, to 576': [
    {
      linux:
        'fragmentation needed, 576: A seq=1 ack=1 data=536; A seq=537 ack=1 data=536; A seq=1073 ack=1 data=536; A seq=1609 ack=1 data=392',
      ours: 'fragmentation needed, 576: A seq=1 ack=1 data=536; A seq=537 ack=1 data=536; A seq=1073 ack=1 data=388; A seq=1461 ack=1 data=536; A seq=1997 ack=1 data=4',
      reason: 'The same bytes, cut where the segments were that they were sent in first.',
    },
  ],
  'port unreachable in SYN-RECEIVED': [
    {
      linux: 'ACK with data: A seq=1 ack=11',
      ours: 'ACK with data: R seq=1',
      reason:
        'RFC 1122 4.2.3.9: a hard error SHOULD abort the connection; it quotes the very number of our SYN-ACK. Once established, it is not believed (RFC 5927 5.2), here and there.',
    },
  ],
  'a packet to one host in a multicast frame': [
    {
      linux: 'echo: ICMP 0/0 20 bytes',
      ours: 'echo: nothing',
      reason: 'RFC 1122 3.3.6, as for a broadcast frame.',
    },
  ],
  'ARP from a sender that is nobody': [
    {
      linux: '10.0.0.255: ARP reply',
      ours: '10.0.0.255: nothing',
      reason:
        'RFC 1122 3.2.1.3 (e): nobody has a broadcast address, and nothing is to be sent to one in a frame to a single host.',
    },
  ],
  'a fragment that is not a multiple of eight': [
    {
      linux: '30 bytes, more to come: ICMP 0/0 56 bytes',
      ours: '30 bytes, more to come: nothing',
      reason: 'RFC 791 3.2: all but the last are multiples of eight bytes. Linux cuts it off at 24.',
    },
  ],
  'protocols that hosts have': [
    {
      linux: '2: nothing',
      ours: '2: ICMP 3/2',
      reason: 'RFC 1122 3.2.2.1: protocol unreachable where there is none; Linux has IGMP.',
    },
  ],
};
