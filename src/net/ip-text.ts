/** Addresses of both families as bytes, 4 or 16 in network order, from and to text. */

/** Bytes of a dotted quad or of IPv6 text (RFC 4291 2.2); undefined when it is neither. Zones are not part of it. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseGroups(text) : parseQuad(text);
}

function parseQuad(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

function parseGroups(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = bytesOfGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 1 ? [] : bytesOfGroups(halves[1]!, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** `last`: the address ends here, and may do so with a dotted quad. */
function bytesOfGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    if (last && i === groups.length - 1 && group.includes('.')) {
      const quad = parseQuad(group);
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** Text of 4 or 16 bytes: a dotted quad, or RFC 5952's form. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] << 8) | bytes[2 * i + 1]).toString(16));
  // RFC 5952 4.2: the longest run of zeros, the first of equal ones, and none of a single group.
  let best = 0;
  let from = -1;
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === '0') end += 1;
    if (end - i > Math.max(best, 1)) {
      best = end - i;
      from = i;
    }
    i = Math.max(end, i + 1);
  }
  if (from < 0) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + best).join(':')}`;
}
