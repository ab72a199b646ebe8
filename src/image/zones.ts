/** Zones of the name server in an image: `zones/<name>.zone`, each as `zone build` writes it. */
import { isNewer } from '../dns/zone/zone.js';
import type { Manifest } from './manifest.js';

/** Folder of zones, in an image and in a commit's image. */
export const ZONES = 'zones';

/** A zone that is to be put into an image. */
export interface BuiltImageZone {
  readonly name: string;
  readonly serial: number;
  readonly bytes: Uint8Array;
}

/** What is known of the zones of the last image, by their names. */
export type LastZones = Readonly<Record<string, { readonly serial: number; readonly sha256: string }>>;

/** `zones/example.org.zone`: a name may hold any byte, a path of an image may not. */
export function zonePath(name: string): string {
  const plain = name.replace(/\.$/, '').replace(/[^A-Za-z0-9.-]/g, (char) => `_${char.charCodeAt(0).toString(16)}`);
  return `${ZONES}/${plain.startsWith('.') || plain === '' ? `_${plain}` : plain}.zone`;
}

/** The zones of an image as they are kept, beside those of images before. */
export function withZonesOf({ zones = [] }: Pick<Manifest, 'zones'>, before: LastZones = {}): LastZones {
  return { ...before, ...Object.fromEntries(zones.map(({ name, serial, sha256 }) => [name, { serial, sha256 }])) };
}

/**
 * Why these zones must not follow `before`: secondaries and resolvers take a zone only when its serial has grown (RFC
 * 1982). Undefined: they may.
 */
export function zonesFault({ zones = [] }: Pick<Manifest, 'zones'>, before: LastZones): string | undefined {
  for (const { name, serial, sha256 } of zones) {
    const last = before[name];
    if (last === undefined || last.sha256 === sha256 || isNewer(serial, last.serial)) continue;
    const how =
      serial === last.serial ? `the serial ${serial} of the one before` : `serial ${serial}, before ${last.serial}`;
    return `its zone ${name} has changed and has ${how}; raise the serial, so that secondaries take it`;
  }
  return undefined;
}
