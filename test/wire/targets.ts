/** A lab with one client and the server in it, for each of the three targets. */
import type { Test } from 'tap';
import { Dnsmasq } from './dnsmasq.js';
import { Lab, type Namespace } from './lab.js';
import { type Server, serve, TARGETS, type Target } from './server.js';

export interface Bed {
  readonly lab: Lab;
  readonly server: Server;
  /** Where a client runs that reaches the server. */
  readonly client: Namespace;
  /** In the DHCP target. */
  readonly dnsmasq: Dnsmasq | undefined;
}

/** 10.77.0.0/24 with dnsmasq; 46.43.42.128/25 as the README prints it; loopback. */
export async function targetBed(
  t: Test,
  target: Target,
  more: readonly string[] = [],
  dhcpOptions: readonly string[] = [],
): Promise<Bed> {
  const direct = target !== 'socket';
  const lab = new Lab(t, target === 'static' ? '46.43.42.129/25' : '10.77.0.1/24');
  const dnsmasq =
    target === 'dhcp'
      ? await Dnsmasq.start(lab, {
          from: '10.77.0.50',
          to: '10.77.0.99',
          netmask: '255.255.255.0',
          lease: '2m',
          options: dhcpOptions,
        })
      : undefined;
  const client = direct ? lab.client(target === 'static' ? '46.43.42.140/25' : '10.77.0.2/24') : lab.host;
  const server = await serve(lab.host, [...TARGETS[target], ...more]);
  return { lab, server, client, dnsmasq };
}
