/**
 * What a supervisor and a program that it started tell one another, over Node's channel between a process and its
 * child. The two may be of different versions: a message that is not understood is left alone, and `version` grows when
 * that is not enough.
 */
import type { ControlAnswer, ControlRequest } from './protocol.js';

export const CHANNEL_VERSION = 1;

/**
 * Where a program finds the listening socket or the TAP that its supervisor holds. 0 to 2 are the standard ones, 3 is
 * the channel.
 */
export const INHERITED_FD = 4;

/**
 * The listening sockets there: with HTTPS that of HTTP is the second. `count` is what `Go.sockets` says; undefined:
 * one.
 */
export function inheritedFds(count: number | undefined): number[] {
  return Array.from({ length: count ?? 1 }, (_, i) => INHERITED_FD + i);
}

/** A bundle that was served before, whose fingerprinted files stay for `seconds` more. */
export interface FormerBundle {
  readonly bundle: string;
  readonly seconds: number;
}

/** Take the traffic. */
export interface Go {
  readonly do: 'go';
  readonly version: number;
  /** Id of the image, or empty. */
  readonly image: string;
  /** Where the program listens for its successor (direct mode). */
  readonly link: string;
  /** Where predecessors listen that still have connections, the one that has the traffic now first (direct mode). */
  readonly predecessors: readonly string[];
  readonly former: readonly FormerBundle[];
  /** Seconds that what is open may go on once a successor has the traffic. */
  readonly drain: number;
  /** What is behind `INHERITED_FD`, in words of the supervisor. */
  readonly held: string;
  /** Listening sockets from `INHERITED_FD` on; undefined: one. */
  readonly sockets?: number | undefined;
  /** The secret of session tickets, so that clients resume with the next program. */
  readonly tickets?: PassedSecret | undefined;
  /** The secret of the name server's cookies (RFC 9018), in Base64, so that they hold with the next program. */
  readonly cookies?: string | undefined;
  /** The control socket, for when the supervisor is gone. */
  readonly control: string;
  /** The TAP behind `INHERITED_FD` (direct mode). */
  readonly tap?: InheritedTap | undefined;
}

/** A secret of session tickets between processes: the period that it is for, and its bytes in Base64. */
export interface PassedSecret {
  readonly period: number;
  readonly secret: string;
}

export interface InheritedTap {
  readonly name: string;
  readonly header: 0 | 10 | 12;
  readonly checksum: boolean;
  readonly segmentation: boolean;
  readonly mtu: number;
}

export type ToProgram =
  | Go
  | { readonly do: 'ask'; readonly number: number; readonly request: ControlRequest }
  /** Another program has the traffic now: open connections may finish within `seconds`. */
  | { readonly do: 'retire'; readonly seconds: number };

export type ToSupervisor =
  /** The site is open and the self-test passed; `bundle` is the site's id. */
  | { readonly say: 'ready'; readonly version: number; readonly bundle: string }
  /** `urls`: of each of its addresses, `url` first; programs of before have no such list. */
  | { readonly say: 'serving'; readonly url: string; readonly urls?: readonly string[] }
  /** It has one more address; supervisors of before pass it over. */
  | { readonly say: 'address'; readonly url: string }
  | { readonly say: 'answer'; readonly number: number; readonly answer: ControlAnswer }
  /** It will end: one message. */
  | { readonly say: 'failed'; readonly error: string };
