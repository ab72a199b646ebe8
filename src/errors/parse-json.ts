/**
 * The value of the JSON in `text`; undefined: it is no JSON. The shape of the value is not checked, whatever the
 * source.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
