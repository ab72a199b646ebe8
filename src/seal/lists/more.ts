/** What some ways of serving call beside that. */
import { allow, exactly, oneOf, type Rule, without } from './rules.js';

/** fcntl.h; the bits with which a file is written or made. */
const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const WRITING = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
const AF_UNIX = 1;
/** sys/resource.h */
const PRIO_PROCESS = 0;
/** The thread that calls. */
const OWN = 0;
/** linux/sockios.h: SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFINDEX, SIOCBRADDIF. */
const INTERFACE = [0x8913, 0x8921, 0x8933, 0x89a2];

/** Files that are read later. Landlock says which. */
export const READS: readonly Rule[] = [
  allow('openat', 'reads the site again, or a part of the program; nothing is written', [without(2, WRITING)]),
  allow('open', 'the same, in older C libraries', [without(1, WRITING)]),
  allow('stat lstat newfstatat statx', 'looks whether a file is there'),
  allow('access faccessat faccessat2 readlink readlinkat getcwd', 'finds a file by its path'),
  allow('getdents64', 'reads a directory'),
  allow('memfd_create ftruncate', 'a copy of a bundle in memory, sealed against changes'),
  allow('sendfile copy_file_range', 'copies a bundle into such memory'),
  allow('setpriority', 'a thread that compresses in the background gives way', [
    exactly(0, PRIO_PROCESS),
    exactly(1, OWN),
  ]),
];

/** Files that are written later. Landlock says where. */
export const WRITES: readonly Rule[] = [
  allow('openat open creat', 'writes the files of its state'),
  allow('rename renameat renameat2 link linkat', 'puts a file that is whole in the place of the one before'),
  allow('unlink unlinkat rmdir', 'removes its own socket, lock or old file'),
  allow('mkdir mkdirat', 'makes the folder of its state'),
  allow('ftruncate truncate fallocate pwrite64 pwritev fsync fdatasync flock', 'writes durably, one process at a time'),
  allow('chmod fchmod fchmodat utimensat umask', 'rights and times of files that it made'),
];

/** A directory is watched. */
export const WATCHES: readonly Rule[] = [
  allow('inotify_init1 inotify_add_watch inotify_rm_watch', 'is told when a file of the site changes'),
];

/** A TAP or a card: whether it carries frames, and is on its bridge. */
export const INTERFACES: readonly Rule[] = [
  allow(
    'ioctl',
    'asks for the flags, MTU and number of its interface; puts it on its bridge again',
    ...oneOf(1, ...INTERFACE),
  ),
];

/** Sockets between programs of one host. */
export const UNIX_SOCKETS: readonly Rule[] = [
  allow('socket', 'a socket between programs of this host', ...oneOf(0, AF_UNIX)),
  allow('connect bind listen', 'listens for its successor, or asks another program'),
];

/** Connections that the server opens itself. */
export const CONNECTS: readonly Rule[] = [
  allow('socket connect bind listen', 'opens connections: to an authority, to other name servers'),
];

/** Programs that were started before: what orders certificates; in a machine image, what keeps the clock's memory. */
export const KEEPER: readonly Rule[] = [
  allow('wait4 waitid', 'libuv hears of the end of a program that was started before'),
];

/** Programs that are started later, and what these call, since the filter is theirs, too. */
export const PROGRAMS: readonly Rule[] = [
  allow('execve clone fork vfork wait4 waitid', 'starts git, and waits for its end'),
  allow('mmap mprotect', 'a program and its libraries are mapped, with their machine code'),
  allow('arch_prctl set_tid_address prlimit64 brk chdir fchdir', 'a program begins'),
  allow('getpgrp getpgid getpid setsid setpgid getegid getresuid getresgid', 'a program looks at itself'),
  allow('sched_getparam sched_setaffinity sched_getscheduler close_range', "the child's side of a start"),
];
