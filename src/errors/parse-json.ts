/** Returns what `text` says in JSON; undefined: it is no JSON. Whoever wrote it, what comes has no shape yet. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
