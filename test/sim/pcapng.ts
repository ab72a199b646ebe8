/**
 * What a world saw as a pcapng file: one interface a wire, each frame as it was sent, what became of it as its comment.
 */
import { concat, view } from './packets.js';
import { fateText, type World } from './world.js';

const LINKTYPE_ETHERNET = 1;

function padded(bytes: Uint8Array): Uint8Array {
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, i) => {
    view(bytes).setUint32(i * 4, value >>> 0, true);
  });
  return bytes;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const head = new Uint8Array(4);
  view(head).setUint16(0, code, true);
  view(head).setUint16(2, value.length, true);
  return concat(head, padded(value));
}

function block(type: number, body: Uint8Array): Uint8Array {
  const length = body.length + 12;
  return concat(words(type, length), body, words(length));
}

/** Times are microseconds since the beginning of virtual time. */
export function pcapng(world: World): Uint8Array {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const blocks = [block(0x0a0d0d0a, concat(words(0x1a2b3c4d, 1, 0xffffffff, 0xffffffff)))];
  for (const name of world.wires) {
    blocks.push(block(1, concat(words(LINKTYPE_ETHERNET, 0), option(2, text(name)), words(0))));
  }
  for (const { time, wire, number, fate, frame } of world.sightings) {
    const micros = Math.round(time * 1000);
    const comment = fate === 0 ? new Uint8Array(0) : option(1, text(`frame ${number} of this wire: ${fateText(fate)}`));
    const head = words(wire, Math.floor(micros / 2 ** 32), micros % 2 ** 32, frame.length, frame.length);
    blocks.push(block(6, concat(head, padded(frame), comment, words(0))));
  }
  return concat(...blocks);
}
