/** What DHCP servers say, honest and not. */
import { ip, udp, view } from '../sim/packets.js';
import { GATEWAY, OUR_MAC, US } from './subject.js';
import type { Tape } from './tape.js';

export function dhcpMessage(tape: Tape, transaction: number): Uint8Array {
  const bytes = new Uint8Array(300 + tape.below(100));
  const data = view(bytes);
  bytes.set([tape.chance(97) ? 2 : 1, 1, 6, 0]);
  data.setInt32(4, tape.chance(92) ? transaction : tape.word());
  data.setInt32(16, tape.chance(92) ? US : tape.pick([0, -1, 0x7f000001, tape.word(), ip('10.0.0.3')]));
  bytes.set(tape.chance(97) ? OUR_MAC : tape.take(6), 28);
  data.setUint32(236, tape.chance(97) ? 0x63825363 : tape.word());
  let at = 240;
  const option = (kind: number, value: readonly number[]): void => {
    if (at + 2 + value.length > bytes.length) return;
    bytes.set([kind, value.length, ...value], at);
    at += 2 + value.length;
  };
  const address = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  option(53, [tape.pick([2, 2, 2, 5, 5, 5, 5, 6, 4, 0, 99])]);
  if (tape.chance(92)) option(54, address(GATEWAY));
  if (tape.chance(90)) option(51, address(tape.pick([600, 60, 3600, 1, 0, -1, tape.word()])));
  if (tape.chance(85)) option(1, address(tape.pick([0xffffff00, 0xff000000, 0, -1, tape.word()])));
  if (tape.chance(85)) option(3, address(tape.chance(90) ? GATEWAY : tape.word()));
  if (tape.chance(20)) option(26, [tape.byte(), tape.byte()]);
  if (tape.chance(20)) option(58, address(tape.pick([10, 1000, 0, -1, tape.word()])));
  if (tape.chance(20)) option(59, address(tape.pick([20, 2000, 0, -1, tape.word()])));
  if (tape.chance(25)) option(121, [...tape.take(tape.below(24))]);
  if (tape.chance(15)) option(52, [tape.below(5)]);
  if (tape.chance(25)) option(tape.byte(), [...tape.take(tape.below(20))]);
  if (tape.chance(80) && at < bytes.length) bytes[at] = 255;
  if (tape.chance(10)) bytes[240 + tape.below(bytes.length - 240)] = tape.byte();
  const to = tape.chance(70) ? -1 : US;
  return udp(
    GATEWAY,
    tape.chance(97) ? 67 : 1067,
    to,
    68,
    tape.chance(5) ? bytes.subarray(0, tape.below(bytes.length)) : bytes,
  );
}
