/** Lays a site out: the sections of a bundle, before hashes and sums. See format.ts. */

import {
  ANSWER_BYTES,
  align,
  CODINGS,
  KEY_BYTES,
  KEY_PATH_MAX,
  KIND_LANGUAGES,
  KIND_REDIRECT,
  KIND_RESOURCE,
  LONGEST_RUN,
  REP,
  REP_BYTES,
  SLOT_BYTES,
} from '../format/format.js';
import { renderHeads, renderHints } from '../format/heads.js';
import { upperOf } from '../format/layout-numbers.js';
import { pathHash } from '../paths/path-hash.js';
import { ShardedMap } from '../sharded-map.js';
import { type Answer, type Blob, etagOf, type Routes, type SiteFile } from '../site/site.js';
import { Slices } from '../slices.js';
import { StoreError } from '../store-error.js';
import { Arena, StringPool } from './arena.js';
import type { Manifest } from './manifest.js';
import { type FieldPolicy, resourceFields, serverFields } from './resource-fields.js';

/** The sections between the hash tree and the content; offsets in them are relative to where `relocate` says. */
export interface Layout {
  readonly slots: Uint8Array;
  readonly keys: Uint8Array;
  readonly answers: Uint8Array;
  readonly reps: Uint8Array;
  readonly strings: Arena;
  readonly manifest: Uint8Array;
  /** Heads, then bodies, as they follow each other in the content. */
  readonly heads: Arena;
  readonly bodies: readonly Blob[];
  readonly contentBytes: number;
  readonly files: number;
  readonly deepestNotFound: number;
}

/** Numbers that are written between two looks at the clock. */
const STEP = 1024;
/** Bodies begin at multiples of this: a cache line. */
export const BODY_ALIGN = 64;

/** Yields to other work now and then. */
export async function layOut(
  files: readonly SiteFile[],
  routes: Routes,
  policy: FieldPolicy,
  manifest: Manifest,
): Promise<Layout> {
  const slices = new Slices();
  const strings = new StringPool();
  const content = new Content();
  const reps: number[][] = [];
  for (const file of files) {
    if (slices.due) await slices.rest();
    for (const { blob } of file.coded) content.body(blob);
  }
  const answers = await writeAnswers(routes.answers, { files, policy, strings, content, reps }, slices);
  const keys = await writeKeys(routes, strings, slices);
  return {
    ...keys,
    answers,
    reps: await slices.through(writeReps(reps, align(content.heads.length, BODY_ALIGN))),
    strings: strings.arena,
    manifest: new TextEncoder().encode(JSON.stringify(manifest)),
    heads: content.heads,
    bodies: content.blobs,
    contentBytes: align(content.heads.length, BODY_ALIGN) + content.bodyBytes,
    files: files.length,
    deepestNotFound: routes.deepestNotFound,
  };
}

class Content {
  readonly heads = new Arena();
  readonly blobs: Blob[] = [];
  bodyBytes = 0;
  private readonly places = new ShardedMap<string, number>();

  /** Where the body begins among the bodies. */
  body(blob: Blob): number {
    const there = this.places.get(blob.sha256);
    if (there !== undefined) return there;
    const at = align(this.bodyBytes, BODY_ALIGN);
    this.places.set(blob.sha256, at);
    this.blobs.push(blob);
    this.bodyBytes = at + blob.size;
    return at;
  }

  /** Where the head begins and ends in the content. It begins at an even offset, which suits the sums. */
  head(text: string): [number, number] {
    this.heads.pad(2);
    const at = this.heads.addText(text);
    return [at, this.heads.length];
  }
}

interface Sections {
  readonly files: readonly SiteFile[];
  readonly policy: FieldPolicy;
  readonly strings: StringPool;
  readonly content: Content;
  readonly reps: number[][];
}

/** The answers in their order, followed by the answers of translations, one for each. */
async function writeAnswers(answers: readonly Answer[], sections: Sections, slices: Slices): Promise<Uint8Array> {
  let count = answers.length;
  for (const answer of answers) if (answer.kind === 'languages') count += answer.files.length;
  const bytes = new Uint8Array(count * ANSWER_BYTES);
  const view = new DataView(bytes.buffer);
  let next = answers.length;
  for (const [i, answer] of answers.entries()) {
    if (slices.due) await slices.rest();
    const at = i * ANSWER_BYTES;
    view.setUint16(at + 2, answer.status, true);
    if (answer.kind === 'resource') writeResource(view, at, answer, false, sections);
    else if (answer.kind === 'redirect') {
      view.setUint16(at, KIND_REDIRECT, true);
      putText(view, at + 4, answer.location, sections.strings);
      putText(view, at + 12, answer.fields ?? '', sections.strings);
    } else {
      view.setUint16(at, KIND_LANGUAGES, true);
      view.setUint32(at + 4, next, true);
      view.setUint32(at + 8, answer.files.length, true);
      for (const file of answer.files) {
        view.setUint16(next * ANSWER_BYTES + 2, answer.status, true);
        writeResource(view, next++ * ANSWER_BYTES, { ...answer, file }, true, sections);
      }
    }
  }
  return bytes;
}

function putText(view: DataView, at: number, text: string, strings: StringPool): void {
  view.setUint32(at, strings.add(text), true);
  view.setUint32(at + 4, strings.lastLength, true);
}

