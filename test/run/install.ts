/** Installs what the tests need from the system, where that is allowed. */
import { installNativeTools } from './native-tools.js';
import { installPackages } from './packages.js';
import { installRuntimes } from './runtimes.js';

installPackages();
installNativeTools();
installRuntimes();
