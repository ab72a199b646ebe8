import { Memory } from '../../memory/memory.js';
import { renderHeads } from '../format/heads.js';
import { etagOf } from '../site/site.js';
import type { Extent, Resource } from '../store.js';

const TEXT =
  'This page is damaged in the bundle that is served. The owner of the site finds out more with: sitekernel inspect --check\n';

/** The answer in place of bytes that changed since the bundle was made: 500, never wrong content. */
export function damagedPage(): Resource {
  const contentType = 'text/plain; charset=utf-8';
  const body = whole(Memory.of(TEXT));
  const etag = etagOf('0000000000000000');
  const fields = {
    contentType,
    language: undefined,
    modified: undefined,
    link: undefined,
    cacheControl: 'no-store',
    vary: [],
    site: [],
    standard: [],
  };
  const head = whole(Memory.of(renderHeads(fields, 500, 'identity', body.end, etag).ok));
  const heads = { headOk: head, headNotModified: head, headPartial: head, headFailed: head };
  return { path: '/500', contentType, representations: [{ coding: 'identity', body, etag, ...heads }] };
}

function whole(memory: Memory): Extent {
  return { memory, start: 0, end: memory.bytes.length };
}
