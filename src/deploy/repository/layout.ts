/**
 * Where things lie in a branch of the deployment repository. A branch is for one target:
 *
 *   latest                       id of the image that hosts shall run
 *   images/<id>/manifest.json    of the last N images
 *              /labels.json
 *              /signature        when it was signed
 *   image/run, image/program/…   the program of the latest
 *   site/…                       the site of the latest, as plain files
 *   certificates/<name>.age      certificates, each encrypted for the hosts that may have it
 *               /<name>.json     which one it is, and for whom
 *               /<name>.signature  of the encrypted file, when it was signed
 *
 * Program and site lie at the same paths in each deployment: so git finds what it can send as a difference, and a
 * changed page costs some hundred bytes. Those of an earlier image are in the commit that made it the latest.
 */
export const LATEST = 'latest';
export const IMAGES = 'images';
export const IMAGE = 'image';
export const SITE = 'site';
export const CERTIFICATES = 'certificates';
export const MANIFEST = 'manifest.json';
export const LABELS = 'labels.json';
export const SIGNATURE = 'signature';

/** The branch when none is named. */
export const BRANCH = 'main';

export function imagePath(id: string, name: string): string {
  return `${IMAGES}/${id}/${name}`;
}

export function certificatePath(name: string, kind: 'age' | 'json' | 'signature'): string {
  return `${CERTIFICATES}/${name}.${kind}`;
}
