#!/usr/bin/env node
/**
 * sitekernel: a static site, an HTTP server and a network, put together. This is the one place that knows every part.
 *
 *   arguments -> store (the site in memory) -> network (sockets, or a stack of our own) -> HTTP over it -> until a signal
 */
import { parseArguments, type ServeOptions } from './cli/arguments.js';
import { Failure } from './cli/failure.js';
import { Log } from './cli/log.js';
import { embeddedSite } from './cli/program-files.js';
import type { Network } from './net/flow.js';

async function main(): Promise<void> {
  const task = parseArguments(process.argv.slice(2));
  // What a task needs is loaded when it is known: a server on sockets never loads the stack, nor a server the bundler's bar.
  switch (task?.kind) {
    case 'serve':
      return runServer(task);
    case 'bundle':
      return (await import('./cli/bundle-command.js')).runBundle(task);
    case 'inspect':
      return (await import('./cli/inspect-command.js')).runInspect(task);
    case 'host':
      return (await import('./cli/host-command.js')).runHost(task);
  }
}

async function runServer(options: ServeOptions): Promise<void> {
  const log = new Log(options.log);
  const { openStore } = await import('./store/index.js');
  const store = await openStore(options.site ?? embeddedSite(), {
    onWarning: (sentence) => log.warn(sentence),
    onDamage: (sentence) => log.warn(sentence),
  });
  const { serve } = await import('./cli/serve.js');
  const network = await openNetwork(options);
  await serve(options, store, network, log);
}

async function openNetwork(options: ServeOptions): Promise<Network> {
  if (options.net === 'direct') throw new Failure('direct mode does not work in this version; use --net socket');
  const { SocketNetwork } = await import('./net/sockets.js');
  return new SocketNetwork({ host: options.host });
}

main().then(
  // Nothing is left to do; an open handle of a library must not keep the process.
  () => process.exit(0),
  (error: unknown) => {
    // A person's mistake, or the machine's state, is a sentence; only what we did not foresee shows where it happened.
    const known =
      error instanceof Failure || (error instanceof Error && error.name !== 'TypeError' && error.name !== 'RangeError');
    const text = known
      ? (error as Error).message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
    process.stderr.write(`sitekernel: ${text}\n`);
    process.exit(error instanceof Failure ? error.status : 1);
  },
);
