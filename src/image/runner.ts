/**
 * What starts and replaces images on a host. The state machine decides what should run; a `Runner` makes it so. There
 * is one for processes on this machine (targets socket, direct, static) and one for virtual machines (vm); `runners.ts`
 * chooses.
 */
import type { Running } from '../control/protocol.js';
import type { Manifest } from './manifest.js';

/** An image on the host's disk, complete and verified. */
export interface StagedImage {
  readonly id: string;
  /**
   * Absolute path of the image's folder: `manifest.json`, `run`, `program/`, `site.bundle`. Read-only for the user who
   * runs it.
   */
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface RunnerOptions {
  /**
   * The host's folder, absolute. What a runner keeps (sockets, pid files) belongs into `run/` in it; the control socket
   * is `run/control.sock`.
   */
  readonly hostFolder: string;
  /** Arguments of this host for `run`: `--tap tap0 --bridge br0`, `--port 80`. They come behind those of the image. */
  readonly args: readonly string[];
  /** Says what it does, a message at a time, into the host's journal. */
  readonly log: (sentence: string) => void;
}

/**
 * Every method but `status` is called by one process at a time: the holder of the host's lock. What it starts outlives
 * the caller.
 */
export interface Runner {
  /** What runs now, asked over the control socket; undefined: nothing runs. */
  status(): Promise<Running | undefined>;
  /** Starts when nothing runs. Resolves when it serves at its address; rejects with a `UserError`. */
  start(image: StagedImage): Promise<Running>;
  /**
   * Same program, same options, another bundle: one step in the running process. On rejection the old one still serves.
   */
  swap(image: StagedImage): Promise<Running>;
  /**
   * Another program: comes up beside the running one, gates itself, takes over; the old one drains. On rejection the
   * old one still serves.
   */
  replace(image: StagedImage): Promise<Running>;
  /** The server reads its certificates again; without one nothing happens. Missing: they are found by themselves. */
  reload?(): Promise<void>;
  stop(): Promise<void>;
}

export type MakeRunner = (options: RunnerOptions) => Runner;
