/** Options of the command line about pages on the server itself: which there are, and where. */

import { isIP } from 'node:net';
import { type Command, InvalidArgumentError } from 'commander';
import type { AdminArguments, AdminPlace } from '../../serve/options/admin.js';
import { addressList } from '../values/address-list.js';

export interface AdminFlags {
  metrics?: true;
  health?: true;
  status?: true;
  adminPath?: string;
  adminListen?: AdminPlace;
  admin?: (address: string) => boolean;
}

const DEFAULT_PLACE: AdminPlace = { host: '127.0.0.1', port: 9090 };

export function addAdminOptions(program: Command, path: (text: string) => string): Command {
  return program
    .option(
      '--admin-listen <where>',
      'metrics, health and status on a listener of their own: 127.0.0.1:9090, [::1]:9090, or unix:PATH',
      adminPlace,
    )
    .option('--metrics', 'Prometheus metrics at /metrics, there alone (default: at 127.0.0.1:9090)')
    .option('--health', 'a page that says ok at /health, likewise')
    .option('--status', 'a status page for the browser at /status, likewise')
    .option('--admin-path <path>', 'have those three below a path, such as /internal', path)
    .option(
      '--admin <list>',
      "serve those three on the site's port as well, to these addresses or networks like 10.0.0.0/8",
      addressList,
    );
}

/** Without a word about which pages there are to be, an admin listener has all of them. */
export function adminArguments(flags: AdminFlags): AdminArguments {
  const { adminPath = '', adminListen, admin } = flags;
  const some = flags.metrics ?? flags.health ?? flags.status ?? false;
  const all = !some && adminListen !== undefined;
  return {
    metrics: flags.metrics || all ? `${adminPath}/metrics` : undefined,
    health: flags.health || all ? `${adminPath}/health` : undefined,
    status: flags.status || all ? `${adminPath}/status` : undefined,
    listen: adminListen ?? (some && admin === undefined ? DEFAULT_PLACE : undefined),
    admins: admin,
  };
}

function adminPlace(text: string): AdminPlace {
  const path = text.startsWith('unix:') ? text.slice(5) : text.includes('/') ? text : undefined;
  if (path !== undefined && path !== '') return { path };
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  if (match === null || isIP(host) === 0 || port > 65_535)
    throw new InvalidArgumentError('It looks like 127.0.0.1:9090, [::1]:9090 or unix:/run/sitekernel/admin.sock.');
  return { host, port };
}
