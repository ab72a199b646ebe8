/** Proofs by TXT records (RFC 8555 8.4, draft-ietf-acme-dns-persist) in the zones of this server. */
import type { RecordSetter } from '../../acme/authority/dns-01.js';
import { AcmeError } from '../../acme/protocol/problem.js';
import { UserError } from '../../errors/user-error.js';

/** The holder of the zones: the name server of this process, or that of another one. */
export interface ZoneHolder {
  /** `name`: in text, with a dot at the end. */
  holds(name: string): boolean;
  /** As `NameServer.present`. */
  present(name: string, texts: readonly string[]): Promise<() => Promise<void>>;
}

export function proofsIn(zones: ZoneHolder): RecordSetter {
  /** By name and value: the function that removes the record. */
  const shown = new Map<string, () => Promise<void>>();
  return {
    owns: (name) => zones.holds(`${name}.`),
    add: async (name, value) => {
      try {
        shown.set(`${name} ${value}`, await zones.present(`${name}.`, [value]));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new AcmeError('not-ready', error.message);
      }
    },
    remove: async (name, value) => {
      const take = shown.get(`${name} ${value}`);
      shown.delete(`${name} ${value}`);
      await take?.();
    },
  };
}
