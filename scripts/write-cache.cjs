#!/usr/bin/env node
/**
 * usage: node scripts/write-cache.cjs FOLDER
 *
 * Runs FOLDER/program.cjs, which tests itself on a stack of its own and then serves on sockets, and writes V8's code
 * cache of what both needed to FOLDER/program.cjs.cache. The same program and version of Node give the same bytes, on
 * any machine, at any time, for any user: which functions a run compiles hangs on nothing else.
 */
const { spawn } = require('node:child_process');
const { closeSync, openSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { Script } = require('node:vm');

const folder = resolve(process.argv[2]);
const filename = join(folder, 'program.cjs');
const flagsWanted = process.argv[4];

/** V8 compiles nothing beside the program or anew, draws no numbers, and collects nothing: it notes what has rested. */
const STEADY = [
  ...['--predictable', '--random-seed=1', '--no-opt', '--no-maglev', '--no-sparkplug', '--no-flush-bytecode'],
  ...['--min-semi-space-size=64', '--initial-heap-size=1024', '--no-memory-reducer'],
];
/** Where a cache has the hash of V8's flags: four bytes (V8, code-serializer.h). */
const FLAGS_AT = 12;
/** Milliseconds. What is due later would be due before the end on a slow machine alone. */
const SOON = 100;
const NEVER = 2 ** 31 - 1;
/** Landlock's calls have the same numbers on every machine (asm-generic/unistd.h). */
const LANDLOCK_CREATE_RULESET = 444;
const LANDLOCK_VERSION = 7;
/** sys/socket.h; bytes of `struct sockaddr_nl`. */
const AF_NETLINK = 16;
const NETLINK_ADDRESS = 12;
/** What root has outside of containers. */
const OF_ROOT = {
  '/proc/self/uid_map': '0 0 4294967295\n',
  '/proc/self/gid_map': '0 0 4294967295\n',
  '/proc/self/setgroups': 'allow\n',
};

if (process.argv[3] === 'fill') fill();
else write();

/** The run has no file to open: what it writes comes by its third descriptor. */
function write() {
  const part = `${filename}.cache.part`;
  const output = openSync(part, 'w');
  const child = spawn(process.execPath, [...STEADY, __filename, folder, 'fill', flags().toString('hex')], {
    stdio: ['pipe', 'pipe', 'inherit', output],
    env: { HOME: '/', LC_ALL: 'C', TZ: 'UTC' },
    cwd: '/',
  });
  closeSync(output);
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
    const url = /listening on (http:\S+)\n/.exec(said)?.[1];
    if (url === undefined) return;
    said = '';
    fetch(url)
      .then((answer) => answer.arrayBuffer())
      .then(() => child.stdin.end());
  });
  child.on('exit', (status) => {
    if (status !== 0) process.exit(status ?? 1);
    if (compiled(readFileSync(part)).cachedDataRejected) throw new Error('V8 does not take the cache that it made');
    renameSync(part, `${filename}.cache`);
  });
}

/** As load-program.cjs has it, whose cache it is; but for the name, which is kept in a cache. */
function compiled(cachedData) {
  return new Script(readFileSync(filename, 'latin1'), { filename: 'program.cjs', cachedData });
}

/** The hash of the flags of this process. */
function flags() {
  return new Script('').createCachedData().subarray(FLAGS_AT, FLAGS_AT + 4);
}

/** Tests itself, serves until standard input ends, and writes the cache to descriptor 3. */
function fill() {
  const script = compiled();
  const run = script.runInThisContext();
  const program = (...argv) => {
    process.argv.splice(1, Number.POSITIVE_INFINITY, filename, ...argv);
    run({}, createRequire(filename), { exports: {} }, filename, folder);
  };
  const { exit } = process;
  withoutChance();
  withoutKernel();
  process.stdin.on('end', () => {
    const data = script.createCachedData();
    // V8 refuses a cache of a run with other flags. These change when a function is compiled, but not to what.
    Buffer.from(flagsWanted, 'hex').copy(data, FLAGS_AT);
    writeFileSync(3, data);
    exit(0);
  });
  process.stdin.resume();
  process.exit = (status) => {
    process.exit = exit;
    if (status !== 0) exit(status);
    program('--host', '127.0.0.1', '--port', '0');
  };
  program('--self-test');
}

/** No number is drawn, it is always the same day, and nothing is due because this machine is slow. */
function withoutChance() {
  const crypto = require('node:crypto');
  crypto.randomFillSync = (array) => array.fill(1);
  crypto.randomBytes = (length) => Buffer.alloc(length, 1);
  const { Date: date, setTimeout: later } = globalThis;
  globalThis.Date = class extends date {
    constructor(...given) {
      super(...(given.length === 0 ? [0] : given));
    }
    static now() {
      return 0;
    }
  };
  // What is done in slices of some milliseconds is done in one.
  const now = performance.now.bind(performance);
  performance.now = () => now() / 1000;
  globalThis.setTimeout = (callback, delay, ...rest) => later(callback, delay > SOON ? NEVER : delay, ...rest);
  globalThis.setInterval = (callback, _delay, ...rest) => later(callback, NEVER, ...rest);
}

/**
 * It seals itself as root does, which has the most to give up, on a kernel that grants whatever is asked; nothing is
 * sealed. Who builds, and with which rights, makes no difference.
 */
function withoutKernel() {
  const fs = require('node:fs');
  const koffi = createRequire(filename)('koffi');
  process.geteuid = () => 0;
  let capable = true;
  process.setgroups = process.setgid = () => undefined;
  process.setuid = () => {
    capable = false;
  };
  // Every user may reach what root may.
  const { statSync, readFileSync: read } = fs;
  fs.statSync = (...given) => {
    const stats = statSync(...given);
    if (typeof stats?.mode === 'number') stats.mode |= 0o777;
    return stats;
  };
  fs.readFileSync = (path, ...given) => (path in OF_ROOT ? OF_ROOT[path] : read(path, ...given));
  const { load } = koffi;
  koffi.load = (name) => {
    const library = load(name);
    const func = (...said) => {
      const real = library.func(...said);
      if (/ syscall\(/.test(said[0]))
        return granting(real, (sets) => new Uint8Array(koffi.view(sets, 24)).fill(capable ? 0xff : 0));
      // Refused calls are heard of on a socket of root's. One of another kind takes the same filter.
      if (/ socket\(/.test(said[0]))
        return (family, ...rest) => (family === AF_NETLINK ? real(1, 2, 0) : real(family, ...rest));
      if (/ bind\(/.test(said[0]))
        return (fd, address, length) => (length === NETLINK_ADDRESS ? 0 : real(fd, address, length));
      return real;
    };
    return { func };
  };
}

function granting(real, fill) {
  const [capget, ...harmless] = process.arch === 'x64' ? [125, 293, 72, 271, 3] : [90, 59, 25, 73, 57];
  const answer = (number, ...args) => {
    // pipe2, fcntl, ppoll, close
    if (harmless.includes(number)) return real(number, ...args);
    if (number === capget) fill(args[1]);
    if (number !== LANDLOCK_CREATE_RULESET) return 0;
    return args[0] === 0 ? LANDLOCK_VERSION : openSync('/dev/null');
  };
  return Object.assign(answer, {
    async: (number, ...args) => setImmediate(args.pop(), null, answer(number, ...args)),
  });
}
