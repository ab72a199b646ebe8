/** A host that serves an image by its own program, as cron calls it. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Entry } from '../../src/deploy/host/journal.js';
import { Stage } from './setup.js';

interface Ended {
  readonly status: number | null;
  readonly said: string;
}

export class RealHost {
  readonly stage: Stage;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** Serves the first image. */
  static async open(t: Parameters<typeof Stage.open>[0]): Promise<RealHost> {
    const stage = await Stage.open(t, { gate: 20 });
    const host = new RealHost(stage);
    t.teardown(async () => {
      await host.deploy('stop').ended;
    });
    const { status, said } = await host.deploy('poll').ended;
    if (status !== 0) throw new Error(said);
    return host;
  }

  deploy(...words: string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const { host } = this.stage;
    const child = spawn(process.execPath, [host.tool, 'deploy', ...words, '--host', host.folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream!.on('data', (piece: Buffer) => {
        said += piece.toString();
      });
    const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, said })));
    return { child, ended };
  }

  async status(): Promise<{ agree: boolean; running?: { image: string; url: string; pid: number } }> {
    const { said } = await this.deploy('status', '--json').ended;
    return JSON.parse(said.trim().split('\n').pop()!);
  }

  async page(path = '/'): Promise<string> {
    const { running } = await this.status();
    return (await fetch(new URL(path, running!.url))).text();
  }

  /** Resolves when the log has `step` for the image. */
  async reaches(step: Entry['step'], id: string): Promise<void> {
    for (;;) {
      const there = (await this.stage.log()).some((entry) => entry.step === step && (entry.image ?? id) === id);
      if (there) return;
      await new Promise((done) => setTimeout(done, 2));
    }
  }
}
