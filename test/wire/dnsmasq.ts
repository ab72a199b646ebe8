/** dnsmasq as the DHCP server of a lab, with what it leased. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab, Program } from './lab.js';

export interface Lease {
  readonly expires: number;
  readonly mac: string;
  readonly address: string;
  readonly hostname: string;
}

export interface DhcpSettings {
  /** First and last address to lease. */
  readonly from: string;
  readonly to: string;
  readonly netmask: string;
  /** `2m` is the least that dnsmasq takes. */
  readonly lease: string;
  /** As in `--dhcp-option=`: `58,5` makes T1 five seconds. */
  readonly options?: readonly string[];
}

export class Dnsmasq {
  private readonly file: string;

  private constructor(
    readonly program: Program,
    folder: string,
  ) {
    this.file = join(folder, 'leases');
  }

  static async start(lab: Lab, settings: DhcpSettings): Promise<Dnsmasq> {
    const program = lab.host.start('dnsmasq', [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--port=0',
      '--user=root',
      '--log-facility=-',
      '--log-dhcp',
      '--no-ping',
      '--dhcp-authoritative',
      '--interface=br0',
      '--bind-interfaces',
      `--dhcp-leasefile=${join(lab.folder, 'leases')}`,
      `--pid-file=${join(lab.folder, 'dnsmasq.pid')}`,
      `--dhcp-range=${settings.from},${settings.to},${settings.netmask},${settings.lease}`,
      ...(settings.options ?? []).map((option) => `--dhcp-option=${option}`),
    ]);
    await program.says(/DHCP, sockets bound|DHCP, IP range/);
    return new Dnsmasq(program, lab.folder);
  }

  /**
   * The lease of that address, which expires later than that (seconds since 1970). dnsmasq writes its file anew at each
   * change: it is read again until it is whole.
   */
  async lease(address: string, expiresAfter = 0): Promise<Lease | undefined> {
    for (let tries = 0; tries < 40; tries++) {
      const found = this.leases().find((one) => one.address === address && one.expires > expiresAfter);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return undefined;
  }

  private leases(): Lease[] {
    return readFileSync(this.file, 'utf8')
      .split('\n')
      .filter((line) => /^\d+ [0-9a-f:]{17} /.test(line))
      .map((line) => {
        const [expires, mac, address, hostname] = line.split(' ') as [string, string, string, string];
        return { expires: Number(expires), mac, address, hostname };
      });
  }

  /** How often it acknowledged a request. */
  get acknowledged(): number {
    return this.program.stderr.split('DHCPACK(').length - 1;
  }
}
