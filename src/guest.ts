/** The program of a machine image: what serves, and nothing else. */
import { reportFailure } from './cli/failure.js';
import { runGuest } from './cli/guest-command.js';

runGuest().then(
  // An open handle must not keep the machine.
  () => process.exit(0),
  (error: unknown) => process.exit(reportFailure(error)),
);
