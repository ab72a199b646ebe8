/**
 * A film, put together out of still pictures: WebM (RFC 9559) with an index, so that a player can seek in it by ranges.
 */

/** One element: its id, a length of eight octets, its content. */
function element(id: number, ...content: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const parts = content.map((part) => Uint8Array.from(part));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const name = [24, 16, 8, 0]
    .map((shift) => (id >>> shift) & 0xff)
    .filter((octet, i, all) => octet > 0 || i === 3 || all[0]! > 0);
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(length) | (1n << 56n));
  return Buffer.concat([Uint8Array.from(name), size, ...parts]);
}

function number(id: number, value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return element(id, bytes);
}

function text(id: number, value: string): Uint8Array {
  return element(id, Buffer.from(value, 'latin1'));
}

/** The VP8 frame in a lossy WebP picture (RFC 9649): a key frame. */
function frameOf(webp: Uint8Array): Uint8Array {
  const bytes = Buffer.from(webp);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32LE(at + 4);
    if (bytes.toString('latin1', at, at + 4) === 'VP8 ') return bytes.subarray(at + 8, at + 8 + size);
    at += 8 + size + (size & 1);
  }
  throw new Error('no VP8 frame in the picture');
}

/**
 * Shows each picture for a second. `gap`: bytes of nothing behind the tenth, which a player has reason to leap over.
 */
export function webm(pictures: readonly Uint8Array[], width: number, height: number, gap: number): Uint8Array {
  const header = element(
    0x1a45dfa3,
    number(0x4286, 1),
    number(0x42f7, 1),
    number(0x42f2, 4),
    number(0x42f3, 8),
    text(0x4282, 'webm'),
    number(0x4287, 2),
    number(0x4285, 2),
  );
  const duration = Buffer.alloc(8);
  duration.writeDoubleBE(pictures.length * 1000);
  const info = element(
    0x1549a966,
    number(0x2ad7b1, 1_000_000),
    element(0x4489, duration),
    text(0x4d80, 'test'),
    text(0x5741, 'test'),
  );
  const video = element(0xe0, number(0xb0, width), number(0xba, height));
  const track = element(0xae, number(0xd7, 1), number(0x73c5, 1), number(0x83, 1), text(0x86, 'V_VP8'), video);
  const tracks = element(0x1654ae6b, track);
  const clusters = pictures.map((picture, i) => {
    const cluster = element(0x1f43b675, number(0xe7, i * 1000), element(0xa3, [0x81, 0, 0, 0x80], frameOf(picture)));
    return i === 9 ? Buffer.concat([cluster, element(0xec, new Uint8Array(gap))]) : cluster;
  });
  const cues = (first: number): Uint8Array => {
    let at = first;
    const points = clusters.map((cluster, i) => {
      const point = element(0xbb, number(0xb3, i * 1000), element(0xb7, number(0xf7, 1), number(0xf1, at)));
      at += cluster.length;
      return point;
    });
    return element(0x1c53bb6b, ...points);
  };
  const first = info.length + tracks.length + cues(0).length;
  return Buffer.concat([header, element(0x18538067, info, tracks, cues(first), ...clusters)]);
}
