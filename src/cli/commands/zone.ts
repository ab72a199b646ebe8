/** `zone check FILE`, `zone build FILE -o OUT`, `zone keys FILE`. */

import { dnskeyData, dsData, dsText } from '../../dns/dnssec/key.js';
import { nameText } from '../../dns/wire/name.js';
import { serialOfRecords, writeBuilt } from '../../dns/zone/built.js';
import { hasErrors, usesSelf, zoneOf, zoneSummary } from '../../dns/zone/load.js';
import { problemText } from '../../dns/zone/problem.js';
import { isNewer } from '../../dns/zone/zone.js';
import { UserError } from '../../errors/user-error.js';
import { stateFolder } from '../../native/home.js';
import { leadsToStandardOutput, writeOutput } from '../../native/output-file.js';
import { NodeCrypto } from '../../serve/names/node-crypto.js';
import { readGoodZone, readZone } from '../../serve/names/zone-files.js';
import { ZoneState } from '../../serve/names/zone-keys.js';
import type { ZoneOptions } from '../arguments/zone.js';

const warn = (message: string): void => void process.stderr.write(`sitekernel: ${message}\n`);

export async function runZone(options: ZoneOptions): Promise<void> {
  if (options.action === 'check') return check(options.file);
  if (options.action === 'build') return build(options);
  return keys(options);
}

function check(file: string): void {
  const { loaded } = readZone(file);
  const { problems } = loaded;
  for (const one of problems) process.stdout.write(`${problemText(file, one)}\n`);
  if (hasErrors(problems)) {
    const errors = problems.filter(({ severity }) => severity === 'error').length;
    throw new UserError(`${file} has ${errors} error${errors === 1 ? '' : 's'}; they are listed on standard output`);
  }
  const self = usesSelf(loaded) ? ', and what @SELF stands for' : '';
  process.stdout.write(`${file}: ${zoneSummary(zoneOf(loaded, new Map()))}${self}\n`);
}

async function build({ file, output, serial, after }: ZoneOptions): Promise<void> {
  const { loaded } = readGoodZone(file, warn);
  const apex = loaded.apex!;
  const digest = (bytes: Uint8Array): Uint8Array => new NodeCrypto().digest(bytes);
  const bytes = writeBuilt(apex, loaded.records, digest, serial);
  if (after !== undefined) {
    const before = readGoodZone(after, () => undefined);
    const [old, next] = [serialOfRecords(before.loaded.records)!, serial ?? serialOfRecords(loaded.records)!];
    const same = Buffer.compare(before.bytes, bytes) === 0;
    // RFC 1982: secondaries would keep the old version.
    if (!same && !isNewer(next, old))
      throw new UserError(`serial ${next} is not newer than ${old} of ${after}; raise it in ${file}, or with --serial`);
  }
  const said = (await leadsToStandardOutput(output!)) ? process.stderr : process.stdout;
  await writeOutput(output!, bytes, 0o644);
  said.write(`${output}: ${zoneSummary(zoneOf(loaded, new Map(), serial))}\n`);
}

function keys({ file, state = stateFolder() }: ZoneOptions): void {
  const { loaded } = readGoodZone(file, warn);
  const apex = loaded.apex!;
  const kept = new ZoneState(state, apex);
  const dnskey = dnskeyData(kept.signer());
  const key = `257 3 13 ${Buffer.from(dnskey.subarray(4)).toString('base64')}`;
  const name = nameText(apex);
  process.stdout.write(`; the key is in ${kept.keyFile}: keep a copy where nobody else can read it\n`);
  process.stdout.write(`; for the zone above, or the form of the registrar\n`);
  process.stdout.write(`${name} DS ${dsText(dsData(apex, dnskey, new NodeCrypto()))}\n`);
  process.stdout.write(`; where a form wants the key itself\n${name} DNSKEY ${key}\n`);
}
