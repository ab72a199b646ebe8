/**
 * What starts and replaces images on a host. The state machine decides what should run; a `Runner` makes it so. There is one for
 * processes on this machine (targets socket, direct, static) and one for virtual machines (vm); `runners.ts` chooses.
 */
import type { Manifest } from '../image/manifest.js';

/** What runs now. */
export interface Running {
  /** Its image's id; empty: it was not started as an image. */
  readonly image: string;
  /** Id of the bundle that it serves. */
  readonly bundle: string;
  /** Where it serves: `http://10.0.0.7/`. */
  readonly url: string;
  readonly pid: number;
  /** Milliseconds since 1970 when it began to serve. */
  readonly since: number;
}

/** An image on the host's disk, complete and verified. */
export interface StagedImage {
  readonly id: string;
  /** Absolute path of the image's folder: `manifest.json`, `run`, `program/`, `site.bundle`. Read-only for whoever runs it. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface RunnerOptions {
  /** The host's folder, absolute. What a runner keeps (sockets, pid files) belongs into `run/` in it; the control socket is `run/control.sock`. */
  readonly hostFolder: string;
  /** Arguments of this host for `run`: `--tap tap0 --bridge br0`, `--port 80`. They come behind those of the image. */
  readonly args: readonly string[];
  /** Says what it does, a sentence at a time, into the host's journal. */
  readonly log: (sentence: string) => void;
}

/** Every method but `status` is called by one process at a time: whoever holds the host's lock. What it starts outlives the caller. */
export interface Runner {
  /** What runs now, asked over the control socket; undefined: nothing runs. */
  status(): Promise<Running | undefined>;
  /** Starts when nothing runs. Resolves when it serves at its address; rejects with a sentence. */
  start(image: StagedImage): Promise<Running>;
  /** Same program, same options, another bundle: one step in the running process. On rejection the old one still serves. */
  swap(image: StagedImage): Promise<Running>;
  /** Another program: comes up beside the running one, gates itself, takes over; the old one drains. On rejection the old one still serves. */
  replace(image: StagedImage): Promise<Running>;
  stop(): Promise<void>;
}

export type MakeRunner = (options: RunnerOptions) => Runner;

/**
 * The control socket of a running server, `run/control.sock` in the host's folder (`--control PATH`): a request and its answer are a
 * line of JSON each; a connection may carry several.
 */
export type ControlRequest =
  | { readonly do: 'status' }
  /** `bundle`: absolute path; `id`: of the image that it belongs to. */
  | { readonly do: 'swap'; readonly bundle: string; readonly id: string }
  | { readonly do: 'drain' };

export type ControlAnswer =
  | (Partial<ControlStatus> & { readonly ok: true })
  /** `error`: a sentence; nothing was changed. */
  | { readonly ok: false; readonly error: string };

export interface ControlStatus extends Running {
  readonly connections: number;
  /** Connections that came from the programs before it, since it began; on a TAP. */
  readonly moved?: number | undefined;
  readonly state: 'starting' | 'serving' | 'draining';
}
