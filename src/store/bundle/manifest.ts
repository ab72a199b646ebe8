import type { LateRule } from '../routes/apply-redirects.js';
import type { HeaderRule } from '../rules/header-rules.js';

/** How a bundle was made, and the rules that can only be applied when a path is known. JSON in the bundle. */
export interface Manifest {
  /** The compressors that made the bytes: with other versions the same tree may give another bundle. */
  readonly compressors: Readonly<Record<string, string>>;
  readonly security: boolean;
  readonly headers: readonly HeaderRule[];
  readonly redirects: readonly LateRule[];
}
