/** Arguments of the library, checked: a mistake of the caller is an error that names the argument. */
import { type Ipv4, parseIpv4 } from '../wire/address.js';

/** A port. Throws a `RangeError` unless it is a whole number of `least`..65535. */
export function checkedPort(port: number, name = 'port', least = 1): number {
  if (typeof port !== 'number')
    throw new TypeError(`${name}: a number of ${least} to 65535 is expected, not ${typeof port}`);
  if (!Number.isInteger(port) || port < least || port > 65_535)
    throw new RangeError(`${name}: ${port} is not a whole number of ${least} to 65535`);
  return port;
}

/** An address. Throws a `TypeError` unless it is a dotted quad. */
export function checkedAddress(text: string, name = 'address'): Ipv4 {
  const address = typeof text === 'string' ? parseIpv4(text) : undefined;
  if (address === undefined)
    throw new TypeError(`${name}: ${JSON.stringify(text)} is not an IPv4 address like 10.0.0.7`);
  return address;
}

/** The size of a prefix. Throws a `RangeError` unless it is a whole number of 0..32. */
export function checkedPrefix(prefix: number, name = 'prefix'): number {
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > 32)
    throw new RangeError(`${name}: ${prefix} is not a whole number of 0 to 32`);
  return prefix;
}
