#!/usr/bin/env node
/**
 * sitekernel: a static site, an HTTP server and a network, put together.
 *
 *   arguments -> store (the site in memory) -> network (sockets, or a stack of our own) -> HTTP over it -> until a signal
 *
 * `cli/serve.ts` puts the parts together; `cli/networks.ts` chooses the network.
 */
import { parseArguments } from './cli/arguments.js';
import { reportFailure } from './cli/failure.js';

async function main(): Promise<void> {
  const task = parseArguments(process.argv.slice(2));
  // What a task needs is loaded when it is known: a server on sockets never loads the stack.
  switch (task?.kind) {
    case 'serve':
      return (await import('./cli/serve.js')).runServer(task);
    case 'bundle':
      return (await import('./cli/bundle-command.js')).runBundle(task);
    case 'inspect':
      return (await import('./cli/inspect-command.js')).runInspect(task);
    case 'supervise':
      return (await import('./cli/supervise-command.js')).runSupervise(task);
    case 'replay':
      return (await import('./cli/replay-command.js')).runReplay(task);
    case 'host':
      return (await import('./cli/host-command.js')).runHost(task);
    case 'image':
      return (await import('./cli/image-command.js')).runImage(task);
    case 'zone':
      return (await import('./cli/zone-command.js')).runZone(task);
    case 'deploy':
      return (await import('./cli/deploy-command.js')).runDeploy(task);
  }
}

main().then(
  // Nothing is left to do; an open handle of a library must not keep the process.
  () => process.exit(0),
  (error: unknown) => process.exit(reportFailure(error)),
);
