import { ifNoBug } from '../errors/codes.js';
import { ImageError } from '../image/image-error.js';
import { isImageId } from '../image/manifest.js';
import { git, type Repository } from './git/git.js';
import type { Host } from './host/host.js';
import { LATEST } from './repository/layout.js';
import { stagedIds } from './stage.js';

/**
 * The whole id of the image whose id begins with `start`: of those that are staged and of those that the branch ever
 * had as its latest. History that a shallow clone lacks is fetched when it is needed. Throws an ImageError.
 */
export async function resolveId(host: Host, repository: Repository, start: string): Promise<string> {
  const found = await matching(host, repository, start);
  if (found.length === 0) {
    // Commits and what changed in them: for plain files that is little.
    await git(['-C', host.work, 'fetch', '--quiet', '--unshallow']).catch(ifNoBug(undefined));
    found.push(...(await matching(host, repository, start)));
  }
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new ImageError(`no image that this host can reach begins with ${start}`);
  throw new ImageError(`${start} may be ${found.map((id) => id.slice(0, 16)).join(' or ')}; give more of the id`);
}

async function matching(host: Host, repository: Repository, start: string): Promise<string[]> {
  const ids = new Set(await stagedIds(host));
  const commits = (await repository.text(['rev-list', '--end-of-options', host.tip, '--', LATEST])).split('\n');
  for (const commit of commits) {
    const id = (await repository.blob(`${commit}:${LATEST}`))?.toString('utf8').trim() ?? '';
    if (isImageId(id)) ids.add(id);
  }
  return [...ids].filter((id) => id.startsWith(start));
}