function writeResource(
  view: DataView,
  at: number,
  answer: { readonly file: number; readonly status: number; readonly asked: string },
  languages: boolean,
  { files, policy, strings, content, reps }: Sections,
): void {
  const file = files[answer.file]!;
  const { path, type, language, link, modified, immutable = false, pending = false } = file;
  const codings = pending || file.coded.length > 1;
  const described = { path, type, language, link, modified, immutable, codings, languages };
  const fields = resourceFields(policy, described, answer.asked, answer.status);
  const negotiated = ['Accept-Encoding', ...(languages ? ['Accept-Language'] : [])];
  view.setUint16(at, KIND_RESOURCE, true);
  view.setUint32(at + 4, reps.length, true);
  view.setUint32(at + 8, file.coded.length, true);
  putText(view, at + 12, file.path, strings);
  putText(view, at + 20, fields.contentType, strings);
  view.setUint32(at + 28, answer.file, true);
  putText(view, at + 32, serverFields(policy.rules, answer.asked, path, negotiated), strings);
  putText(view, at + 40, language ?? '', strings);
  putText(view, at + 56, link ?? '', strings);
  const hints = policy.hints && answer.status === 200 ? renderHints(fields) : undefined;
  if (hints !== undefined) {
    const [start, end] = content.head(hints);
    view.setUint32(at + 48, start, true);
    view.setUint32(at + 52, end, true);
  }
  for (const { coding, blob } of file.coded) {
    const etag = etagOf(blob.sha256);
    const heads = renderHeads(fields, answer.status, coding, blob.size, etag);
    const body = content.body(blob);
    const ok = content.head(heads.ok);
    const place = (text: string): [number, number] => (text === heads.ok ? ok : content.head(text));
    reps.push([
      CODINGS.indexOf(coding),
      body,
      body + blob.size,
      ...ok,
      ...place(heads.notModified),
      ...place(heads.partial),
      ...place(heads.failed),
      strings.add(etag),
      strings.lastLength,
    ]);
  }
}

function* writeReps(reps: readonly number[][], bodiesAt: number): Generator<void, Uint8Array> {
  const bytes = new Uint8Array(reps.length * REP_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, rep] of reps.entries()) {
    const [coding, start, end, ...rest] = rep as [number, number, number, ...number[]];
    const at = i * REP_BYTES;
    if (i % STEP === 0) yield;
    view.setUint16(at + REP.coding, coding, true);
    view.setUint8(at + REP.startHigh, upperOf(start + bodiesAt));
    view.setUint8(at + REP.endHigh, upperOf(end + bodiesAt));
    view.setUint32(at + REP.start, (start + bodiesAt) % 2 ** 32, true);
    view.setUint32(at + REP.end, (end + bodiesAt) % 2 ** 32, true);
    for (const [j, value] of rest.entries()) view.setUint32(at + REP.heads[0] + j * 4, value, true);
  }
  return bytes;
}

async function writeKeys(
  routes: Routes,
  strings: StringPool,
  slices: Slices,
): Promise<{ keys: Uint8Array; slots: Uint8Array }> {
  const { keys } = routes;
  const bytes = new Uint8Array(keys.length * KEY_BYTES);
  const view = new DataView(bytes.buffer);
  const hashes = new Int32Array(keys.length);
  const encoder = new TextEncoder();
  const path = new Uint8Array(KEY_PATH_MAX + 3);
  for (const [i, key] of keys.entries()) {
    if (slices.due) await slices.rest();
    const { read, written } = encoder.encodeInto(key.path, path);
    if (read < key.path.length || written > KEY_PATH_MAX)
      throw new StoreError(`the path ${key.path.slice(0, 60)}… is longer than ${KEY_PATH_MAX} bytes`);
    view.setUint32(i * KEY_BYTES, strings.add(key.path), true);
    view.setUint16(i * KEY_BYTES + 4, written, true);
    view.setUint16(i * KEY_BYTES + 6, key.flags, true);
    view.setUint32(i * KEY_BYTES + 8, key.answer + 1, true);
    view.setUint32(i * KEY_BYTES + 12, key.notFound + 1, true);
    hashes[i] = pathHash(path, 0, written);
  }
  let size = 4;
  while (size < keys.length * 2) size *= 2;
  return { keys: bytes, slots: await slices.through(writeSlots(hashes, size)) };
}

/** The table of `size` slots; a larger one where too many hashes collide. */
function* writeSlots(hashes: Int32Array, size: number): Generator<void, Uint8Array> {
  const slots = new Uint8Array(size * SLOT_BYTES);
  const table = new DataView(slots.buffer);
  for (const [i, hash] of hashes.entries()) {
    if (i % STEP === 0) yield;
    let slot = hash & (size - 1);
    while (table.getUint32(slot * SLOT_BYTES + 4, true) !== 0) slot = (slot + 1) & (size - 1);
    table.setInt32(slot * SLOT_BYTES, hash, true);
    table.setUint32(slot * SLOT_BYTES + 4, i + 1, true);
  }
  if ((yield* longestRun(table, size)) <= LONGEST_RUN) return slots;
  if (size > hashes.length * 64)
    throw new StoreError('the paths of the site have too many hashes in common; rename some');
  return yield* writeSlots(hashes, size * 2);
}

function* longestRun(table: DataView, size: number): Generator<void, number> {
  let longest = 0;
  let run = 0;
  for (let i = 0; i < size * 2 && run < size; i++) {
    if (i % STEP === 0) yield;
    run = table.getUint32((i & (size - 1)) * SLOT_BYTES + 4, true) === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
