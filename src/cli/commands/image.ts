/** `sitekernel image …`. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { selfTest } from '../../deploy/gates.js';
import { UserError } from '../../errors/user-error.js';
import { buildImage, nodeProgram } from '../../image/build-image.js';
import { verifyImage } from '../../image/verify-image.js';
import { ownSite, packageVersion } from '../../serve/program-files.js';
import type { ImageBuildOptions, ImageOptions } from '../arguments/image.js';
import { sizeText } from '../values/text.js';
import { zonesForImage } from './image-zones.js';
import { ProgressBar } from './progress.js';

export async function runImage(options: ImageOptions): Promise<void> {
  switch (options.action) {
    case 'build':
      return build(options);
    case 'verify': {
      const { id, manifest } = await verifyImage(options.folder, true);
      process.stdout.write(`${id}: target ${manifest.target}, every file is as it must be\n`);
      return;
    }
    case 'state':
      return (await import('./image-state.js')).runImageState(options);
    case 'assemble':
      return (await import('../../deploy/repository/assemble.js')).assembleHere(options);
  }
}

async function build(options: ImageBuildOptions): Promise<void> {
  const site = options.site ?? ownSite();
  const bar = new ProgressBar();
  try {
    const { id, folder, manifest, existed } = await buildImage(
      {
        site,
        target: options.target,
        network: options.network,
        choices: options.choices,
        zones: await zonesForImage(options.zones, (sentence) => bar.say(sentence)),
        output: options.output,
        labels: {
          serial: options.serial,
          sources: { ...(await commitOf(site)), ...options.sources },
          builder: options.builder ?? hostname(),
        },
        version: packageVersion(),
        onProgress: (progress) => bar.show(progress),
        onWarning: (sentence) => bar.say(sentence),
      },
      options.target === 'vm'
        ? (await import('../../vm/build/vm-program.js')).vmProgram({ kernel: options.kernel })
        : nodeProgram,
    );
    bar.end();
    // What hosts do before they start it: what is found here does not have to be found on each of them.
    const wrong = options.target === 'vm' ? undefined : await selfTest({ id, folder, manifest }, []);
    if (wrong !== undefined) {
      if (!existed) await rm(folder, { recursive: true, force: true });
      throw new UserError(`no host would take this image: ${wrong}`);
    }
    const program = manifest.program.files.reduce((sum, file) => sum + file.size, 0);
    process.stderr.write(
      `${id.slice(0, 12)}: target ${manifest.target}, program ${sizeText(program)}, site ${sizeText(manifest.site.bundle.size)}${existed ? '; it was there already' : ''}\n`,
    );
    if (options.format !== undefined) {
      const disk = `${folder}.${options.format}`;
      await (await import('../../vm/build/disk.js')).writeDisk(folder, options.format, disk);
      process.stderr.write(`${disk}: a disk that boots by itself\n`);
    }
    // Alone on standard output: the next command wants it.
    process.stdout.write(`${folder}\n`);
  } finally {
    bar.end();
  }
}

/** The commit that the site's directory is at, where it is one of git. */
function commitOf(site: string): Promise<Record<string, string>> {
  return new Promise((resolve) => {
    execFile('git', ['-C', site, 'rev-parse', 'HEAD'], (error, out) => resolve(error ? {} : { site: out.trim() }));
  });
}
