/**
 * Units for systemd that start and renew a host's images, each in a sandbox that has what its target needs and no
 * more. `systemd-analyze security --offline=yes` scores them 2.0 or better.
 */
import { dirname, isAbsolute, join } from 'node:path';
import type { ImageTarget, Manifest } from '../image/manifest.js';
import { home } from '../native/home.js';

export interface UnitOptions {
  /** The host's folder, absolute. */
  readonly folder: string;
  /** What the branch has images of. */
  readonly target: ImageTarget;
  /** Options of the host, which go to every image. */
  readonly args: readonly string[];
  /** Those of the image. */
  readonly network: Manifest['network'];
  /** Whose the folder is; undefined: root. What root starts would leave files in it that its owner cannot change. */
  readonly user: string | undefined;
  /** The command line for an action of `deploy`, quoted for a unit. */
  readonly command: (action: 'poll' | 'start' | 'stop') => string;
}

/** The units' texts, by their names. */
export function unitsOf(options: UnitOptions): ReadonlyMap<string, string> {
  const { command } = options;
  const name = options.folder.replaceAll('%', '%%');
  const user = options.user === undefined ? '' : `User=${options.user}\n`;
  const card = cardOf(options);
  const before = card === undefined ? '' : prepare(card, options);
  const walls = sandbox(options, card);
  const unit = (text: string): string => `# Written by "sitekernel deploy init".\n${text}`;
  return new Map([
    [
      'sitekernel.service',
      unit(`[Unit]
Description=The site of ${name}: the last good image
After=network.target

[Service]
Type=oneshot
${user}RemainAfterExit=yes
# A first image is fetched, tested and asked before it is done.
TimeoutStartSec=10min
${before}ExecStart=${command('start')}
ExecReload=${command('poll')}
ExecStop=${command('stop')}

${walls}
[Install]
WantedBy=multi-user.target
`),
    ],
    [
      'sitekernel-poll.service',
      unit(`[Unit]
Description=Pulls and boots the newest image of ${name}
# Not required: when the last good image does not start, a new one may.
After=network-online.target sitekernel.service
Wants=network-online.target sitekernel.service
# One /tmp: what the poll starts in place of what runs finds the files of what it replaces.
JoinsNamespaceOf=sitekernel.service

[Service]
Type=oneshot
${user}TimeoutStartSec=30min
# Mostly what runs is a child of sitekernel.service. Where that could not start anything, what this starts outlives it.
KillMode=process
${before}ExecStart=${command('poll')}

${walls}`),
    ],
    [
      'sitekernel-poll.timer',
      unit(`[Unit]
Description=Every minute: is there a new image?

[Timer]
OnBootSec=15s
OnUnitInactiveSec=60s

[Install]
WantedBy=timers.target
`),
    ],
  ]);
}

/** The folder that a server keeps leases, keys and certificates in when nothing else is said (see `--state`). */
export function defaultState(): string {
  // A service has no XDG_STATE_HOME.
  return join(home(), '.local', 'state', 'sitekernel');
}

/** The card that our stack is put on. */
function cardOf({ target, args, network }: UnitOptions): string | undefined {
  return target === 'socket' || target === 'vm'
    ? undefined
    : (optionValue(args, '--interface') ?? textOf(network['interface']));
}

/** The card is up and the kernel silent on it, so that the program needs no right to see to that. */
function prepare(card: string, { args, network }: UnitOptions): string {
  // As the kernel takes names of interfaces, and as the program takes them.
  if (!/^[A-Za-z0-9_.-]{1,15}$/.test(card)) return '';
  const off = (file: string, value: string): string => `echo ${value} > /proc/sys/net/${file}`;
  const commands = [`ip link set ${card} up`];
  for (const name of ['forwarding', 'proxy_arp']) commands.push(off(`ipv4/conf/${card}/${name}`, '0'));
  const six = !args.includes('--no-ipv6') && network['no-ipv6'] !== true;
  if (six) commands.push(off(`ipv6/conf/${card}/disable_ipv6`, '1'));
  return `# Outside of the sandbox: the card is up, and the kernel neither forwards nor speaks on it.
ExecStartPre=-+/bin/sh -c "${commands.join('; ')}"
`;
}

