/** In a network namespace of its own: asks the kernel, and writes its answers to standard output as JSON. */
import { Linux } from './linux.js';
import { runAll } from './run.js';

const linux = new Linux('oracle0');
await linux.start();
await linux.wait(200);
const answers = await runAll(() => linux);
process.stdout.write(JSON.stringify(answers));
linux.close();
process.exit(0);
