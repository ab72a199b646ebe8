#!/usr/bin/env node
/**
 * sitekernel: a static site, an HTTP server and a network, put together.
 *
 *   arguments -> store (the site in memory) -> network (sockets, or a stack of our own) -> HTTP over it -> until a signal
 *
 * `cli/serve.ts` puts the parts together; `cli/networks.ts` chooses the network.
 */
import { parseArguments } from './cli/arguments/arguments.js';
import { reportFailure } from './errors/failure.js';

async function main(): Promise<void> {
  const task = parseArguments(process.argv.slice(2));
  // What a task needs is loaded when it is known: a server on sockets never loads the stack.
  switch (task?.kind) {
    case 'serve':
      return (await import('./serve/serve.js')).runServer(task);
    case 'bundle':
      return (await import('./cli/commands/bundle.js')).runBundle(task);
    case 'inspect':
      return (await import('./cli/commands/inspect.js')).runInspect(task);
    case 'supervise':
      return (await import('./cli/commands/supervise.js')).runSupervise(task);
    case 'replay':
      return (await import('./cli/commands/replay.js')).runReplay(task);
    case 'host':
      return (await import('./cli/commands/host.js')).runHost(task);
    case 'image':
      return (await import('./cli/commands/image.js')).runImage(task);
    case 'deploy':
      return (await import('./cli/commands/deploy.js')).runDeploy(task);
  }
}

main().then(
  // Nothing is left to do; an open handle of a library must not keep the process.
  () => process.exit(0),
  (error: unknown) => process.exit(reportFailure(error)),
);
