/** Options of direct mode: our own stack on a TAP or a network card. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import { errorText } from '../../errors/report.js';
import { badUsage } from '../../errors/user-error.js';
import type { Faults } from '../../net/device/wrap/faults.js';
import { parseFaults } from '../../net/device/wrap/faults-option.js';
import type { StaticAddress } from '../../net/direct/address/addressing.js';
import { parseIp } from '../../net/ip-text.js';
import type { DirectArguments } from '../../serve/options/direct.js';
import { parseMac } from '../values/mac.js';
import { count, oneOf } from '../values/option-values.js';
import { anycastAddresses, staticAddress } from './ipv4.js';
import { checkAnycast, type Ipv6Flags, ipv6Arguments } from './ipv6.js';

export interface DirectFlags extends Ipv6Flags {
  tap?: string;
  interface?: string;
  bridge?: string;
  /** `false`: `--no-ipv4`. */
  ipv4?: string[] | false;
  ipv4Netmask?: string;
  ipv4Gateway?: string;
  mac?: Uint8Array;
  hostname?: string;
  dns?: string[];
  pcap?: string;
  record?: string;
  recordSize?: number;
  offload: boolean;
  congestion?: 'cubic' | 'bbr' | 'reno';
  faults?: Faults;
  spin?: number;
  state?: string;
}

const DEFAULT_TAP = 'tap0';

export function addDirectOptions(command: Command): Command {
  for (const family of ['ipv4', 'ipv6'] as const) refuseBoth(command, family);
  return command
    .option('--tap <name>', `direct: the TAP device, made unless it exists (default: ${DEFAULT_TAP})`)
    .option('--bridge <name>', 'direct: the bridge to put the TAP on')
    .option('--interface <name>', 'direct: a network card instead of a TAP; the kernel may hold no address on it')
    .option('--ipv4 <address/size>', 'direct: a static address instead of DHCP; may be repeated', several)
    .option('--ipv4-netmask <mask>', 'direct: the size of the network as a netmask')
    .option('--ipv4-gateway <address>', 'direct: the router')
    .option('--no-ipv4', 'direct: IPv6 alone')
    .option(
      '--ipv6 <address/size>',
      'direct: a static IPv6 address instead of those that routers offer; may be repeated',
      several,
    )
    .option('--ipv6-gateway <address>', 'direct: the IPv6 router (default: as routers advertise)')
    .option('--no-ipv6', 'direct: IPv4 alone')
    .option('--anycast <address>', 'direct: an address that is served and never announced; may be repeated', several)
    .option('--mac <address>', 'direct: address on the link (default: derived, always the same)', macAddress)
    .option('--hostname <name>', 'direct: name to tell the DHCP server (default: that of the machine)', hostName)
    .option(
      '--dns <address>',
      'direct: a name server to ask for --acme; may be repeated (default: as DHCP and routers tell)',
      nameServer,
    )
    .option('--pcap <file>', 'direct: write a capture (pcapng when the name ends so, else pcap)')
    .option('--record <file>', 'direct: keep what comes in, for "replay": a bug report as a file')
    .option(
      '--record-size <MiB>',
      'direct: size that the recording may take, the oldest goes first, 4 to 4096 (default: 64)',
      count('--record-size', 4096, 4),
    )
    .option('--no-offload', 'direct: let the kernel neither cut segments nor finish checksums')
    .addOption(
      new Option('--faults <list>', 'direct, for development: a bad link, loss=3%,dup=1%,reorder=5%,...')
        .argParser(faultsOption)
        .hideHelp(),
    )
    .option('--congestion <name>', 'direct: cubic, bbr or reno (default: cubic)', congestion)
    .option(
      '--spin <n>',
      'direct: looks before the loop sleeps, 0 to 1000 (default: 100, on one core 0)',
      count('--spin', 1000),
    )
    .option(
      '--state <dir>',
      'where leases, certificates and DNSSEC keys are kept (default: $XDG_STATE_HOME/sitekernel)',
    );
}

/** The options together. Throws a `UserError`. */
export function directArguments(flags: DirectFlags): DirectArguments {
  if (flags.interface !== undefined && (flags.tap ?? flags.bridge) !== undefined)
    throw badUsage('--interface is instead of a TAP; leave --tap and --bridge out');
  const own = ipv4Of(flags);
  return {
    interface: flags.interface,
    tap: flags.tap ?? DEFAULT_TAP,
    bridge: flags.bridge,
    static: own,
    anycast: anycastOf(flags, own),
    noIpv4: flags.ipv4 === false,
    ipv6: ipv6Arguments(flags),
    mac: flags.mac,
    hostname: flags.hostname,
    nameServers: flags.dns ?? [],
    pcap: flags.pcap,
    record: recordOption(flags),
    // A fault is one of a frame on the wire, and a super-segment never is one.
    offload: flags.offload && flags.faults === undefined,
    faults: flags.faults,
    congestion: flags.congestion ?? 'cubic',
    spin: flags.spin,
  };
}

