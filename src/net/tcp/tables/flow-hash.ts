import type { KeyedHash } from '../../keyed-hash.js';

/** Gives a four-tuple its place in a table: cheap, with a secret against chosen collisions. */
export class FlowHash {
  private readonly salt: number;
  private readonly salt2: number;

  constructor(hash: KeyedHash) {
    this.salt = hash.of(1, 2, 3, 4);
    this.salt2 = hash.of(4, 3, 2, 1) | 1;
  }

  /** `ports`: `remote << 16 | local`. Our own address makes no difference: few have two. */
  of(remote: number, ports: number): number {
    let h = Math.imul(remote ^ this.salt, this.salt2);
    h = Math.imul(h ^ (h >>> 15) ^ ports, 0x2c1b3c6d);
    h = Math.imul(h ^ (h >>> 13) ^ this.salt, 0x297a2d39);
    return h ^ (h >>> 16);
  }
}
