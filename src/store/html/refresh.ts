/**
 * The meaning of the content of `<meta http-equiv="refresh">` (HTML Living Standard, "shared declarative refresh
 * steps").
 */
export interface Refresh {
  /** Whole seconds. */
  readonly seconds: number;
  /** As written; empty: the page itself. */
  readonly to: string;
}

/** Undefined: a browser does not treat it as a refresh. */
export function parseRefresh(content: string): Refresh | undefined {
  const found = /^[\t\n\f\r ]*(?:(\d+)[\d.]*|\.[\d.]*)(?:[\t\n\f\r ]*[;,]|[\t\n\f\r ]+|$)([\s\S]*)$/.exec(content);
  if (found === null) return undefined;
  const rest = found[2]!.replace(/^[\t\n\f\r ]+/, '');
  const target = /^url[\t\n\f\r ]*=[\t\n\f\r ]*/i.exec(rest);
  const text = target === null ? rest : rest.slice(target[0].length);
  const quoted = /^(["'])([\s\S]*?)(?:\1|$)/.exec(text);
  return { seconds: Number(found[1] ?? 0), to: (quoted?.[2] ?? text).trim() };
}
