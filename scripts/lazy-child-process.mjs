// biome-ignore-all lint/style/useNodejsImportProtocol: the build puts this in the place of the name with the protocol
/**
 * `node:child_process` in the bundles, loaded when a process is started: command-line parsing asks for it at each start, and a server
 * needs nothing of it.
 */
export const spawn = (...given) => require('child_process').spawn(...given);
export const spawnSync = (...given) => require('child_process').spawnSync(...given);
export const execFile = (...given) => require('child_process').execFile(...given);
export const execFileSync = (...given) => require('child_process').execFileSync(...given);
