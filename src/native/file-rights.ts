/** A file's rights, as `stat` has them. */
export interface FileRights {
  /** Type and permissions, `st_mode`. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}
