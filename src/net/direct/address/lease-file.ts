/** The last lease on disk, so that a server that comes up again asks for the address it had (RFC 2131 3.2). */
import { rmSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { parseJson } from '../../../errors/parse-json.js';
import { errorText } from '../../../errors/report.js';
import { writeDurableNow } from '../../../native/durable.js';
import { makeFolder } from '../../../native/make-folder.js';
import { textIfReadable } from '../../../native/readable.js';
import type { LeaseMemory } from '../../dhcp/lease.js';
import { formatIpv4, parseIpv4 } from '../../wire/address.js';
import { leaseFolder } from './lease-folder.js';

/**
 * One file for each interface and MAC address. A file that cannot be read or written is reported once; the server
 * serves all the same.
 */
export class LeaseFile implements LeaseMemory {
  private readonly folder: string;
  private readonly file: string;
  /** Where versions before this one kept it. */
  private readonly former: string;
  private readonly notice: (sentence: string) => void;
  private told = false;

  /** `state`: the folder of all state. */
  constructor(state: string, name: string, notice: (sentence: string) => void) {
    this.folder = leaseFolder(state);
    this.file = join(this.folder, `${name}.json`);
    this.former = join(state, `lease-${name}.json`);
    this.notice = notice;
  }

  load(): number | undefined {
    // None, or none that can be read: a first start.
    const text = textIfReadable(this.file) ?? textIfReadable(this.former);
    if (text === undefined) return undefined;
    const saved = Object(parseJson(text)) as { address?: unknown; expires?: unknown };
    if (typeof saved.address !== 'string' || !isIPv4(saved.address)) return undefined;
    if (typeof saved.expires === 'number' && saved.expires <= Date.now()) return undefined;
    return parseIpv4(saved.address);
  }

  save(address: number | undefined, seconds: number): void {
    try {
      if (address === undefined) {
        rmSync(this.file, { force: true });
        return;
      }
      makeFolder(this.folder, 0o700);
      const expires = Number.isFinite(seconds) ? Date.now() + seconds * 1000 : null;
      const text = `${JSON.stringify({ address: formatIpv4(address), expires })}\n`;
      // A power cut leaves the old file or the new one, never half of one.
      writeDurableNow(this.file, text, 0o600);
    } catch (error) {
      if (this.told) return;
      this.told = true;
      this.notice(
        `the lease cannot be remembered in ${this.folder} (${errorText(error)}); choose a folder with --state`,
      );
    }
  }
}
