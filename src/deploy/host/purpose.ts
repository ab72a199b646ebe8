/**
 * What a signature is for: one site, on one branch. Both are labels of an image, and so signed with it: what one
 * repository has does nothing in another one, also where the same key signs for both.
 */
import type { Labels } from '../../image/manifest.js';
import { Refusal } from './fault.js';

export interface Purpose {
  readonly site: string;
  readonly branch: string;
}

/**
 * The name of a site whose repository is at `url`, a URL, an address of ssh (`git@example.org:you/site.git`) or an
 * absolute path. CI and host may reach it in different ways: scheme, user, port and `.git` do not count.
 */
export function siteNameOf(url: string): string {
  const bare = (path: string): string => path.replace(/\/+$/, '').replace(/\.git$/, '');
  const remote = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)(?::\d+)?(\/.*)?$/i.exec(url);
  if (remote !== null) return `${remote[1]!.toLowerCase()}${bare(remote[2] ?? '')}`;
  const ssh = /^(?:[^/@]*@)?(\[[^\]]*\]|[^/:]+):(.*)$/.exec(url);
  if (ssh !== null) return `${ssh[1]!.toLowerCase()}/${bare(ssh[2]!.replace(/^\/+/, ''))}`;
  return bare(url);
}

/** Throws a Refusal unless the labels say that the image is for `here`. */
export function checkPurpose({ site, branch }: Labels, here: Purpose): void {
  if (site === undefined || branch === undefined)
    throw new Refusal(
      'its signature does not say what it is for, as those of sitekernel 0.1.0 did not; commit it again with the "deploy commit" of a newer version',
    );
  if (site !== here.site)
    throw new Refusal(
      `it was signed for the site ${site}, and this host serves ${here.site}; if these are one site: deploy init HOSTDIR --name ${site}`,
    );
  if (branch !== here.branch)
    throw new Refusal(`it was signed for the branch ${branch}, and this host follows ${here.branch}`);
}
