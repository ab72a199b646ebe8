/**
 * What decisions are made by. Most errors are `failed`: their message is all that there is to say. Errors of the
 * operating system keep their own codes, such as `ENOENT`.
 */
export type UserErrorCode =
  | 'failed'
  /** Arguments or options that cannot be used: exit status 2. */
  | 'bad-usage'
  /** Another process has the port, the TAP or the path. */
  | 'in-use'
  /** The kernel does not let this user do it. */
  | 'forbidden'
  /** The disk is full. */
  | 'no-space'
  /** A path to write to cannot be written. */
  | 'output'
  /** A site cannot be bundled, or a bundle not be opened. */
  | 'store'
  /** An image is damaged, or cannot be made. */
  | 'image'
  /** A certificate or its key cannot be used. */
  | 'certificate'
  /** The kernel's command line of a machine image names no network, or no site. */
  | 'boot'
  /** The disk with a machine's state cannot be used. */
  | 'state-disk'
  /** A line of the control protocol is no request. */
  | 'request'
  /** A git command failed; `GitError` has what it wrote. */
  | 'git'
  /** The program `git` is not there. */
  | 'no-git'
  /** A repository lacks objects, or has damaged ones. */
  | 'damaged-repository'
  /** A branch does not follow from what was fetched before. */
  | 'rewritten-branch'
  /** A repository has no branch of that name. */
  | 'no-branch'
  /** Another push changes the branch at this moment. */
  | 'locked-branch'
  /** A right signature by a key that was revoked. */
  | 'revoked-key'
  /** A deployment is wrong: it is not tried again. */
  | 'refused'
  /** A deployment was signed by a revoked key: it is not even gone back to. */
  | 'revoked'
  /** This machine could not, now: it is tried again. */
  | 'unable'
  /** Something newer came, and this was given up. */
  | 'cancelled'
  /** A program ended by a signal before its work was done. */
  | 'killed'
  /** A server does not give its connections to its successor. */
  | 'no-hand-over';

/**
 * A mistake of a person, or a state of the machine. `message` is for people: what is wrong, where, and what to do.
 * Every other error is a bug of ours, and is shown with its stack. Code decides by `code`, never by `message`.
 */
export class UserError<Code extends string = UserErrorCode> extends Error {
  override readonly name: string = 'UserError';
  readonly code: Code;

  constructor(message: string, code: Code = 'failed' as Code, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function badUsage(message: string): UserError {
  return new UserError(message, 'bad-usage');
}
