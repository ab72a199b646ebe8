/** Lays a site out: the sections of a bundle, before hashes and sums. See format.ts. */
import { Arena, StringPool } from './arena.js';
import {
  ANSWER_BYTES,
  align,
  CODINGS,
  KEY_BYTES,
  KEY_PATH_MAX,
  KIND_REDIRECT,
  KIND_RESOURCE,
  REP_BYTES,
  SLOT_BYTES,
} from './format.js';
import { renderHeads } from './heads.js';
import type { Manifest } from './manifest.js';
import { pathHash } from './path-hash.js';
import { type FieldPolicy, resourceFields } from './resource-fields.js';
import { type Answer, type Blob, etagOf, type Routes, type SiteFile } from './site.js';
import { StoreError } from './store-error.js';

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

/** Bodies begin at multiples of this: a cache line. */
export const BODY_ALIGN = 64;

export function layOut(files: readonly SiteFile[], routes: Routes, policy: FieldPolicy, manifest: Manifest): Layout {
  const strings = new StringPool();
  const content = new Content();
  const reps: number[][] = [];
  const answers = new Uint8Array(routes.answers.length * ANSWER_BYTES);
  const view = new DataView(answers.buffer);
  for (const file of files) for (const { blob } of file.coded) content.body(blob);
  for (const [i, answer] of routes.answers.entries()) {
    writeAnswer(view, i * ANSWER_BYTES, answer, files, policy, strings, content, reps);
  }
  const keys = writeKeys(routes, strings);
  return {
    ...keys,
    answers,
    reps: writeReps(reps, align(content.heads.length, BODY_ALIGN)),
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
  private readonly places = new Map<string, number>();

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

  /** Where the head begins and ends in the content. It begins at an even offset, which the sums like. */
  head(text: string): [number, number] {
    this.heads.pad(2);
    const at = this.heads.addText(text);
    return [at, this.heads.length];
  }
}

function writeAnswer(
  view: DataView,
  at: number,
  answer: Answer,
  files: readonly SiteFile[],
  policy: FieldPolicy,
  strings: StringPool,
  content: Content,
  reps: number[][],
): void {
  view.setUint16(at + 2, answer.status, true);
  if (answer.kind === 'redirect') {
    view.setUint16(at, KIND_REDIRECT, true);
    view.setUint32(at + 4, strings.add(answer.location), true);
    view.setUint32(at + 8, strings.lastLength, true);
    return;
  }
  const file = files[answer.file]!;
  const fields = resourceFields(policy, file.path, file.type, answer.asked, answer.status, file.coded.length > 1);
  view.setUint16(at, KIND_RESOURCE, true);
  view.setUint32(at + 4, reps.length, true);
  view.setUint32(at + 8, file.coded.length, true);
  view.setUint32(at + 12, strings.add(file.path), true);
  view.setUint32(at + 16, strings.lastLength, true);
  view.setUint32(at + 20, strings.add(fields.contentType), true);
  view.setUint32(at + 24, strings.lastLength, true);
  view.setUint32(at + 28, answer.file, true);
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

function writeReps(reps: readonly number[][], bodiesAt: number): Uint8Array {
  const bytes = new Uint8Array(reps.length * REP_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, rep] of reps.entries()) {
    for (const [j, value] of rep.entries()) {
      view.setUint32(i * REP_BYTES + j * 4, j === 1 || j === 2 ? value + bodiesAt : value, true);
    }
  }
  return bytes;
}

function writeKeys(routes: Routes, strings: StringPool): { keys: Uint8Array; slots: Uint8Array } {
  const { keys } = routes;
  const bytes = new Uint8Array(keys.length * KEY_BYTES);
  const view = new DataView(bytes.buffer);
  let size = 4;
  while (size < keys.length * 2) size *= 2;
  const slots = new Uint8Array(size * SLOT_BYTES);
  const table = new DataView(slots.buffer);
  const encoder = new TextEncoder();
  keys.forEach((key, i) => {
    const path = encoder.encode(key.path);
    if (path.length > KEY_PATH_MAX)
      throw new StoreError(`the path ${key.path.slice(0, 60)}… is longer than ${KEY_PATH_MAX} bytes`);
    view.setUint32(i * KEY_BYTES, strings.add(key.path), true);
    view.setUint16(i * KEY_BYTES + 4, path.length, true);
    view.setUint16(i * KEY_BYTES + 6, key.flags, true);
    view.setUint32(i * KEY_BYTES + 8, key.answer + 1, true);
    view.setUint32(i * KEY_BYTES + 12, key.notFound + 1, true);
    const hash = pathHash(path, 0, path.length);
    let slot = hash & (size - 1);
    while (table.getUint32(slot * SLOT_BYTES + 4, true) !== 0) slot = (slot + 1) & (size - 1);
    table.setInt32(slot * SLOT_BYTES, hash, true);
    table.setUint32(slot * SLOT_BYTES + 4, i + 1, true);
  });
  return { keys: bytes, slots };
}
