/** A list of addresses and networks, as options have it: `127.0.0.1,10.0.0.0/8`. */
import { BlockList, isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';

/** Whether an address is in the list `text`. Throws errors that commander reports. */
export function addressList(text: string): (address: string) => boolean {
  const list = new BlockList();
  for (const item of text.split(',')) {
    const [address = '', size, more] = item.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const bits = size === undefined ? most : /^\d{1,3}$/.test(size) ? Number(size) : -1;
    if (family === 0 || more !== undefined || bits < 0 || bits > most) {
      throw new InvalidArgumentError(`"${item}" is neither an address nor a network like 10.0.0.0/8.`);
    }
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
