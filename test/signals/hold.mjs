// Given to Node by --import: files of the site are opened only when the file HOLD is gone. So a start lasts as long as a test wants it to.
import { existsSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

const { open } = promises;
promises.open = async (path, ...more) => {
  while (String(path).endsWith('/index.html') && existsSync(process.env.HOLD)) await pause(5);
  return open(path, ...more);
};
syncBuiltinESMExports();
