/**
 * Keeps tap from following the processes that tests start: at their end they would write to a folder of tap's, and a
 * server that is sealed writes to none of its neighbours'. Nothing here needs what tap finds out so (coverage, `--changed`).
 */
globalThis[Symbol.for('@tapjs/processinfo.ProcessInfoNodeData')] = { files: [], hrstart: process.hrtime() };
const options = (process.env.NODE_OPTIONS ?? '').replace(/"?--import=\S*\/@tapjs\/processinfo\/\S*/, '').trim();
if (options === '') delete process.env.NODE_OPTIONS;
else process.env.NODE_OPTIONS = options;
