import fc from 'fast-check';
import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { memoryLink } from '../../../src/net/device/memory/memory-link.js';
import { HEADROOM, IP_OFFSET, TRANSPORT_OFFSET, type TxFrame } from '../../../src/net/device/tx-frame.js';
import {
  ACK,
  checksum,
  concat,
  ethernet,
  FIN,
  ip,
  PSH,
  readIp,
  readTcp,
  TYPE_IPV4,
  tcp,
  view,
} from '../../sim/packets.js';

const SOURCE = ip('10.0.0.1');
const DESTINATION = ip('10.0.0.2');
const OFFLOAD = { offload: { checksum: true, segmentation: 65_535 } };
const CWR = 0x80;

function pseudoSum(length: number): number {
  const bytes = new Uint8Array(12);
  view(bytes).setInt32(0, SOURCE);
  view(bytes).setInt32(4, DESTINATION);
  bytes[9] = 6;
  view(bytes).setUint16(10, length);
  return ~checksum(bytes) & 0xffff;
}

/** A TCP packet as a stack builds it for a device with offloads: checksum unfinished, payload by reference. */
function load(tx: TxFrame, payload: Uint8Array, cut: number, flags: number, options: Uint8Array): void {
  const packet = tcp({ source: SOURCE, from: 80, destination: DESTINATION, to: 9, seq: -5, ack: 7, flags, options });
  const whole = concat(packet, new Uint8Array(0));
  view(whole).setUint16(2, packet.length + payload.length);
  view(whole).setUint16(10, 0);
  view(whole).setUint16(10, checksum(whole.subarray(0, 20)));
  view(whole).setUint16(36, pseudoSum(whole.length - 20 + payload.length));
  tx.reset();
  tx.head.set(
    ethernet(new Uint8Array(6), new Uint8Array(6), TYPE_IPV4, whole).subarray(0, 14 + whole.length),
    HEADROOM,
  );
  tx.length = 14 + whole.length;
  const memory = new Memory(payload);
  tx.push(memory, 0, payload.length >> 1);
  tx.push(memory, payload.length >> 1, payload.length);
  tx.checksumStart = TRANSPORT_OFFSET - HEADROOM;
  tx.checksumOffset = 16;
  tx.segmentSize = cut;
  tx.segmentHeader = tx.length;
}

t.test('an offloaded super-segment arrives as whole segments with good sums, whose data are the data', async (t) => {
  t.equal(IP_OFFSET - HEADROOM, 14);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 20_000 }),
      fc.integer({ min: 100, max: 1400 }),
      fc.constantFrom(0, 4, 12),
      (payload, cut, options) => {
        const [near, far] = memoryLink(OFFLOAD);
        load(near.tx, payload, cut, ACK | PSH | FIN | CWR, new Uint8Array(options).fill(1));
        if (!near.transmit()) throw new Error('not taken');
        const got: Uint8Array[] = [];
        far.receive((bytes, start, end) => got.push(bytes.slice(start, end)), 1000);
        if (got.length !== Math.ceil(payload.length / cut)) throw new Error(`${got.length} frames`);
        let seq = -5;
        const parts = got.map((frame, i) => {
          const packet = readIp(frame);
          if (packet === undefined) throw new Error('IP header');
          const segment = readTcp(packet.payload) as NonNullable<ReturnType<typeof readTcp>>;
          const sum = new Uint8Array(12);
          view(sum).setUint16(10, pseudoSum(packet.payload.length));
          if (checksum(concat(sum, packet.payload)) !== 0) throw new Error(`TCP checksum of ${i}`);
          if (segment.seq !== seq) throw new Error(`sequence number ${segment.seq}, not ${seq}`);
          const data = packet.payload.slice(segment.header);
          seq = (seq + data.length) | 0;
          const last = i === got.length - 1;
          const flags = ACK | (last ? PSH | FIN : 0) | (i === 0 ? CWR : 0);
          if (segment.flags !== flags) throw new Error(`flags ${segment.flags}, not ${flags}`);
          return data;
        });
        if (Buffer.compare(concat(...parts), payload) !== 0) throw new Error('data');
      },
    ),
    { numRuns: 100 },
  );
});

t.test('a queue that is full loses what comes, and a closed device takes nothing', async (t) => {
  const [near, far] = memoryLink({ queue: 2 });
  const frame = new Uint8Array(60);
  near.tx.reset();
  near.tx.head.set(frame, HEADROOM);
  near.tx.length = 60;
  t.same([near.transmit(), near.transmit(), near.transmit()], [true, true, false]);
  t.equal(
    far.receive(() => {}, 1),
    1,
  );
  t.equal(far.backlog, 1);
  far.close();
  t.equal(near.transmit(), false);
});

t.test('a frame that is larger than the wire carries is lost', async (t) => {
  const [near, far] = memoryLink({ mtu: 500 });
  near.tx.reset();
  near.tx.length = 515;
  t.equal(near.transmit(), false);
  t.equal(far.backlog, 0);
});

t.test('frames that arrive while others are handled are handed over in the same turn', async (t) => {
  const [near, far] = memoryLink();
  near.tx.reset();
  near.tx.length = 60;
  near.transmit();
  let seen = 0;
  far.receive(() => {
    seen += 1;
    if (seen < 5) near.transmit();
  }, 100);
  t.equal(seen, 5);
});
