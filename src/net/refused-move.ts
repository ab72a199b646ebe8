/** Why what another program offers is not taken: its record is damaged, or is not for this program. */
export type RefusalCode =
  /** It cannot be read at all. */
  | 'moved-batch'
  /** A field is missing, or has a value that it cannot have. */
  | 'moved-field'
  /** A cipher suite that is not known. */
  | 'moved-suite'
  /** A secret of another length, or a number that no record has. */
  | 'moved-key'
  /** The beginning of a record or message that is none. */
  | 'moved-incoming'
  /** Bytes that are not at hand here. */
  | 'moved-memory'
  /** A protocol that is not spoken here, or the owner's part is refused. */
  | 'moved-owner';

export class RefusedMove extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}
