/**
 * Work under way on an HTTP/2 connection that goes to another program: answers with their position, and frames and
 * field blocks that have begun. A connection with a request whose content is awaited, or with content that is read from
 * the disk, stays.
 */
import { type Carrier, type FindMemory, type Piece, rangesOf } from '../../memory/pieces.js';
import type { Content } from '../../store/store.js';
import { BUDGETS } from './budgets.js';
import { MAX_FRAME, MAX_WINDOW, PREFACE } from './frames.js';
import { LOWEST_URGENCY } from './priority.js';
import { MAX_STREAMS, MOST_BLOCK, MOST_CONTINUATIONS, MOST_OWN } from './receive-limits.js';
import type { Session } from './session.js';
import { Stream } from './stream.js';

/** Field blocks of one answer that wait: of 1xx, and of the answer itself. */
const MOST_BLOCKS = 8;

interface MovedStream {
  readonly id: number;
  readonly window: number;
  readonly urgency: number;
  readonly incremental: boolean;
  /** Field blocks that are not sent. */
  readonly blocks: readonly Uint8Array[];
  /** Content that is not sent. */
  readonly pieces: readonly Piece[];
  readonly ownBytes: number;
}

export interface MovedStreams {
  readonly preface: number;
  readonly greeted: boolean;
  readonly welcomed: boolean;
  readonly dataLeft: number;
  readonly dataStream: number;
  readonly dataEnds: boolean;
  /** A field block that goes on in CONTINUATION; null: there is none. */
  readonly block: Uint8Array | null;
  readonly blockFrames: number;
  readonly blockStream: number;
  readonly blockEnds: boolean;
  /** Answers to control frames that the peer has not taken. */
  readonly controls: number;
  /** As `Session.turn`. */
  readonly turn: number;
  readonly streams: readonly MovedStream[];
}

/** Undefined: a part of the session can go on only in this program. */
export function movedStreams(session: Session, carrier: Carrier): MovedStreams | undefined {
  if (session.receiving > 0) return undefined;
  const streams: MovedStream[] = [];
  for (const stream of session.streams) {
    const moved = movedStream(stream, carrier);
    if (moved === undefined) return undefined;
    streams.push(moved);
  }
  const { preface, greeted, welcomed, dataLeft, dataStream, dataEnds } = session;
  const { blockFrames, blockStream, blockEnds, controls, turn } = session;
  const block = session.block === undefined ? null : new Uint8Array(session.block.subarray(0, session.blockLength));
  return {
    ...{ preface, greeted, welcomed, dataLeft, dataStream, dataEnds },
    ...{ block, blockFrames, blockStream, blockEnds, controls, turn, streams },
  };
}

function movedStream(stream: Stream, carrier: Carrier): MovedStream | undefined {
  if (!stream.answered) return undefined;
  const { id, window, urgency, incremental, ownBytes } = stream;
  const left = restOf(stream);
  if (left.some(({ source }) => source !== undefined)) return undefined;
  const pieces = carrier.pieces(left);
  if (pieces === undefined) return undefined;
  const blocks = stream.blocks.map((block) => new Uint8Array(block));
  return { id, window, urgency, incremental, blocks, pieces, ownBytes };
}

function restOf({ pieces, piece, sent }: Stream): Content[] {
  return pieces.slice(piece).map((one, i) => (i === 0 ? { ...one, start: one.start + sent } : one));
}

/** Gives a new session the state that another program described. False: the state is not possible. */
export function restoreStreams(session: Session, said: MovedStreams, find: FindMemory): boolean {
  if (typeof said !== 'object' || said === null || !Array.isArray(said.streams)) return false;
  const { preface, dataLeft, dataStream, block, blockFrames, blockStream, controls, turn, streams } = said;
  const bounds: [number, number][] = [
    [preface, PREFACE.length],
    [dataLeft, MAX_FRAME],
    [dataStream, MAX_WINDOW],
    [blockFrames, MOST_CONTINUATIONS],
    [blockStream, MAX_WINDOW],
    [controls, BUDGETS.unreadControls],
    [turn, MAX_WINDOW],
    [streams.length, MAX_STREAMS],
  ];
  if (!bounds.every(([value, most]) => within(value, 0, most))) return false;
  if (block !== null && (!(block instanceof Uint8Array) || block.length > MOST_BLOCK)) return false;
  Object.assign(session, { preface, dataLeft, dataStream, blockFrames, blockStream, controls, turn });
  session.greeted = said.greeted === true;
  session.welcomed = said.welcomed === true;
  session.dataEnds = said.dataEnds === true;
  session.blockEnds = said.blockEnds === true;
  // RFC 9113 3.4: frames begin behind the preface.
  if (preface < PREFACE.length && (session.greeted || dataLeft > 0 || block !== null || streams.length > 0))
    return false;
  for (const one of streams) if (!restoreStream(session, one, find)) return false;
  if (block !== null) session.block = block;
  session.blockLength = block?.length ?? 0;
  return true;
}

function restoreStream(session: Session, said: MovedStream, find: FindMemory): boolean {
  if (typeof said !== 'object' || said === null) return false;
  const { id, window, urgency, blocks, ownBytes } = said;
  const before = session.streams.at(-1)?.id ?? 0;
  // RFC 9113 5.1.1: streams have a client's numbers, in rising order, and none that the peer has not begun.
  if (!within(id, before + 1, session.lastStream) || id % 2 === 0) return false;
  if (!within(window, -MAX_WINDOW, MAX_WINDOW) || !within(urgency, 0, LOWEST_URGENCY)) return false;
  if (!within(ownBytes, 0, MAX_WINDOW) || session.ownBytes > MOST_OWN) return false;
  if (!Array.isArray(blocks) || blocks.length > MOST_BLOCKS) return false;
  if (!blocks.every((block) => block instanceof Uint8Array && within(block.length, 1, MOST_BLOCK))) return false;
  const pieces = rangesOf(said.pieces, find);
  // A stream with nothing left is over.
  if (pieces === undefined || (pieces.length === 0 && blocks.length === 0)) return false;
  const stream = new Stream(id, window);
  stream.urgency = urgency;
  stream.incremental = said.incremental === true;
  stream.receives = false;
  stream.answered = true;
  stream.blocks = [...blocks];
  stream.pieces = pieces;
  stream.left = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  stream.ownBytes = ownBytes;
  session.ownBytes += ownBytes;
  session.streams.push(stream);
  return true;
}

function within(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}
