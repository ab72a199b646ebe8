/** What a live page says now. */
export interface LiveAnswer {
  readonly status: 200 | 503;
  readonly contentType: string;
  readonly body: string;
}

/**
 * A page that is made each time it is asked for: metrics, health, status. It comes before what the site has at its
 * path.
 */
export interface LivePage {
  /** Absolute and normalised, of characters that need no `%`: `/metrics`. */
  readonly path: string;
  readonly render: () => LiveAnswer;
  /** Asked for again and again by machines: not worth a line in the log. */
  readonly quiet?: boolean | undefined;
  /**
   * Whether a client at this address may see it; to others, and to all who come through a proxy, whose address says
   * nothing of theirs, and to requests for a host that is no IP address and not `localhost` (DNS rebinding), there is
   * what the site has there. Everybody, when absent.
   */
  readonly permits?: ((address: string) => boolean) | undefined;
}
