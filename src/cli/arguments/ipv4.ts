/** `--ipv4`, `--ipv4-netmask`, `--ipv4-gateway`, checked together. */

import { badUsage } from '../../errors/user-error.js';
import type { StaticAddress } from '../../net/direct/address/addressing.js';

/** Returns undefined when none was given: DHCP. The first is the one that the gateway is for. Throws a `UserError`. */
export function staticAddress(
  given: readonly string[],
  netmask: string | undefined,
  gateway: string | undefined,
): StaticAddress | undefined {
  const [ipv4, ...others] = given;
  if (ipv4 === undefined) {
    if (netmask !== undefined) throw badUsage('--ipv4-netmask needs --ipv4 with the address that it belongs to');
    if (gateway !== undefined)
      throw badUsage('--ipv4-gateway needs --ipv4; without it, DHCP says which gateway to use');
    return undefined;
  }
  if (netmask !== undefined && others.length > 0)
    throw badUsage(
      '--ipv4-netmask is for one address; write the size behind each of several, as in --ipv4 192.0.2.7/24',
    );
  const first = addressWithSize(ipv4, netmask);
  const further = others.map((one) => addressWithSize(one, undefined));
  const all = [first, ...further].map(({ address }) => address);
  const twice = all.find((one, i) => all.indexOf(one) !== i);
  if (twice !== undefined) throw badUsage(`--ipv4 ${twice} was given twice`);
  if (gateway !== undefined) checkGateway(gateway, first);
  return { ...first, gateway, ...(further.length > 0 && { further }) };
}

function addressWithSize(text: string, netmask: string | undefined): { address: string; prefix: number } {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const number = quad(address, '--ipv4');
  const prefix = prefixOf(slash < 0 ? undefined : text.slice(slash + 1), netmask, address);
  checkHost(number, prefix, `--ipv4 ${address}`);
  return { address, prefix };
}

/** IPv4 addresses out of `--anycast`, text forms. */
export function anycastAddresses(given: readonly string[]): string[] {
  return given.map((text) => {
    const slash = text.indexOf('/');
    const address = slash < 0 ? text : text.slice(0, slash);
    if (slash >= 0 && text.slice(slash) !== '/32')
      throw badUsage(
        `--anycast ${text}: one address is served, nothing of a network; leave the size out, or write /32`,
      );
    if (!address.includes('.'))
      throw badUsage(`--anycast: "${address}" is no address; write one as in 192.0.2.7 or 2001:db8::80`);
    checkHost(quad(address, '--anycast'), 32, `--anycast ${address}`);
    return address;
  });
}

/** Answers an unsigned number. Leading zeros are refused: some programs read them as octal. */
function quad(text: string, option: string): number {
  const parts = text.split('.');
  const good = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  if (!good) {
    throw badUsage(`${option}: "${text}" is not an IPv4 address; write four numbers of 0 to 255, as in 192.0.2.7`);
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function prefixOf(text: string | undefined, netmask: string | undefined, address: string): number {
  const fromMask = netmask === undefined ? undefined : prefixOfMask(netmask);
  if (text === undefined) {
    if (fromMask !== undefined) return fromMask;
    throw badUsage(
      `--ipv4 ${address} needs the size of its network: write --ipv4 ${address}/24, or give --ipv4-netmask`,
    );
  }
  if (!/^\d{1,2}$/.test(text) || Number(text) < 1 || Number(text) > 32) {
    throw badUsage(`--ipv4: "/${text}" is not the size of a network; write a number of 1 to 32 after the slash`);
  }
  const prefix = Number(text);
  if (fromMask !== undefined && fromMask !== prefix) {
    throw badUsage(`--ipv4 says /${prefix} and --ipv4-netmask ${netmask} means /${fromMask}; leave one of them out`);
  }
  return prefix;
}

function prefixOfMask(netmask: string): number {
  const mask = quad(netmask, '--ipv4-netmask');
  // The zeros must form one run at the end: their complement is one less than a power of two.
  const zeros = 0xffffffff - mask;
  const prefix = 32 - Math.log2(zeros + 1);
  if (!Number.isInteger(prefix) || prefix < 1) {
    throw badUsage(
      `--ipv4-netmask ${netmask} is not a netmask: its one bits must be together at the front, as in 255.255.255.0`,
    );
  }
  return prefix;
}

function checkHost(address: number, prefix: number, what: string): void {
  const first = Math.floor(address / 0x1000000);
  if (first === 0) throw badUsage(`${what} is not an address that a host can have: 0.x.x.x means "this network"`);
  if (first === 127) throw badUsage(`${what} is a loopback address; choose one of the network that the TAP is on`);
  if (first >= 224 && first < 240) throw badUsage(`${what} is a multicast address; choose one of a host`);
  if (address === 0xffffffff) throw badUsage(`${what} means every host of a network; choose one of a host`);
  if (prefix > 30) return; // RFC 3021: a /31 has neither network nor broadcast address.
  const size = 2 ** (32 - prefix);
  const host = address % size;
  if (host === 0) throw badUsage(`${what} is the address of the network /${prefix} itself; choose one of a host in it`);
  if (host === size - 1)
    throw badUsage(`${what} is the broadcast address of its /${prefix} network; choose one of a host`);
}

function checkGateway(gateway: string, own: { readonly address: string; readonly prefix: number }): void {
  const number = quad(gateway, '--ipv4-gateway');
  if (gateway === own.address)
    throw badUsage(`--ipv4-gateway ${gateway} is our own address; give the address of the router`);
  const size = 2 ** (32 - own.prefix);
  const inside = Math.floor(number / size) === Math.floor(quad(own.address, '--ipv4') / size);
  // One outside is on the link all the same: hosts of clouds, and anycast addresses, have it so.
  checkHost(number, inside ? own.prefix : 32, `--ipv4-gateway ${gateway}`);
}
