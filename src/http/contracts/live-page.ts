/** What a live page says now. */
export interface LiveAnswer {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
}

/**
 * A page that is made for each request: metrics, health, status. It takes precedence over the site's own content at its
 * path.
 */
export interface LivePage {
  /** Absolute and normalised, of characters that need no `%`: `/metrics`. */
  readonly path: string;
  readonly render: () => LiveAnswer;
  /** Machines request it again and again: not worth a line in the log. */
  readonly quiet?: boolean | undefined;
  /**
   * Whether a client at this address may see it; absent: every client may. The site's own content at this path is sent
   * to other clients, to all clients behind a proxy (its address is not theirs), and for a host that is neither an IP
   * address nor `localhost` (DNS rebinding).
   */
  readonly permits?: ((address: string) => boolean) | undefined;
}
