/**
 * What a CAA record says that no authority understands. Each of it is legal (RFC 8659 4: tags that are not known are
 * passed over), and mostly a slip, which shows when no certificate is issued, or any authority's is.
 */
import { similar } from '../../errors/similar.js';

/** Of IANA's registry: RFC 8659, RFC 9495, the CA/Browser Forum's Baseline Requirements, BIMI. */
const TAGS = ['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone'] as const;
/** Those whose value is an authority and parameters (RFC 8659 4.2). */
const OF_AUTHORITIES: readonly string[] = ['issue', 'issuewild', 'issuemail', 'issuevmc'];
/** RFC 8659 4.1. */
const CRITICAL = 128;

const WORD = '[A-Za-z0-9](?:-*[A-Za-z0-9])*';
const PARAMETER = `${WORD}[ \\t]*=[ \\t]*[!-:<-~]*`;
/** RFC 8659 4.2: an authority's domain, or none; parameters behind it. */
const AUTHORITY = new RegExp(
  `^[ \\t]*(?:${WORD}(?:\\.${WORD})*[ \\t]*)?(?:;[ \\t]*(?:${PARAMETER}[ \\t]*(?:;[ \\t]*${PARAMETER}[ \\t]*)*)?)?$`,
);

/** `data`: valid data of a CAA record. What is odd about it, and what to write; undefined: nothing. */
export function oddCaa(data: Uint8Array): string | undefined {
  const end = 2 + data[1]!;
  const tag = textOf(data.subarray(2, end));
  const value = textOf(data.subarray(end));
  // RFC 8659 4.1: tags are compared without regard to case.
  const known = tag.toLowerCase();
  if (!TAGS.some((one) => one === known)) {
    const meant = similar(known, TAGS);
    const effect =
      (data[0]! & CRITICAL) === 0 ? 'so that they pass over it' : 'and it is critical, so that none issues anything';
    return `no authority knows the CAA tag "${tag}", ${effect}${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
  }
  if (OF_AUTHORITIES.includes(known) && !AUTHORITY.test(value))
    return `no authority is named by the value "${value}", so that none may issue; write the authority's domain, or ";" to allow none`;
  if (known === 'iodef' && !/^(?:mailto:.+@.|https?:\/\/.)/i.test(value))
    return `nobody can be told at "${value}"; write a URL, such as mailto:security@example.org`;
  return undefined;
}

function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
