/** The command line: what can be asked, checked as far as that is possible without doing anything. */
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { similar } from '../../errors/similar.js';
import { badUsage, UserError } from '../../errors/user-error.js';
import type { ServeOptions } from '../../serve/options/serve.js';
import { packageVersion } from '../../serve/program-files.js';
import { refuseEmpty } from '../values/empty.js';
import { quiet, usageSentence } from '../values/quiet.js';
import { addBundle, addInspect, type BundleOptions, type InspectOptions } from './bundle.js';
import { addCertificate, type CertificateOptions } from './certificate.js';
import { addDeploy, type DeployOptions } from './deploy.js';
import { addHost, type HostOptions } from './host.js';
import { addImage, type ImageOptions } from './image.js';
import { addReplay, type ReplayOptions } from './replay.js';
import { addSeal, type SealCommand } from './seal.js';
import { addServe } from './serve.js';
import { addSupervise, type SuperviseOptions } from './supervise.js';
import { addZone, type ZoneOptions } from './zone.js';

export type Task =
  | ServeOptions
  | SuperviseOptions
  | BundleOptions
  | InspectOptions
  | ReplayOptions
  | HostOptions
  | ImageOptions
  | DeployOptions
  | CertificateOptions
  | ZoneOptions
  | SealCommand;

/** The commands, in the order in which they are listed. */
const COMMANDS: Readonly<Record<string, (program: Command, found: (task: Task) => void) => void>> = {
  bundle: addBundle,
  inspect: addInspect,
  replay: addReplay,
  host: addHost,
  image: addImage,
  supervise: addSupervise,
  seal: addSeal,
  deploy: addDeploy,
  certificate: addCertificate,
  zone: addZone,
};
const NAMES: readonly string[] = Object.keys(COMMANDS);

const EXAMPLES = `
Examples:
  sitekernel                                          the embedded site on http://127.0.0.1:8080/
  sitekernel --port 3000 _site                        a directory
  sitekernel bundle _site -o site.bundle              one file out of a directory
  sudo sitekernel --net direct --bridge br0 _site     a host of its own on the bridge, address by DHCP
  sudo sitekernel --net direct --tap tap0 --ipv4 192.0.2.7/24 --ipv4-gateway 192.0.2.1 site.bundle

"sitekernel help COMMAND" tells of a command. A directory with the name of one is given as ./help.
`;

/**
 * Reads the arguments (without `node` and the program's name). Returns what to do; undefined when it was said already
 * (`--help`, `--version`). Throws a `UserError` for bad usage.
 */
export function parseArguments(argv: readonly string[]): Task | undefined {
  let task: Task | undefined;
  const program = buildProgram(argv, (found) => {
    task = found;
  });
  const meant = mistyped(argv) ?? unknownTopic(argv, program);
  if (meant !== undefined) throw badUsage(meant);
  try {
    program.parse(spelledOut(argv), { from: 'user' });
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw badUsage(usageSentence(error));
  }
  return task;
}

/** `help`, `version` and `-V`, as other programs have them, by the options that are ours. */
function spelledOut([first, ...rest]: readonly string[]): string[] {
  if (first === undefined) return [];
  if (first === '-V' || (first === 'version' && rest.length === 0)) return ['--version'];
  if (first === 'help') return [...rest.filter((word) => !word.startsWith('-')), '--help'];
  return [first, ...rest];
}

/** An error message where the first word is no command, no file, and much like a command; undefined: it is not. */
function mistyped([first]: readonly string[]): string | undefined {
  if (first === undefined || !/^[a-z]+$/.test(first)) return undefined;
  const known = [...NAMES, 'help', 'version'];
  const meant = known.includes(first) ? undefined : similar(first, known);
  if (meant === undefined || existsSync(first)) return undefined;
  return `there is no command, file or directory "${first}"; did you mean "${meant}"? "sitekernel --help" lists the commands`;
}

/** An error message where `help` is asked about what is no command; undefined: it is not. */
function unknownTopic([first, ...words]: readonly string[], program: Command): string | undefined {
  if (first !== 'help') return undefined;
  let command = program;
  let name = 'sitekernel';
  for (const word of words) {
    if (word.startsWith('-') || (command === program && (word === 'help' || word === 'version'))) return undefined;
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) {
      const meant = similar(
        word,
        command.commands.map((one) => one.name()),
      );
      const guess = meant === undefined ? '' : ` did you mean "${meant}"?`;
      return `there is no command "${word}";${guess} "${name} --help" lists what there is`;
    }
    command = next;
    name += ` ${word}`;
  }
  return undefined;
}

/**
 * The commands that `argv` may mean: those that it has anywhere, and all where help is asked for, which lists them. A
 * start of the server builds none of them.
 */
function possible(argv: readonly string[]): readonly string[] {
  const listed = argv.some((word) => word === 'help' || /^(?:--h|-[^-]*h)/.test(word));
  return listed ? NAMES : NAMES.filter((name) => argv.includes(name));
}

function buildProgram(argv: readonly string[], found: (task: Task) => void): Command {
  const program = new Command('sitekernel');
  quiet(program)
    .description("Serves a static site, over the kernel's sockets or over a TCP/IP stack of its own.")
    .optionsGroup('General:')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', EXAMPLES)
    .helpCommand(false)
    .enablePositionalOptions();
  addServe(program, found);
  for (const name of possible(argv)) COMMANDS[name]!(program, found);
  refuseEmpty(program);
  return program;
}
