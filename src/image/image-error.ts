import { hasCode, isSystemError } from '../errors/codes.js';
import { errorText } from '../errors/report.js';
import { UserError } from '../errors/user-error.js';

/** What is wrong with an image or its deployment, as one message that says what to do. */
export class ImageError extends UserError {
  override readonly name = 'ImageError';

  constructor(message: string, code: 'image' | 'no-space' | 'revoked-key' | 'killed' = 'image') {
    super(message, code);
  }
}

/**
 * What to throw for an `error` that came while an image was written to `output`: the system's own errors as a message.
 */
export function notWritten(error: unknown, output: string): unknown {
  if (hasCode(error, 'ENOSPC')) return new ImageError(`no space is left for an image in ${output}`, 'no-space');
  return isSystemError(error) ? new ImageError(`the image cannot be written to ${output}: ${errorText(error)}`) : error;
}
