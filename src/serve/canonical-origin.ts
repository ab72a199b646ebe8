/** The origin of a site, with the host from the file CNAME where the option says so. */

import { UserError } from '../errors/user-error.js';
import type { Store } from '../store/store.js';

const PATH = new TextEncoder().encode('/CNAME');

/**
 * `option`: an origin, whose host may be `CNAME`. Throws a UserError when that file of the site `name` has no host in
 * it.
 */
export function canonicalOrigin(option: string, store: Store, name: string): string {
  if (!option.endsWith('//CNAME')) return option;
  const found = store.lookup(PATH, 0, PATH.length);
  const body = found.kind === 'resource' ? found.resource.representations[0]?.body : undefined;
  if (body === undefined || body.source !== undefined)
    throw new UserError(`${name} has no file CNAME, which --canonical-host is to take the host from`);
  const text = new TextDecoder().decode(body.memory.bytes.subarray(body.start, body.end)).trim();
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text))
    throw new UserError(`${name}/CNAME:1: ${JSON.stringify(text.slice(0, 80))} is not one host like example.org`);
  return option.replace('CNAME', text.toLowerCase());
}
