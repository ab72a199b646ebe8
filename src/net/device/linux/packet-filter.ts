/**
 * What a packet socket lets through, as a program for the kernel (classic BPF, linux/filter.h): frames that others
 * sent, to our address or to a group, and of no VLAN. The card takes tags off and keeps them beside the frame, where a
 * read does not see them: without this, a frame of a VLAN would look like one of ours. Identifier 0 is a priority only
 * (IEEE 802.1Q 9.6).
 */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_SET = 0x45;
const RETURN = 0x06;

/** Where the kernel offers what it knows of a frame: SKF_AD_OFF and what is added to it. */
const ANCILLARY = -0x1000;
const PACKET_TYPE = ANCILLARY + 4;
const VLAN_TAG = ANCILLARY + 44;
const VLAN_TAG_PRESENT = ANCILLARY + 48;
const PACKET_OUTGOING = 4;

/** One instruction: code, how far to jump when the test holds and when not, operand. */
type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

/** The program for frames to `mac` (six bytes), eight bytes an instruction. */
export function frameFilter(mac: Uint8Array): Uint8Array {
  const view = new DataView(mac.buffer, mac.byteOffset, 6);
  const program: Instruction[] = [
    [LOAD_WORD, 0, 0, PACKET_TYPE],
    [JUMP_EQUAL, 11, 0, PACKET_OUTGOING],
    [LOAD_WORD, 0, 0, VLAN_TAG_PRESENT],
    [JUMP_EQUAL, 3, 0, 0],
    [LOAD_WORD, 0, 0, VLAN_TAG],
    [AND, 0, 0, 0xfff],
    [JUMP_EQUAL, 0, 6, 0],
    // 7: to a group, or to broadcast.
    [LOAD_BYTE, 0, 0, 0],
    [JUMP_SET, 5, 0, 1],
    [LOAD_WORD, 0, 0, 0],
    [JUMP_EQUAL, 0, 2, view.getUint32(0)],
    [LOAD_HALF, 0, 0, 4],
    [JUMP_EQUAL, 1, 0, view.getUint16(4)],
    // 13: no. 14: the whole frame.
    [RETURN, 0, 0, 0],
    [RETURN, 0, 0, 0x7fffffff],
  ];
  const code = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([operation, whenTrue, whenFalse, operand], i) => {
    code.setUint16(i * 8, operation, true);
    code.setUint8(i * 8 + 2, whenTrue);
    code.setUint8(i * 8 + 3, whenFalse);
    code.setUint32(i * 8 + 4, operand >>> 0, true);
  });
  return new Uint8Array(code.buffer);
}
