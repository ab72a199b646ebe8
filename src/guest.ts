/** The program of a machine image: what serves, and nothing else. */
import './native/signals-first.js';
import { runGuest } from './cli/commands/guest.js';
import { reportError } from './errors/report.js';

runGuest().then(
  // An open handle must not keep the machine.
  () => process.exit(0),
  (error: unknown) => process.exit(reportError(error)),
);
