/** What is wrong with an image or its deployment, as one sentence that says what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/**
 * What to throw for an `error` that came while an image was written to `output`: the system's own errors as a sentence.
 */
export function notWritten(error: unknown, output: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new ImageError(`no space is left for an image in ${output}`);
  if (code !== undefined) return new ImageError(`the image cannot be written to ${output}: ${message}`);
  return error;
}