/** An address of a family, and none of that family: commander would take the one that was said last. */
export function refuseBoth(command: Command, family: 'ipv4' | 'ipv6'): void {
  const said = new Set<string>();
  for (const option of [family, `no-${family}`])
    command.on(`option:${option}`, () => {
      if (said.add(option).size === 2)
        throw badUsage(`--${family} and --no-${family} contradict each other; leave one of them out`);
    });
}

/** The IPv4 address that is given, if there is to be IPv4; undefined: none. Throws a `UserError`. */
export function ipv4Of({
  ipv4,
  ipv4Netmask,
  ipv4Gateway,
  ipv6,
}: Pick<DirectFlags, 'ipv4' | 'ipv4Netmask' | 'ipv4Gateway' | 'ipv6'>): StaticAddress | undefined {
  if (ipv4 !== false) return staticAddress(ipv4 ?? [], ipv4Netmask, ipv4Gateway);
  if (ipv6 === false)
    throw badUsage('--no-ipv4 and --no-ipv6 together leave nothing to serve on; leave one of them out');
  const wrong = ipv4Netmask !== undefined ? '--ipv4-netmask' : ipv4Gateway !== undefined ? '--ipv4-gateway' : undefined;
  if (wrong !== undefined) throw badUsage(`${wrong} needs IPv4; leave --no-ipv4 out, or ${wrong}`);
  return undefined;
}

function anycastOf({ ipv4, anycast = [] }: DirectFlags, own: StaticAddress | undefined): string[] {
  const given = anycast.filter((one) => !one.includes(':'));
  if (ipv4 === false && given.length > 0)
    throw badUsage(`--anycast ${given[0]} needs IPv4; leave --no-ipv4 out, or --anycast`);
  const addresses = anycastAddresses(given);
  const announced = own === undefined ? [] : [own, ...(own.further ?? [])];
  checkAnycast(
    addresses,
    announced.map(({ address }) => address),
    '--ipv4',
  );
  return addresses;
}

/** An option that may be given more than once. */
export function several(text: string, before: string[] | undefined): string[] {
  return [...(Array.isArray(before) ? before : []), text];
}

function recordOption({ record, recordSize }: DirectFlags): DirectArguments['record'] {
  if (record === undefined) {
    if (recordSize !== undefined) throw badUsage('--record-size is for --record FILE; add that, or leave it out');
    return undefined;
  }
  return { file: record, bytes: (recordSize ?? 64) * 2 ** 20 };
}

/**
 * The first option of direct mode that was given; undefined: none. `keeps`: there is state to keep in the other mode,
 * too.
 */
export function directOption(flags: DirectFlags, keeps: boolean): string | undefined {
  const given: [string, boolean][] = [
    ['--tap', flags.tap !== undefined],
    ['--interface', flags.interface !== undefined],
    ['--bridge', flags.bridge !== undefined],
    ['--ipv4', Array.isArray(flags.ipv4)],
    ['--ipv4-netmask', flags.ipv4Netmask !== undefined],
    ['--ipv4-gateway', flags.ipv4Gateway !== undefined],
    ['--no-ipv4', flags.ipv4 === false],
    ['--ipv6', Array.isArray(flags.ipv6)],
    ['--ipv6-gateway', flags.ipv6Gateway !== undefined],
    ['--no-ipv6', flags.ipv6 === false],
    ['--anycast', flags.anycast !== undefined],
    ['--mac', flags.mac !== undefined],
    ['--hostname', flags.hostname !== undefined],
    ['--dns', flags.dns !== undefined],
    ['--pcap', flags.pcap !== undefined],
    ['--record', flags.record !== undefined],
    ['--record-size', flags.recordSize !== undefined],
    ['--no-offload', !flags.offload],
    ['--faults', flags.faults !== undefined],
    ['--congestion', flags.congestion !== undefined],
    ['--spin', flags.spin !== undefined],
    ['--state', flags.state !== undefined && !keeps],
  ];
  return given.find(([, present]) => present)?.[0];
}

const congestion = oneOf('--congestion', ['cubic', 'bbr', 'reno']);

function faultsOption(text: string): Faults {
  try {
    return parseFaults(text);
  } catch (error) {
    throw badUsage(errorText(error));
  }
}

function macAddress(text: string): Uint8Array {
  try {
    return parseMac(text);
  } catch (error) {
    throw new InvalidArgumentError(errorText(error));
  }
}

function nameServer(text: string, before: string[] | undefined): string[] {
  if (parseIp(text.replace(/@\d{1,5}$/, '')) === undefined)
    throw new InvalidArgumentError('A name server is an address such as 192.0.2.53, or 192.0.2.53@5353.');
  return several(text, before);
}

/** RFC 1123 2.1. */
function hostName(text: string): string {
  const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
  if (text.length > 253 || !text.split('.').every((part) => label.test(part))) {
    throw new InvalidArgumentError('A host name consists of letters, digits and inner hyphens.');
  }
  return text;
}
