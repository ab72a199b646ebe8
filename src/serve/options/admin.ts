/** Pages about the server: which there are, and where. */
/** Where the admin listener listens: always a socket of the kernel, with every network. */
export type AdminPlace = { readonly host: string; readonly port: number } | { readonly path: string };

export interface AdminArguments {
  /** Paths of the pages; undefined: there is no such page. */
  readonly metrics: string | undefined;
  readonly health: string | undefined;
  readonly status: string | undefined;
  /** Undefined: no listener of its own. */
  readonly listen: AdminPlace | undefined;
  /** The clients that may see the pages on the site's own port; undefined: the pages are not there. */
  readonly admins: ((address: string) => boolean) | undefined;
}

/** For people: `http://127.0.0.1:9090/`, `unix:/run/admin.sock`. */
export function placeText(place: AdminPlace): string {
  if ('path' in place) return `unix:${place.path}`;
  return `http://${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}/`;
}
