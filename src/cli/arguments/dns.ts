/** Options of the name server. */
import { type Command, InvalidArgumentError } from 'commander';
import { badUsage } from '../../errors/user-error.js';
import { parseSecondary } from '../../serve/names/dns-keys.js';
import type { DnsArguments } from '../../serve/options/dns.js';
import { count, portNumber } from '../values/option-values.js';

export interface DnsFlags {
  zone?: readonly string[];
  dnsPort?: number;
  dnsRate?: number;
  dnsId?: string;
  dnsKeys?: string;
  dnssec?: true;
  dnsCookies?: string;
  dnsSecondary?: readonly string[];
}

const DNS_PORT = 53;

export function addDnsOptions(command: Command): Command {
  return command
    .option('--zone <file>', 'answer for the zone in this file as a name server; may be given several times', zoneFile)
    .option('--dns-port <n>', `port of the name server, UDP and TCP (default: ${DNS_PORT})`, portNumber)
    .option(
      '--dns-rate <n>',
      'answers a second to one network over UDP, 0 for no bound (default: 200)',
      count('--dns-rate', 1_000_000),
    )
    .option('--dns-keys <file>', 'TSIG keys of secondaries, which may fetch whole zones: lines hmac-sha256:NAME:BASE64')
    .option(
      '--dns-secondary <address>',
      'a secondary to notify: ADDRESS, ADDRESS@PORT, with #KEY behind to sign; may be given several times',
      secondary,
    )
    .option(
      '--dnssec',
      'sign the zones, with keys that are kept in --state; "zone keys" prints what the registrar wants',
    )
    .option(
      '--dns-cookies <file>',
      'secrets of cookies that the servers of one address share, 32 hexadecimal digits a line',
    )
    .option('--dns-id <text>', 'what the name server calls itself to those who ask for id.server or NSID', identity);
}

export function dnsArguments(flags: DnsFlags): DnsArguments {
  const {
    zone: zones = [],
    dnsPort,
    dnsRate: rate,
    dnsId,
    dnsKeys: keys,
    dnsCookies: cookies,
    dnssec = false,
    dnsSecondary: secondaries = [],
  } = flags;
  const given: [string, unknown][] = [
    ['--dns-port', dnsPort],
    ['--dns-rate', rate],
    ['--dns-id', dnsId],
    ['--dnssec', dnssec || undefined],
    ['--dns-keys', keys],
    ['--dns-cookies', cookies],
    ['--dns-secondary', secondaries[0]],
  ];
  const alone = zones.length === 0 ? given.find(([, value]) => value !== undefined)?.[0] : undefined;
  if (alone !== undefined) throw badUsage(`${alone} is for a name server; add --zone FILE, or leave ${alone} out`);
  return { zones, port: dnsPort ?? DNS_PORT, rate, identity: dnsId, keys, cookies, dnssec, secondaries };
}

function zoneFile(text: string, before: readonly string[] = []): readonly string[] {
  if (before.includes(text)) throw new InvalidArgumentError(`${text} is there already.`);
  return [...before, text];
}

function secondary(text: string, before: readonly string[] = []): readonly string[] {
  if (parseSecondary(text) === undefined)
    throw new InvalidArgumentError(
      'A secondary is an address, such as 192.0.2.5, 192.0.2.5@5353 or 192.0.2.5#key-name.',
    );
  return [...before, text];
}

function identity(text: string): string {
  if (!/^[\x20-\x7e]{1,255}$/.test(text))
    throw new InvalidArgumentError('An identity is 1 to 255 characters of ASCII.');
  return text;
}
