/** `sitekernel inspect FILE`: what is in a bundle. */
import { openStore, type Resource, type Store } from '../store/index.js';
import type { InspectOptions } from './arguments.js';
import { sizeText, table } from './text.js';

export async function runInspect(options: InspectOptions): Promise<void> {
  const store = await openStore(options.file, { verify: options.check ? 'open' : 'lazy' });
  try {
    process.stdout.write(options.json ? asJson(store) : asTable(store));
    if (options.check && !options.json) process.stdout.write('every byte was verified\n');
  } finally {
    store.close();
  }
}

function sizeOf(representation: Resource['representations'][number]): number {
  return representation.body.end - representation.body.start;
}

function asJson(store: Store): string {
  const resources = Array.from(store.resources(), (resource) => ({
    path: resource.path,
    contentType: resource.contentType,
    representations: resource.representations.map((representation) => ({
      coding: representation.coding,
      bytes: sizeOf(representation),
      etag: representation.etag,
    })),
  }));
  return `${JSON.stringify({ id: store.id, size: store.size, resources }, undefined, 2)}\n`;
}

const CODINGS = ['identity', 'gzip', 'br', 'zstd'] as const;

function asTable(store: Store): string {
  const rows: string[][] = [['path', 'type', ...CODINGS]];
  const totals = new Map<string, number>();
  let count = 0;
  for (const resource of store.resources()) {
    count += 1;
    const cells = CODINGS.map((coding) => {
      const representation = resource.representations.find((each) => each.coding === coding);
      if (representation === undefined) return '';
      const bytes = sizeOf(representation);
      totals.set(coding, (totals.get(coding) ?? 0) + bytes);
      return String(bytes);
    });
    rows.push([printable(resource.path), resource.contentType, ...cells]);
  }
  const sums = CODINGS.filter((coding) => totals.has(coding)).map(
    (coding) => `${coding} ${sizeText(totals.get(coding)!)}`,
  );
  return `${table(rows, new Set([2, 3, 4, 5]))}\n${count} resources: ${sums.join(', ')}\nsha256 ${store.id}\n`;
}

/** A path may hold anything, escape sequences of terminals too. */
function printable(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return path.replace(/[\x00-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
