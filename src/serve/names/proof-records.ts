/** Records that prove to a certificate authority that a name is ours, and what stands at their place before them. */
import { TYPE } from '../../dns/wire/constants.js';
import { isWithin, lowerName, nameKey, parseName } from '../../dns/wire/name.js';
import { textData } from '../../dns/wire/text.js';
import { cutOf, type Data, type Zone } from '../../dns/zone/zone.js';

/** Seconds that a record may be cached: the next order has another proof. */
const TTL = 1;

/** No authority's name, and no proof. */
const PLACEHOLDER = 'placeholder';

/** `name`: in text, with a dot at the end. */
export function proofRecord(name: string, text: string): Data {
  const data = textData(new TextEncoder().encode(text));
  return { owner: parseName(name, undefined), type: TYPE.TXT, ttl: TTL, data };
}

/**
 * For a signed zone. Its NSEC records say between which names there is nothing, and a resolver that has one for
 * whatever reason answers by it for as long as it holds (RFC 8198), mostly longer than an authority tries. So each of
 * `names` is there before it is asked for. Names that have records, and those that the zone does not answer for, are
 * left alone.
 */
export function placeholders({ apex, nodes }: Zone, names: readonly string[] = []): Data[] {
  const missing = names.filter((name) => {
    const lower = lowerName(parseName(name, undefined));
    const records = nodes.get(nameKey(lower))?.rrsets.size ?? 0;
    return isWithin(lower, apex) && records === 0 && cutOf(nodes, apex, lower) === undefined;
  });
  return missing.map((name) => proofRecord(name, PLACEHOLDER));
}
