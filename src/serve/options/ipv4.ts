/** A static address. */
/** Text forms, all of them valid. */
export interface StaticAddress {
  readonly address: string;
  /** Leading one bits of the netmask, 1 to 32. */
  readonly prefix: number;
  readonly gateway: string | undefined;
  /** Addresses beside it; none: undefined. */
  readonly further?: readonly { readonly address: string; readonly prefix: number }[];
}
