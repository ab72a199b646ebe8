/** A supervisor in a laboratory, on a TAP or on the kernel's sockets, and clients beside it. */

import { join, resolve } from 'node:path';
import { askControl } from '../../src/control/client.js';
import type { ControlRequest } from '../../src/control/protocol.js';
import type { Lab, Namespace, Program } from '../wire/lab.js';
import { MAIN, type Status } from './supervised.js';

const CLIENTS = resolve('build', 'test', 'supervise', 'client-main.js');

export interface Seen {
  readonly problems: readonly string[];
  readonly requests: number;
  readonly connections: number;
  readonly downloads: number;
  /** Answers to idle sessions of HTTP/2. */
  readonly woken: number;
  /** As `Clients` has them. */
  readonly longest: number;
  readonly longestInDownload: number;
}

export class LabSupervised {
  readonly control: string;
  supervisor!: Program;

  constructor(
    readonly lab: Lab,
    readonly args: readonly string[],
    readonly port = 80,
    readonly place: Namespace = lab.host,
  ) {
    this.control = join(lab.folder, 'control.sock');
  }

  async start(): Promise<void> {
    const args = [MAIN, 'supervise', '--control', this.control, '--', ...this.args];
    this.supervisor = this.place.start(process.execPath, args);
    await this.supervisor.says(/serving on (http\S+)/, 60);
  }

  /** `ip netns exec` becomes what it runs. */
  get pid(): number {
    return this.supervisor.child.pid as number;
  }

  async ask(request: object): Promise<Status> {
    return (await askControl(this.control, request as ControlRequest)) as unknown as Status;
  }

  /** Has the idle sessions ask. */
  wake: () => void = () => undefined;

  /** Clients in `client`; answers what ends them. */
  async clients(client: Namespace, host: string, argv: readonly (string | number)[]): Promise<() => Promise<Seen>> {
    const program = client.start(process.execPath, [CLIENTS, host, String(this.port), ...argv.map(String)]);
    await program.says(/ready/, 120);
    this.wake = () => program.child.stdin?.write('wake\n');
    return async () => {
      program.child.stdin?.end();
      const [text] = await program.says(/^\{.*\}$/m, 300);
      return JSON.parse(text) as Seen;
    };
  }
}
