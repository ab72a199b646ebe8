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
  /** Patterns of paths whose files never change. */
  readonly immutable: readonly string[];
}

/** How a directory is walked, for serving and bundling; an image includes all files or fails. */
export interface TreeArguments {
  readonly strict: boolean;
  /** Directories into which links may lead. */
  readonly follow: readonly string[];
  /** The source of `Last-Modified`. */
  readonly mtime: 'git' | 'file' | 'none';
}
