/** The paths that a server needs once it is sealed. */
import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderFor } from '../../acme/state/storage.js';
import { home, stateFolder } from '../../native/home.js';
import { namesIfReadable } from '../../native/readable.js';
import { leaseFolder } from '../../net/direct/address/lease-folder.js';
import type { Access, PathRule } from '../../seal/landlock.js';
import { defaultCacheDirectory } from '../../store/compress/compression-cache.js';
import { challengeFolder } from '../certificates/challenge-files.js';
import { zoneFolder } from '../names/zone-folder.js';
import type { AcmeArguments } from '../options/acme.js';
import type { ServeOptions } from '../options/serve.js';
import { embeddedSite } from '../program-files.js';
import { sealedCacheOf } from './sealed-cache.js';

/** Folders with many unrelated files: a path in one of them does not open the whole folder. */
const BROAD = new Set(['/', '/home', home(), tmpdir()]);

/** Folders from which no bundle can be named over a control socket. */
const NO_BUNDLES = new Set(['etc', 'root', 'boot', 'dev', 'proc', 'sys', 'run']);

/** Text that is not a host name. */
const ADDRESS = /^[\d.]+$|:/;

/** Files of names and numbers of hosts, for a client that looks up an authority. */
const RESOLVER = ['resolv.conf', 'hosts', 'nsswitch.conf', 'host.conf', 'gai.conf', 'ssl', 'pki'];

/** What a process does later that others of its server may do instead. */
export interface LaterWork {
  /** Another bundle may be named over a control socket. */
  readonly swappable: boolean;
  /** Sites are opened again. */
  readonly again: boolean;
  /** Another process orders certificates, and tells them. */
  readonly told: boolean;
}

export function laterPaths(options: ServeOptions, { swappable, again, told }: LaterWork): PathRule[] {
  const { acme, dns, direct, control, http, net, tls } = options;
  const paths = new Paths();
  for (const folder of programFolders()) paths.add('read', folder);
  // The kernel's data about this process, for pages about the server.
  paths.add('read', `/proc/${process.pid}`);
  // Without it Node, and we, have no descriptor to give up when none is left, so that a connection waits unseen.
  paths.add('read', '/dev/null');
  if (again) for (const site of [options.site ?? embeddedSite(), ...http.siteFor.values()]) paths.site(site);
  if (swappable) for (const path of bundlePlaces(acme?.state)) paths.add('read', path, true);
  for (const folder of http.site.follow) paths.add('read', folder);
  for (const { certificate, key } of tls?.files ?? []) for (const file of [certificate, key]) paths.file('read', file);
  // In a machine of its own zones are disks, which stay as they are.
  const zones = again ? dns.zones : [];
  for (const file of [...zones, dns.keys, dns.cookies]) if (file !== undefined) paths.file('read', file);
  const state = options.state ?? stateFolder();
  if (net === 'direct' && direct.static === undefined) paths.add('write', leaseFolder(state));
  if (dns.dnssec || (dns.zones.length > 0 && (acme !== undefined || net === 'direct')))
    paths.add('write', zoneFolder(state));
  if (acme !== undefined && !told) paths.ordered(acme);
  // A worker of direct mode asks the authority for the first process.
  if (acme?.roots !== undefined && !told) paths.file('read', acme.roots);
  const named = [options.host, ...options.furtherHosts].some((one) => !ADDRESS.test(one));
  if (named || dns.secondaries.length > 0) paths.resolver();
  if (process.env['NODE_EXTRA_CA_CERTS'] !== undefined && !told) paths.file('read', process.env['NODE_EXTRA_CA_CERTS']);
  const directories = directoriesOf(options);
  if (directories.length > 0) {
    paths.all.push({ access: 'read', path: defaultCacheDirectory(), optional: true });
    paths.all.push({ access: 'write', path: sealedCacheOf(directories), handed: true });
  }
  if (control !== undefined) paths.file('write', control);
  if (http.admin.listen !== undefined && 'path' in http.admin.listen) paths.file('write', http.admin.listen.path);
  if (direct.interface !== undefined || net === 'direct')
    for (const one of ['/sys/class/net', '/sys/devices']) paths.add('read', one);
  return paths.all;
}

/** Entries of a folder beside `but` that are named one by one. */
const MOST_BESIDE = 4096;

/**
 * Where another bundle may lie: beneath the top folders, but not beneath `but`, the folder of certificates. Landlock
 * knows no exception, so that what lies beside the way to it is named instead.
 */
