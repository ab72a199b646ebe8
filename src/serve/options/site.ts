/** How a site is read. */
export interface SiteArguments {
  readonly spa: boolean;
  readonly hidden: boolean;
  /** Types by extension. */
  readonly mime: Readonly<Record<string, string>>;
  readonly listing: boolean;
  readonly metaRefresh: boolean;
  readonly languages: readonly string[];
  readonly preload: 'link' | 'early-hints' | undefined;
  readonly security: boolean;
}
