/** ICMPv6 (RFC 4443): numbers of messages, codes and parameter problems. */

export const DESTINATION_UNREACHABLE = 1;
export const PACKET_TOO_BIG = 2;
export const TIME_EXCEEDED_6 = 3;
export const PARAMETER_PROBLEM_6 = 4;
export const ECHO_REQUEST_6 = 128;
export const ECHO_REPLY_6 = 129;
/** The first type that is no error message (RFC 4443 2.1). */
export const FIRST_INFORMATIONAL = 128;

export const PORT_UNREACHABLE_CODE = 4;
/** Code of Time Exceeded (RFC 4443 3.3). */
export const REASSEMBLY_TIME_CODE = 1;
/** Codes of Parameter Problem (RFC 4443 3.4, RFC 7112 5). */
export const ERRONEOUS_FIELD = 0;
export const UNRECOGNIZED_NEXT_HEADER = 1;
export const UNRECOGNIZED_OPTION = 2;
export const INCOMPLETE_CHAIN = 3;

/** Neighbour discovery (RFC 4861 4) and multicast listener discovery (RFC 2710, RFC 3810). */
export const MLD_QUERY = 130;
export const MLDV1_REPORT = 131;
export const MLDV1_DONE = 132;
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
export const REDIRECT = 137;
export const MLDV2_REPORT = 143;
