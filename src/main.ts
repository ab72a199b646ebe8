#!/usr/bin/env node
/**
 * sitekernel: a static site, an HTTP server and a network, put together.
 *
 *   arguments -> store (the site in memory) -> network (sockets, or a stack of our own) -> HTTP over it -> until a
 *   signal
 *
 * `cli/serve.ts` puts the parts together; `cli/networks.ts` chooses the network.
 */
import './native/signals-first.js';
import { parseArguments } from './cli/arguments/arguments.js';
import { reportError } from './errors/report.js';
import { signals } from './native/process-signals.js';
import { renewalRole, WATCHER } from './serve/renewal/process.js';

function beCommand(): void {
  signals.command();
  // The reader of a pipe has gone, as `head` does when it has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? 0 : reportError(error)),
  );
  process.stderr.on('error', () => undefined);
}

async function main(): Promise<void> {
  if (renewalRole() === WATCHER) return (await import('./serve/renewal/watcher.js')).watchOrderer();
  const task = parseArguments(process.argv.slice(2));
  if (task?.kind !== 'serve' && task?.kind !== 'supervise') beCommand();
  // What a task needs is loaded when it is known: a server on sockets never loads the stack.
  switch (task?.kind) {
    case 'serve':
      return (await import('./serve/run/serve.js')).runServer(task);
    case 'bundle':
      return (await import('./cli/commands/bundle.js')).runBundle(task);
    case 'inspect':
      return (await import('./cli/commands/inspect.js')).runInspect(task);
    case 'seal':
      return (await import('./cli/commands/seal.js')).runSeal(task);
    case 'supervise':
      return (await import('./cli/commands/supervise.js')).runSupervise(task);
    case 'replay':
      return (await import('./cli/commands/replay.js')).runReplay(task);
    case 'host':
      return (await import('./cli/commands/host.js')).runHost(task);
    case 'image':
      return (await import('./cli/commands/image.js')).runImage(task);
    case 'zone':
      return (await import('./cli/commands/zone.js')).runZone(task);
    case 'deploy':
      return (await import('./cli/commands/deploy.js')).runDeploy(task);
    case 'certificate':
      return (await import('./cli/commands/certificate.js')).runCertificate(task);
  }
}

main().then(
  // Nothing is left to do; an open handle of a library must not keep the process. An event reports a failed write, and
  // comes first.
  () => setImmediate(() => process.exit(0)),
  (error: unknown) => process.exit(reportError(error)),
);
