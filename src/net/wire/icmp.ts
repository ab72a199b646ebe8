/** Numbers of ICMP (RFC 792, RFC 1122 3.2.2): types, and the codes of those that the stack sends or understands. */
export const PROTOCOL_ICMP = 1;
export const ECHO_REPLY = 0;
export const ECHO_REQUEST = 8;
export const UNREACHABLE = 3;
export const PROTOCOL_UNREACHABLE = 2;
export const PORT_UNREACHABLE = 3;
export const FRAGMENTATION_NEEDED = 4;
export const TIME_EXCEEDED = 11;
export const REASSEMBLY_TIME = 1;
export const PARAMETER_PROBLEM = 12;
