/** Installs what the tests need from the system, where that is allowed. */
import { installPackages } from './packages.js';

installPackages();
