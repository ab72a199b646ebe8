/** Reads and validates `manifest.json` and `labels.json`: they are untrusted input. */
import { isUtf8 } from 'node:buffer';
import { parseJson } from '../errors/parse-json.js';
import { ImageError } from './image-error.js';
import {
  canonicalJson,
  type ImageFile,
  type ImageZone,
  type Labels,
  MANIFEST_FORMAT,
  type Manifest,
  programHash,
  TARGETS,
} from './manifest.js';
import { ZONES, zonePath } from './zones.js';

/** Both together are a few hundred bytes. */
const LARGEST = 2 ** 20;
const NAMES_OF_OURS = new Set(['manifest.json', 'labels.json', 'signature', 'site.bundle', 'site', ZONES]);

type Json = Record<string, unknown>;

/** `name` is the file's, for messages. Throws an ImageError. */
export function readManifest(bytes: Uint8Array, name: string): Manifest {
  const json = parse(bytes, name);
  if (json['format'] !== MANIFEST_FORMAT) {
    throw new ImageError(
      `${name} has format ${String(json['format'])}; this sitekernel reads ${MANIFEST_FORMAT}: update it on this host`,
    );
  }
  const manifest = json as unknown as Manifest;
  const wrong = faultOf(manifest);
  if (wrong !== undefined) throw new ImageError(`${name} is not the manifest of an image: ${wrong}`);
  if (Buffer.compare(canonicalJson(json), bytes) !== 0)
    throw new ImageError(`${name} is not in canonical form: sorted keys, no white space, a newline at its end`);
  return manifest;
}

/** Throws an ImageError. */
export function readLabels(bytes: Uint8Array, name: string): Labels {
  const labels = parse(bytes, name) as unknown as Labels;
  if (!isCount(labels.serial)) throw new ImageError(`${name} has no serial number`);
  if (!isTexts(labels.sources) || typeof labels.builder !== 'string') throw new ImageError(`${name} is not complete`);
  for (const one of [labels.site, labels.branch])
    if (one !== undefined && typeof one !== 'string')
      throw new ImageError(`${name} does not say in words what it is for`);
  return labels;
}

function parse(bytes: Uint8Array, name: string): Json {
  if (bytes.length > LARGEST) throw new ImageError(`${name} has ${bytes.length} bytes; one has a few hundred`);
  const value = isUtf8(bytes) ? parseJson(Buffer.from(bytes).toString('utf8')) : undefined;
  if (isObject(value)) return value;
  throw new ImageError(`${name} is not JSON`);
}

function faultOf(m: Manifest): string | undefined {
  if (!TARGETS.includes(m.target)) return `its target "${String(m.target)}" is none of ${TARGETS.join(', ')}`;
  if (typeof m.platform !== 'string') return 'it names no platform';
  if (!isObject(m.network) || !Object.values(m.network).every(isOption)) return 'its network options are none';
  if (!isObject(m.program) || !Array.isArray(m.program.files)) return 'it lists no program';
  const files = filesFault(m.program.files);
  if (files !== undefined) return files;
  if (programHash(m.program.files) !== m.program.sha256) return "the program's hash is not that of its files";
  const zone = zonesFault(m.zones);
  if (zone !== undefined) return zone;
  const { site, versions } = m;
  if (!isObject(site) || !isObject(site.bundle) || !isCount(site.bundle.size)) return 'it lists no site';
  if (!isHash(site.bundle.sha256) || !isHash(site.bundle.id)) return 'the hash of its site is none';
  if (!isCount(site.files) || !isCount(site.bytes)) return 'it does not count the files of its site';
  const { options } = site;
  const choices = isObject(options) && ['none', 'fast', 'full'].includes(options.compression);
  if (!choices || typeof options.hidden !== 'boolean' || typeof options.spa !== 'boolean')
    return 'the options of its site are not complete';
  const option = optionFault(options as unknown as Json);
  if (option !== undefined) return `the option ${option} of its site is none`;
  if (!isObject(versions) || typeof versions.sitekernel !== 'string' || !isTexts(versions.compressors))
    return 'it names no versions';
  return /^\d+\.\d+\.\d+$/.test(String(versions.node)) ? undefined : 'it names no version of Node';
}

/** The name of an option that may be left out and is not what it can be. */
function optionFault({
  mime,
  listing,
  metaRefresh,
  languages,
  preload,
  security,
  immutable,
}: Json): string | undefined {
  if (mime !== undefined && !isTexts(mime)) return 'mime';
  if (listing !== undefined && listing !== true) return 'listing';
  if (metaRefresh !== undefined && metaRefresh !== true) return 'metaRefresh';
  if (languages !== undefined && !isTextList(languages)) return 'languages';
  if (immutable !== undefined && !isTextList(immutable)) return 'immutable';
  if (preload !== undefined && preload !== 'link' && preload !== 'early-hints') return 'preload';
  return security !== undefined && security !== false ? 'security' : undefined;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** A path is that of its zone, so that nothing of an image can lie elsewhere. */
function zonesFault(zones: unknown): string | undefined {
  if (zones === undefined) return undefined;
  if (!Array.isArray(zones) || zones.length === 0) return 'its zones are none';
  let before = '';
  for (const zone of zones as ImageZone[]) {
    if (!isObject(zone) || !isCount(zone.size) || !isHash(zone.sha256)) return 'a zone is not described';
    if (typeof zone.name !== 'string' || zone.name.length > 1024 || zone.path !== zonePath(zone.name))
      return 'a zone does not lie where its name says';
    if (!isCount(zone.serial) || zone.serial > 0xffff_ffff) return `the zone ${zone.name} has no serial`;
    if (zone.path <= before) return 'its zones are not in order';
    before = zone.path;
  }
  return undefined;
}

function filesFault(files: readonly ImageFile[]): string | undefined {
  let before = '';
  for (const file of files) {
    if (!isObject(file) || typeof file.path !== 'string' || !isCount(file.size) || !isHash(file.sha256))
      return 'a file of its program is not described';
    if (file.origin !== undefined && !isTexts(file.origin))
      return `where "${file.path}" comes from is not said in words`;
    if (!isPlainPath(file.path)) return `"${file.path}" is not a path that a program may have`;
    if (before !== '' && Buffer.compare(Buffer.from(before), Buffer.from(file.path)) >= 0)
      return 'the files of its program are not in order';
    before = file.path;
  }
  return files.some((file) => file.path === 'run') ? undefined : 'its program has no file "run"';
}

/** Plain names and slashes: nothing that leaves the image's folder, and nothing that is ours. */
function isPlainPath(path: string): boolean {
  const names = path.split('/');
  const plain = names.every((name) => /^[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*$/.test(name));
  return plain && names.length <= 16 && path.length <= 255 && !NAMES_OF_OURS.has(names[0]!);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isOption(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || isCount(value);
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string');
}
