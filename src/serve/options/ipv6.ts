/** Addresses of IPv6. */
/** Text forms of RFC 5952, all of them valid. */
export interface Ipv6Arguments {
  /** Given by hand; none: the network offers them. */
  readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
  readonly anycast: readonly string[];
  readonly gateway: string | undefined;
}
