/** Loads koffi, which calls C functions at 0.1 to 0.2 µs more than C does, when it is first asked for. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type koffiModule from 'koffi';
import { UserError } from '../../errors/user-error.js';

type Koffi = typeof koffiModule;

let loadedKoffi: Koffi | undefined;

/** The foreign-function library itself. Throws a UserError where there is no build of it for this platform. */
export function koffi(): Koffi {
  if (loadedKoffi === undefined) {
    try {
      const require = createRequire(import.meta.url);
      // In an image there are no packages: the native part lies beside the program.
      const beside = new URL('./koffi.node', import.meta.url);
      loadedKoffi = require(existsSync(beside) ? fileURLToPath(beside) : 'koffi') as Koffi;
    } catch (error) {
      throw new UserError(
        `koffi, which calls the operating system, does not load on ${process.platform}/${process.arch}; reinstall with "npm ci" (${String(error)})`,
      );
    }
  }
  return loadedKoffi;
}
