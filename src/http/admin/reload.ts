import type { LivePage } from '../contracts/live-page.js';

/** Milliseconds between two polls. */
const INTERVAL = 150;

/**
 * The live pages at `path` and `path.js` with which a page loads itself again when another version of its site is
 * served; for development. `version` changes with each. Pages load the script: `SiteOptions.reload` of the store sees
 * to that.
 */
export function reloadPages(path: string, version: () => string): LivePage[] {
  const script = (): string => `{
  const known = ${JSON.stringify(version())};
  const look = async () => {
    try {
      const answer = document.hidden ? undefined : await fetch(${JSON.stringify(path)}, { cache: 'no-store' });
      if (answer?.ok && (await answer.text()) !== known) return location.reload();
    } catch {
      // The server is being started again: it will be back.
    }
    setTimeout(look, ${INTERVAL});
  };
  setTimeout(look, ${INTERVAL});
}
`;
  return [
    { path, quiet: true, render: () => ({ status: 200, contentType: 'text/plain; charset=utf-8', body: version() }) },
    {
      path: `${path}.js`,
      render: () => ({ status: 200, contentType: 'text/javascript; charset=utf-8', body: script() }),
    },
  ];
}