/** The directives that are the same for the start and for the poll, which starts programs as well. */
function sandbox(options: UnitOptions, card: string | undefined): string {
  const { folder, target, user } = options;
  const rights = capabilities(options, card);
  const families = `AF_INET AF_INET6 AF_UNIX AF_NETLINK${card === undefined ? '' : ' AF_PACKET'}`;
  const devices = target === 'socket' || card !== undefined ? [] : ['/dev/net/tun'];
  if (target === 'vm') devices.push('/dev/kvm');
  return [
    '# The sandbox. Programs of images, git and ssh run in it alike; "systemd-analyze security" scores it.',
    '# No program gets more rights than it has: there is no way back through setuid.',
    'NoNewPrivileges=yes',
    `# ${rights.why}`,
    `CapabilityBoundingSet=${rights.names}`,
    ...(user !== undefined && rights.names !== '' ? [`AmbientCapabilities=${rights.names}`] : []),
    '# Nothing can be written but the folder of the host and what the server keeps (leases, keys, certificates).',
    'ProtectSystem=strict',
    `ReadWritePaths=${writable(options).map(pathQuoted).join(' ')}`,
    '# Read, for the keys of ssh, the settings of git and a Node that lies in a home.',
    'ProtectHome=read-only',
    ...(liesInTmp(folder) ? [] : ['# Files of others in /tmp are not seen.', 'PrivateTmp=yes']),
    'PrivateMounts=yes',
    `# No device but null, random and the like${devices.length === 0 ? '' : `, and ${devices.join(' and ')}`}.`,
    'PrivateDevices=yes',
    ...devices.flatMap((one) => [`DeviceAllow=${one} rw`, `BindPaths=-${one}`]),
    '# The kernel: its settings are not changed, no module is loaded, its log and its clock are not ours.',
    'ProtectKernelTunables=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelLogs=yes',
    'ProtectControlGroups=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    '# Processes of other users are not seen.',
    'ProtectProc=invisible',
    // The driver of the card looks at the kernel's settings of it.
    ...(card === undefined ? ['ProcSubset=pid'] : []),
    `# Sockets: Internet, the control socket, netlink (addresses and links)${card === undefined ? '' : ', the card'}.`,
    `RestrictAddressFamilies=${families}`,
    '# What no server of ours asks for: namespaces, real-time, setuid files, other personalities, shared memory, keys.',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'RemoveIPC=yes',
    'KeyringMode=private',
    '# Files that a program makes are its own; those that others read get their modes from the program.',
    'UMask=0077',
    '# System calls of servers, and those by which a program seals itself. The others fail, and end no program.',
    '# No MemoryDenyWriteExecute: the compiler of V8 (and of QEMU without KVM) writes machine code.',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service @pkey seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self',
    `SystemCallFilter=~@resources${user === undefined && target !== 'socket' ? ' @privileged' : ''}`,
    'SystemCallErrorNumber=EPERM',
    '',
  ].join('\n');
}

/** What the target must be able to do that not every user can, and why. */
function capabilities(
  { target, user }: UnitOptions,
  card: string | undefined,
): { readonly names: string; readonly why: string } {
  if (target === 'socket') return { names: 'CAP_NET_BIND_SERVICE', why: 'Ports below 1024, and no other right.' };
  if (card !== undefined) return { names: 'CAP_NET_RAW', why: 'The card is opened by a packet socket.' };
  if (user !== undefined)
    return {
      names: '',
      why: 'None: the user has a TAP ("sitekernel host up --bridge BRIDGE --tap tap0 --user USER").',
    };
  return { names: 'CAP_NET_ADMIN', why: 'A TAP is opened and put on its bridge.' };
}

function optionValue(args: readonly string[], name: string): string | undefined {
  const at = args.findLastIndex((one) => one === name || one.startsWith(`${name}=`));
  if (at < 0) return undefined;
  return args[at] === name ? args[at + 1] : args[at]!.slice(name.length + 1);
}

function textOf(value: string | number | boolean | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** A private /tmp would hide it. */
function liesInTmp(folder: string): boolean {
  return /^\/(?:var\/)?tmp\//.test(folder);
}

/** Folders that are written to: the host's, and what its options name. */
function writable({ folder, args }: UnitOptions): string[] {
  const found = [folder];
  if (liesInTmp(folder)) found.push('/tmp', '/var/tmp');
  const within = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  found.push(within(optionValue(args, '--state') ?? defaultState()));
  const capture = optionValue(args, '--pcap');
  if (capture !== undefined) found.push(dirname(within(capture)));
  const listener = optionValue(args, '--admin-listen');
  if (listener?.startsWith('unix:')) found.push(dirname(within(listener.slice(5))));
  // What lies in the folder is written to anyway; what is not there yet must not keep the unit from starting.
  const others = found.slice(1).filter((one) => one !== folder && !one.startsWith(`${folder}/`));
  return [folder, ...others.map((one) => `-${one}`)];
}

/** For a directive that takes paths (systemd.syntax(7)): no dollar sign counts there. */
function pathQuoted(path: string): string {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%');
  return /^[A-Za-z0-9_./:=,@+-]+$/.test(path) ? path : `"${escaped}"`;
}
