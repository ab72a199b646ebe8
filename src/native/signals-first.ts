/** Imported before all else: what is loaded after it takes its time, and a signal may come meanwhile. */
import { signals } from './process-signals.js';

signals.install();
