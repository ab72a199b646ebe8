/** `--ipv6`, `--ipv6-gateway`, `--anycast`, `--no-ipv4`, `--no-ipv6`, checked together. */

import { badUsage } from '../../errors/user-error.js';
import {
  formatIpv6,
  type Ipv6Bytes,
  isLinkLocal,
  isLoopback,
  isMapped,
  isMulticast6,
  isUnspecified,
  parseIpv6,
} from '../../net/wire/ipv6.js';
import type { Ipv6Arguments } from '../../serve/options/ipv6.js';

export interface Ipv6Flags {
  /** `false`: `--no-ipv6`. */
  ipv6?: string[] | false;
  ipv6Gateway?: string;
  anycast?: string[];
}

/** What IPv6 is to be had; undefined: none. Throws a `UserError`. */
export function ipv6Arguments(flags: Ipv6Flags): Ipv6Arguments | undefined {
  const { ipv6 = [], ipv6Gateway: gateway, anycast = [] } = flags;
  const anycast6 = anycast.filter((one) => one.includes(':'));
  if (ipv6 === false) {
    if (gateway !== undefined) throw badUsage('--ipv6-gateway needs IPv6; leave --no-ipv6 out, or --ipv6-gateway');
    if (anycast6.length > 0) throw badUsage(`--anycast ${anycast6[0]} needs IPv6; leave --no-ipv6 out, or --anycast`);
    return undefined;
  }
  const addresses = ipv6.map((one) => addressWithSize(one));
  const texts = addresses.map(({ address }) => address);
  const twice = texts.find((one, i) => texts.indexOf(one) !== i);
  if (twice !== undefined) throw badUsage(`--ipv6 ${twice} was given twice`);
  if (gateway !== undefined && addresses.length === 0)
    throw badUsage('--ipv6-gateway needs --ipv6; without it, the routers of the network say who they are');
  const router = gateway === undefined ? undefined : gatewayOf(gateway, texts);
  const unannounced = anycast6.map(anycastAddress);
  checkAnycast(unannounced, texts, '--ipv6');
  return { addresses, anycast: unannounced, gateway: router };
}

/** An address is announced or not: one of `anycast` is none of `own`, which `option` gave, and stands there once. */
export function checkAnycast(anycast: readonly string[], own: readonly string[], option: string): void {
  const both = anycast.find((one) => own.includes(one));
  if (both !== undefined)
    throw badUsage(
      `${both} was given with ${option} and with --anycast; leave one of them out: is it announced or not?`,
    );
  const twice = anycast.find((one, i) => anycast.indexOf(one) !== i);
  if (twice !== undefined) throw badUsage(`--anycast ${twice} was given twice`);
}

function addressWithSize(text: string): { address: string; prefix: number } {
  const slash = text.indexOf('/');
  const bytes = hostAddress(slash < 0 ? text : text.slice(0, slash), '--ipv6');
  const address = formatIpv6(bytes);
  if (slash < 0) throw badUsage(`--ipv6 ${text} needs the size of its network: write --ipv6 ${address}/64`);
  const size = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(size) || Number(size) < 1 || Number(size) > 128) {
    throw badUsage(`--ipv6: "/${size}" is not the size of a network; write a number of 1 to 128 after the slash`);
  }
  if (isLinkLocal(bytes))
    throw badUsage(
      `--ipv6 ${address} is an address of the link, which is made without being asked for; give one of a network`,
    );
  return { address, prefix: Number(size) };
}

function hostAddress(text: string, option: string): Ipv6Bytes {
  if (text.includes('%'))
    throw badUsage(`${option} ${text}: a zone means nothing here, there is one link; leave "%..." out`);
  const bytes = parseIpv6(text);
  if (bytes === undefined) throw badUsage(`${option}: "${text}" is not an IPv6 address; write one as in 2001:db8::80`);
  const what = `${option} ${formatIpv6(bytes)}`;
  if (isUnspecified(bytes)) throw badUsage(`${what} is no address of a host: it stands for none`);
  if (isLoopback(bytes))
    throw badUsage(`${what} is the loopback address; choose one of the network that the TAP is on`);
  if (isMulticast6(bytes)) throw badUsage(`${what} is a multicast address; choose one of a host`);
  if (isMapped(bytes)) throw badUsage(`${what} is an IPv4 address; give it with --ipv4`);
  return bytes;
}

function gatewayOf(text: string, own: readonly string[]): string {
  const address = formatIpv6(hostAddress(text, '--ipv6-gateway'));
  if (own.includes(address))
    throw badUsage(`--ipv6-gateway ${address} is our own address; give the address of the router`);
  return address;
}

function anycastAddress(text: string): string {
  const slash = text.indexOf('/');
  if (slash >= 0 && text.slice(slash) !== '/128')
    throw badUsage(`--anycast ${text}: one address is served, nothing of a network; leave the size out, or write /128`);
  return formatIpv6(hostAddress(slash < 0 ? text : text.slice(0, slash), '--anycast'));
}