export function bundlePlaces(but: string | undefined): string[] {
  const top = readdirSync('/').filter((name) => !NO_BUNDLES.has(name));
  const places = top.map((name) => join('/', name));
  const hidden = but === undefined ? undefined : realOf(but);
  return hidden === undefined ? places : places.flatMap((place) => beside(place, hidden));
}

function beside(place: string, hidden: string): string[] {
  const real = realOf(place);
  if (real !== place && (hidden === real || hidden.startsWith(`${real}/`))) return [];
  if (hidden !== place && !hidden.startsWith(`${place}/`)) return [place];
  if (hidden === place) return [];
  const names = namesIfReadable(place);
  return names.length > MOST_BESIDE ? [] : names.flatMap((name) => beside(join(place, name), hidden));
}

/** The path without links, as far as it is there. */
function realOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const above = dirname(path);
  return above === path ? path : join(realOf(above), basename(path));
}

/** What the process that orders certificates reads and writes. */
export function orderingPaths({ acme, net, direct }: ServeOptions): PathRule[] {
  const paths = new Paths();
  for (const folder of programFolders()) paths.add('read', folder);
  paths.add('read', `/proc/${process.pid}`);
  paths.add('write', acme!.state);
  if (acme!.roots !== undefined) paths.file('read', acme!.roots);
  const extra = process.env['NODE_EXTRA_CA_CERTS'];
  if (extra !== undefined) paths.file('read', extra);
  if (net === 'socket' || direct.record !== undefined) paths.resolver();
  return paths.all;
}

/** Whether one of the sites is a directory, whose files are read, and compressed beside serving. */
export function servesDirectory(options: ServeOptions): boolean {
  return directoriesOf(options).length > 0;
}

/** The sites that are directories. */
export function directoriesOf({ site, http }: ServeOptions): string[] {
  return [site ?? embeddedSite(), ...http.siteFor.values()].filter(isDirectory).map((path) => realpathSync(path));
}

class Paths {
  readonly all: PathRule[] = [];

  add(access: Access, path: string, optional = false): void {
    const one = { access, path: resolve(path), optional };
    const named = this.all.some((other) => other.path === one.path && other.access === access && !other.optional);
    if (!named) this.all.push(one);
  }

  /**
   * A file may be replaced by another one of its name: only the folder stays the same. A link may then lead to another
   * file. A file that is read is named as well, since who can reach its folder may have no right to it, as to a key.
   */
  file(access: Access, path: string): void {
    this.add(access, dirname(resolve(path)));
    if (!existsSync(path)) return;
    const real = realpathSync(path);
    this.add(access, dirname(real));
    if (access === 'read') this.add(access, real);
  }

  /** Certificates that another process orders, and what answers challenges, without the account's key. */
  ordered(acme: AcmeArguments): void {
    const folders = acme.certificates.map((names) => join(acme.state, folderFor(names)));
    for (const path of [...folders, challengeFolder(acme.state)])
      this.all.push({ access: 'read', path: resolve(path), comes: true });
  }

  resolver(): void {
    for (const name of RESOLVER) this.linked(join('/etc', name));
  }

  /** A file that may be a link to one that is written anew: resolv.conf. */
  linked(path: string): void {
    this.add('read', path);
    const real = existsSync(path) ? realpathSync(path) : path;
    if (real !== path) this.add('read', dirname(real));
  }

  site(path: string): void {
    const real = existsSync(path) ? realpathSync(path) : resolve(path);
    this.add('read', real);
    if (!isDirectory(path)) this.file('read', path);
    // A directory that is made again, and a link that is changed to another one.
    else for (const one of [real, resolve(path)]) this.unlessBroad(dirname(one));
  }

  private unlessBroad(folder: string): void {
    if (!BROAD.has(folder) && dirname(folder) !== '/' && dirname(folder) !== '/home') this.add('read', folder);
  }
}

/** Where the program is, and the packages that it has: parts of it are loaded when they are needed. */
function programFolders(): string[] {
  const own = fileURLToPath(import.meta.url);
  const folders: string[] = [];
  for (let folder = dirname(own); folder !== dirname(folder); folder = dirname(folder)) {
    const packages = join(folder, 'node_modules');
    const whole = existsSync(join(folder, 'package.json'));
    if (existsSync(packages)) folders.push(packages);
    if (folders.length === 0 || whole) folders.push(folder);
    if (whole && !folder.includes('node_modules')) break;
  }
  return [...new Set(folders.flatMap((one) => [one, ...linked(one)]))];
}

function linked(folder: string): string[] {
  return lstatSync(folder).isSymbolicLink() ? [realpathSync(folder)] : [];
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
