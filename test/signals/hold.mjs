// Given to Node by --import: files of the site are opened only when the file HOLD is gone. So a start lasts as long as
// a test wants it to; the file HOLD.PID says that it has come that far.
import fs, { existsSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

const { open } = promises;
promises.open = async (path, ...more) => {
  const held = String(path).endsWith('/index.html') && existsSync(process.env.HOLD);
  if (held) writeFileSync(`${process.env.HOLD}.${process.pid}`, '');
  while (String(path).endsWith('/index.html') && existsSync(process.env.HOLD)) await pause(5);
  return open(path, ...more);
};
// What cannot be read at once is read with promises.
const { openSync } = fs;
fs.openSync = (path, ...more) => {
  if (String(path).endsWith('/index.html') && existsSync(process.env.HOLD))
    throw Object.assign(new Error('held'), { code: 'EMFILE' });
  return openSync(path, ...more);
};
syncBuiltinESMExports();
