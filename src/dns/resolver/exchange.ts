/**
 * One question to one server: over UDP from a port of its own, and over TCP when the answer is truncated or answers
 * come from another source.
 */
import { Memory } from '../../memory/memory.js';
import {
  copyAddress,
  type Datagram,
  type DatagramAddress,
  type Datagrams,
  datagramAddress,
} from '../../net/datagrams.js';
import type { Clock, Flow, Timer } from '../../net/flow.js';
import { formatIp } from '../../net/ip-text.js';
import type { Random } from '../../net/random.js';
import { FLAG, HEADER, TYPE, UDP_MAX } from '../wire/constants.js';
import type { Name } from '../wire/name.js';
import { concat, putU16, u16At } from '../wire/writer.js';
import { answersTo, type Response, readResponse } from './response.js';

/** Opens a connection; it rejects when there is none. `flow.handler` is set before any data comes. */
export type Connect = (address: string, port: number) => Promise<Flow>;

export interface ExchangeParts {
  readonly datagrams: Datagrams;
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that one server has. */
  readonly timeout: number;
}

/**
 * Datagrams that are not the answer before TCP is used: an attacker guesses, or the server changes the case of names.
 */
const MAX_STRANGERS = 8;
/** Milliseconds until a question is sent that could not be sent. */
const AGAIN = 250;

/** Undefined: no answer in time, or none that can be read. */
export async function exchange(
  parts: ExchangeParts,
  server: DatagramAddress,
  name: Name,
  type: number,
): Promise<Response | undefined> {
  const id = parts.random.random32() & 0xffff;
  const question = concat([mixed(name, parts.random), Uint8Array.of(type >> 8, type & 255, 0, 1)]);
  const query = queryOf(id, question);
  const own = datagramAddress();
  copyAddress(own, server);
  const answer = await overUdp(parts, own, id, question, query);
  if (answer === undefined) return undefined;
  if (answer !== 'tcp') {
    const response = readResponse(answer, question);
    if (response?.truncated !== true) return response;
  }
  const message = await overTcp(parts, own, query);
  return message !== undefined && answersTo(message, id, question) ? readResponse(message, question) : undefined;
}

/** RD, one question, and an OPT record (RFC 6891 6.1.2). */
function queryOf(id: number, question: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEADER);
  putU16(head, 0, id);
  putU16(head, 2, FLAG.rd);
  putU16(head, 4, 1);
  putU16(head, 10, 1);
  return concat([head, question, Uint8Array.of(0, 0, TYPE.OPT, UDP_MAX >> 8, UDP_MAX & 255, 0, 0, 0, 0, 0, 0)]);
}

/** Letters in a case by chance: what a forger must guess besides (draft-vixie-dnsext-dns0x20). */
function mixed(name: Name, random: Random): Name {
  let bits = 0;
  let left = 0;
  return name.map((byte) => {
    if ((byte | 0x20) < 0x61 || (byte | 0x20) > 0x7a) return byte;
    if (left === 0) {
      bits = random.random32();
      left = 32;
    }
    const upper = bits & 1;
    bits >>>= 1;
    left -= 1;
    return upper === 1 ? byte & 0xdf : byte | 0x20;
  });
}

type UdpAnswer = Uint8Array | 'tcp' | undefined;

async function overUdp(
  parts: ExchangeParts,
  server: DatagramAddress,
  id: number,
  question: Uint8Array,
  query: Uint8Array,
): Promise<UdpAnswer> {
  let settle: (answer: UdpAnswer) => void = () => undefined;
  const settled = new Promise<UdpAnswer>((resolve) => {
    settle = resolve;
  });
  let strangers = 0;
  // RFC 5452 9.2: an unpredictable port, for this question alone.
  const port = await parts.datagrams.bind(0, (_port, { bytes, start, end, source }: Datagram) => {
    const message = bytes.slice(start, end);
    if (isSame(source, server) && answersTo(message, id, question)) return settle(message);
    strangers += 1;
    // The server itself, but with another question: it does not keep the case of names.
    const otherCase =
      isSame(source, server) && message.length >= HEADER && u16At(message, 0) === id && message[2] >= 0x80;
    if (otherCase || strangers === MAX_STRANGERS) settle('tcp');
  });
  const timer = parts.clock.schedule(parts.timeout, () => settle(undefined));
  let again: Timer | undefined;
  const send = (): void => {
    // There is no way yet: an address of ours is still looked for on the link (RFC 4862 5.4).
    if (!port.send(query, 0, query.length, server)) again = parts.clock.schedule(AGAIN, send);
  };
  send();
  try {
    return await settled;
  } finally {
    timer.cancel();
    again?.cancel();
    port.close();
  }
}

async function overTcp(
  parts: ExchangeParts,
  server: DatagramAddress,
  query: Uint8Array,
): Promise<Uint8Array | undefined> {
  let settle: (message: Uint8Array | undefined) => void = () => undefined;
  const settled = new Promise<Uint8Array | undefined>((resolve) => {
    settle = resolve;
  });
  const timer = parts.clock.schedule(parts.timeout, () => settle(undefined));
  let flow: Flow | undefined;
  let late = false;
  const opening = parts.connect(formatIp(server.bytes.subarray(0, server.length)), server.port).then(
    (opened) => {
      if (late) return opened.reset();
      flow = opened;
      let held = new Uint8Array(0);
      opened.handler = {
        data: (_flow, bytes, start, end) => {
          held = concat([held, bytes.subarray(start, end)]) as Uint8Array<ArrayBuffer>;
          // One message of 65,535 bytes at most; what comes behind it is not read.
          if (held.length >= 2 && held.length >= 2 + u16At(held, 0)) settle(held.slice(2, 2 + u16At(held, 0)));
        },
        ended: () => settle(undefined),
        drained: () => undefined,
        closed: () => settle(undefined),
      };
      const framed = concat([Uint8Array.of(query.length >> 8, query.length & 255), query]);
      opened.write(new Memory(framed), 0, framed.length);
      opened.flush();
    },
    // The server takes no connection: as if it had not answered.
    () => settle(undefined),
  );
  try {
    return await Promise.race([settled, opening.then(() => settled)]);
  } finally {
    late = true;
    timer.cancel();
    flow?.reset();
  }
}

function isSame(a: DatagramAddress, b: DatagramAddress): boolean {
  if (a.length !== b.length || a.port !== b.port) return false;
  for (let i = 0; i < a.length; i++) if (a.bytes[i] !== b.bytes[i]) return false;
  return true;
}
