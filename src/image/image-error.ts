/** What is wrong with an image or its deployment, as one sentence that says what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}
