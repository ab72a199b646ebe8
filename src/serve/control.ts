/** Requests to a running server: its status, another bundle, the end. */
import type { ControlAnswer, ControlRequest, ControlStatus, SwapRequest } from '../control/protocol.js';
import { type ControlSocket, openControl } from '../control/server.js';
import { UserError } from '../errors/user-error.js';
import type { Front } from './door.js';
import type { ServedSite } from './served-site.js';

/** The zones of a name server. */
interface Zones {
  /** Reads these files, and returns what serves them instead of those before. Throws a `UserError`. */
  replacements(files: readonly string[]): () => Promise<void>;
}

export interface Controlled {
  readonly site: ServedSite;
  readonly front: Front;
  /** Undefined: it answers no names. */
  readonly zones?: (() => Zones | undefined) | undefined;
  /** Connections that came from other programs; undefined: the network knows of none. */
  readonly moved: () => number | undefined;
  /** Id of the image, or empty. A swap changes it. */
  image: string;
  /** Where it began to serve. Empty: it does not serve yet. */
  readonly url: string;
  /** Where it serves now, by each of its addresses. */
  readonly urls: () => readonly string[];
  /** Has the process that orders certificates look; undefined: there is none. */
  readonly look?: (() => Promise<void>) | undefined;
  /** Accepts no new connections, and ends when the open ones are finished. */
  readonly drain: () => void;
}

export class Control {
  private readonly since = Date.now();
  private state: ControlStatus['state'] = 'serving';

  constructor(private readonly server: Controlled) {}

  readonly answer = async (request: ControlRequest): Promise<ControlAnswer> => {
    const { server } = this;
    if (server.url === '' && request.do !== 'drain') return { ok: false, error: 'it does not serve yet' };
    switch (request.do) {
      case 'status':
        return { ok: true, ...this.status() };
      case 'swap':
        await this.swap(request);
        return { ok: true, ...this.status() };
      case 'reload':
        await this.reload();
        return { ok: true, ...this.status() };
      case 'drain':
        this.retired();
        server.drain();
        return { ok: true, ...this.status() };
      default:
        return {
          ok: false,
          error: `${request.do} is for a supervisor; this server takes status, swap, reload and drain`,
        };
    }
  };

  /** Accepts no new connections any more. */
  retired(): void {
    this.state = 'draining';
  }

  status(): ControlStatus {
    const { site, front, moved, image, url } = this.server;
    const urls = this.server.urls();
    return {
      image,
      bundle: site.store().id,
      url: urls[0] ?? url,
      urls,
      pid: process.pid,
      since: this.since,
      connections: front.connections,
      moved: moved(),
      state: this.state,
    };
  }

  private zones(): Zones {
    const zones = this.server.zones?.();
    if (zones === undefined) throw new UserError('it is no name server, and takes no zones');
    return zones;
  }

  /** Reads certificates again. */
  private async reload(): Promise<void> {
    const { reload } = this.server.front;
    if (reload === undefined) throw new UserError('it serves no HTTPS, and has no certificate to read again');
    await this.server.look?.();
    await reload();
  }

  private async swap({ bundle, id, bundleId, zones = [] }: SwapRequest): Promise<void> {
    const { server } = this;
    if (this.state === 'draining') throw new UserError('it is draining, and takes no other bundle');
    if (!server.site.swappable)
      throw new UserError('it serves a directory that is watched (--watch), and takes no bundle');
    // Read before anything changes: a zone with errors leaves the site as it is, too.
    const serveZones = zones.length === 0 ? undefined : this.zones().replacements(zones);
    await server.site.swap(bundle, bundleId);
    await serveZones?.();
    server.image = id ?? '';
  }
}

let opened: ControlSocket | undefined;

/** Opens the control socket of a server that runs by itself. Rejects with a `UserError`. */
export async function open(path: string, server: Controlled): Promise<void> {
  opened = await openControl(path, new Control(server).answer);
}

export function close(): void {
  opened?.close();
}
