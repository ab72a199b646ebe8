/** The addresses of the pictures in a `srcset` attribute (HTML Living Standard 4.8.4.3.5). */
export function pictures(srcset: string): string[] {
  const found: string[] = [];
  for (let at = 0; ; ) {
    at = skip(srcset, at, /[\t\n\f\r ,]/);
    if (at >= srcset.length) return found;
    const end = skip(srcset, at, /[^\t\n\f\r ]/);
    const address = srcset.slice(at, end).replace(/,+$/, '');
    if (address !== '') found.push(address);
    // Without a comma at its end, descriptors follow, up to a comma outside of parentheses.
    at = address.length < end - at ? end : descriptorsEnd(srcset, end);
  }
}

function descriptorsEnd(srcset: string, from: number): number {
  let inside = false;
  for (let at = from; at < srcset.length; at++) {
    const c = srcset[at];
    if (c === '(') inside = true;
    else if (c === ')') inside = false;
    else if (c === ',' && !inside) return at + 1;
  }
  return srcset.length;
}

function skip(text: string, from: number, which: RegExp): number {
  let at = from;
  while (at < text.length && which.test(text[at]!)) at++;
  return at;
}
