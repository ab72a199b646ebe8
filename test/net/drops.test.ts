/** Every drop has a name: each reason of the closed union is reached by frames into a whole stack, and counted once. */
import t from 'tap';
import { Memory } from '../../src/memory/memory.js';
import { DhcpClient } from '../../src/net/dhcp/client.js';
import { DROP_NAMES, type DropName } from '../../src/net/drops.js';
import type { Flow } from '../../src/net/flow.js';
import { congestionByName } from '../../src/net/tcp/congestion/index.js';
import { type Connection, TcpLayer, type TcpLimits } from '../../src/net/tcp/index.js';
import { handOver } from '../../src/net/tcp/moving/hand-over.js';
import {
  ACK,
  checksum,
  concat,
  ethernet,
  FIN,
  ICMP,
  icmpError,
  ip,
  ipv4,
  PSH,
  RST,
  readTcp,
  type Segment,
  SYN,
  TCP,
  TYPE_ARP,
  TYPE_IPV4,
  tcp,
  timestamps,
  UDP,
  udp,
  view,
} from '../sim/packets.js';
import { extension, icmp6, ip6, ipv6, udp6 } from '../sim/packets6.js';
import { OFFER, reply, terms } from './ip/dhcp-server.js';
import { CONFIG, Laboratory, OUR_MAC, PEER, PEER_MAC, US } from './ip/laboratory.js';
import { Laboratory6, OURS, PEER6 } from './ip/v6/laboratory6.js';

class Host extends Laboratory {
  readonly tcp: TcpLayer;
  flow: Connection | undefined;
  seq = 1000;
  ack = 0;

  constructor(limits: Partial<TcpLimits> = {}, config: typeof CONFIG | null = CONFIG) {
    super(config);
    let x = 5;
    const random32 = (): number => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) | 0);
    const { stack, drops } = this;
    this.tcp = new TcpLayer({ ip: stack, random: { random32 }, drops, congestion: congestionByName('cubic'), limits });
    stack.host(this.tcp);
    this.tcp.listen(80, (flow: Flow) => {
      this.flow = flow as Connection;
    });
    if (config !== null) this.introduce();
  }

  say(flags: number, more: Partial<Segment> = {}): void {
    const { seq, ack } = this;
    this.packet(tcp({ source: PEER, from: 5000, destination: US, to: 80, seq, ack, flags, ...more }));
  }

  open(options: Uint8Array = new Uint8Array(0)): this {
    this.say(SYN, { options });
    const answer = this.takeIp().flatMap((packet) => readTcp(packet.payload) ?? [])[0];
    this.seq += 1;
    this.ack = ((answer?.seq as number) + 1) | 0;
    this.say(ACK, { options: options.length > 0 ? options.subarray(0, 12) : options });
    this.take();
    return this;
  }

  write(bytes: number): void {
    this.flow?.write(new Memory(new Uint8Array(bytes)), 0, bytes);
    this.advance(0);
  }

  /** An IPv4 packet with a change, its checksum made anew unless told otherwise. */
  changed(change: (packet: Uint8Array) => void, mend = true, payload = new Uint8Array(8)): void {
    const packet = ipv4({ source: PEER, destination: US, protocol: 99, payload });
    change(packet);
    if (mend) mendHeader(packet);
    this.packet(packet);
  }

  fragment(offset: number, more: boolean, length: number, id = 1): void {
    const packet = ipv4({ source: PEER, destination: US, protocol: UDP, payload: new Uint8Array(length), id });
    view(packet).setUint16(6, (more ? 0x2000 : 0) | (offset >> 3));
    mendHeader(packet);
    this.packet(packet);
  }
}

function mendHeader(packet: Uint8Array): void {
  const header = Math.max(20, ((packet[0] as number) & 15) * 4);
  view(packet).setUint16(10, 0);
  view(packet).setUint16(10, checksum(packet.subarray(0, Math.min(header, packet.length))));
}

function icmp(type: number, code: number, length = 8): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = type;
  bytes[1] = code;
  if (length >= 4) view(bytes).setUint16(2, checksum(bytes));
  return bytes;
}

/** Our segment, as an ICMP error returns it. */
const ours = (s: Host, seq: number, to = 5000): Uint8Array =>
  tcp({ source: US, from: 80, destination: PEER, to, seq, ack: s.seq, flags: ACK });

function spoilTcp(s: Host, change: (packet: Uint8Array) => void): void {
  const packet = tcp({ source: PEER, from: 5000, destination: US, to: 80, seq: 1, ack: 0, flags: SYN });
  change(packet);
  s.packet(packet);
}

const PAD = Uint8Array.of(1, 4, 0, 0, 0, 0);

const packet6 = (next: number, payload: Uint8Array): Uint8Array =>
  ipv6({ source: PEER6, destination: OURS, next, payload });

/** What a stack with IPv6 counts; the frames are those of `what`. */
function six(what: (s: Laboratory6) => void): Laboratory6 {
  const s = Laboratory6.ready();
  what(s);
  return s;
}

/** By reason: what makes a stack count it. Those that need no configured host make their own. */
const WAYS: Readonly<Record<DropName, (s: Host) => unknown>> = {
  'ethernet-truncated': (s) => s.frame(new Uint8Array(13)),
  'ethernet-not-for-us': (s) =>
    s.frame(ethernet(Uint8Array.of(2, 9, 9, 9, 9, 9), PEER_MAC, TYPE_IPV4, new Uint8Array(46))),
  'ethernet-source-invalid': (s) =>
    s.frame(ethernet(OUR_MAC, Uint8Array.of(1, 0, 0, 0, 0, 1), TYPE_IPV4, new Uint8Array(46))),
  'ethernet-vlan': (s) => s.frame(ethernet(OUR_MAC, PEER_MAC, 0x8100, new Uint8Array(46).fill(5))),
  'ethernet-type-unknown': (s) => s.frame(ethernet(OUR_MAC, PEER_MAC, 0x88b5, new Uint8Array(46))),
  'arp-truncated': (s) => s.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_ARP, new Uint8Array(46)).subarray(0, 30)),
  'arp-format': (s) => s.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_ARP, new Uint8Array(46))),
  'arp-not-for-us': (s) => s.arp({ target: ip('10.0.0.200') }),
  'arp-source-invalid': (s) => s.arp({ senderMac: new Uint8Array(6) }),
  'neighbour-unresolved': (s) => {
    s.stack.udp.bind(9, () => {}).send(new Uint8Array(1), ip('10.0.0.200'), 9);
    s.advance(10_000);
  },
  'neighbour-queue-full': (s) => {
    const port = s.stack.udp.bind(9, () => {});
    for (let i = 0; i < 17; i++) port.send(new Uint8Array(1), ip('10.0.0.200'), 9);
  },
  'neighbour-table-full': () => {
    const s = new Host({}, { ...CONFIG, prefix: 16 });
    const port = s.stack.udp.bind(9, () => {});
    for (let i = 0; i < 257; i++) port.send(new Uint8Array(1), ip(`10.0.${1 + (i >> 7)}.${1 + (i & 127)}`), 9);
    return s;
  },
  'ip-truncated': (s) => s.frame(ethernet(OUR_MAC, PEER_MAC, TYPE_IPV4, new Uint8Array(46)).subarray(0, 30)),
  'ip-version': (s) => s.changed((p) => p.fill(0x65, 0, 1)),
  'ip-header-length': (s) => s.changed((p) => p.fill(0x44, 0, 1)),
  'ip-total-length': (s) => s.changed((p) => view(p).setUint16(2, 1000)),
  'ip-checksum': (s) => s.changed((p) => p.fill(7, 10, 11), false),
  'ip-source-martian': (s) => s.changed((p) => view(p).setInt32(12, ip('127.0.0.1'))),
  'ip-not-for-us': (s) => s.changed((p) => view(p).setInt32(16, ip('10.0.0.3'))),
  'ip-no-address': () => {
    const s = new Host({}, null);
    s.changed(() => {});
    return s;
  },
  'ip-options-malformed': (s) => options(s, Uint8Array.of(7, 0, 0, 0)),
  'ip-source-route': (s) => options(s, Uint8Array.of(131, 4, 4, 0)),
  'ip-protocol-unknown': (s) => s.changed(() => {}),
  'ip-no-route': () => {
    const s = new Host({}, { address: US, prefix: 24 });
    s.packet(tcp({ source: ip('192.0.2.1'), from: 5000, destination: US, to: 80, seq: 1, ack: 0, flags: SYN }));
    return s;
  },
  'ip-too-big': (s) => void s.stack.udp.bind(9, () => {}).send(new Uint8Array(65_508), PEER, 9),
  'ip-extension-header': () => six((s) => s.packet6(packet6(60, extension(0, PAD)))),
  'ip-extension-chain': () => six((s) => s.packet6(packet6(60, extension(58, new Uint8Array(14))))),
  'ip-option-unknown': () =>
    six((s) => s.packet6(packet6(60, concat(extension(58, Uint8Array.of(0x5e, 4)), new Uint8Array(8))))),
  'ip-routing-header': () => six((s) => s.packet6(packet6(43, extension(58, Uint8Array.of(0, 1))))),
  'ip-no-next-header': () => six((s) => s.packet6(packet6(59, new Uint8Array(8)))),
  'ip-peer-table-full': () =>
    six((s) => {
      const { peers } = s.stack;
      (peers as unknown as { most: number }).most = 1024;
      const address = PEER6.slice();
      for (let i = 0; i < 2000; i++) {
        view(address).setUint16(8, i + 1);
        const handle = peers.intern(address);
        if (handle === 0) break;
        peers.hold(handle);
      }
      s.packet6(udp6(ip6('2001:db8::78'), 1, OURS, 9, new Uint8Array(1)));
    }),
  'nd-malformed': () => six((s) => s.packet6(icmp6({ source: PEER6, destination: OURS, hops: 255 }, 135, 0, PAD))),
  'nd-hop-limit': () => six((s) => s.packet6(icmp6({ source: PEER6, destination: OURS }, 135, 0, PAD))),
  'nd-source-invalid': () => six((s) => s.router({ source: PEER6 })),
  'nd-not-for-us': () => six((s) => s.solicit(ip6('2001:db8:9::2'))),
  'nd-table-full': () =>
    six((s) => {
      for (let i = 1; i <= 9; i++) s.router({ source: ip6(`fe80::${i}`) });
    }),
  'fragment-malformed': (s) => s.fragment(0, true, 7),
  'fragment-duplicate': (s) => {
    s.fragment(0, true, 16);
    s.fragment(0, true, 16);
  },
  'fragment-overlap': (s) => {
    s.fragment(0, true, 16);
    s.fragment(8, true, 16);
  },
  'fragment-too-big': (s) => s.fragment(65_528, false, 100),
  'fragment-table-full': (s) => {
    for (let id = 0; id < 65; id++) s.fragment(0, true, 8, id);
  },
  'fragment-timeout': (s) => {
    s.fragment(0, true, 8);
    s.advance(31_000);
  },
  'icmp-truncated': (s) => s.ip({ protocol: ICMP, payload: new Uint8Array(7) }),
  'icmp-checksum': (s) => s.ip({ protocol: ICMP, payload: new Uint8Array(8).fill(8) }),
  'icmp-type-unknown': (s) => s.ip({ protocol: ICMP, payload: icmp(13, 0) }),
  'icmp-broadcast': (s) => s.ip({ protocol: ICMP, payload: icmp(8, 0), destination: ip('10.0.0.255') }),
  'icmp-rate-limited': (s) => {
    for (let i = 0; i < 51; i++) s.changed(() => {});
  },
  'icmp-error-malformed': (s) => s.ip({ protocol: ICMP, payload: icmp(3, 3, 12) }),
  'icmp-error-unmatched': (s) => s.packet(icmpError(PEER, 3, 3, 0, udp(US, 7, PEER, 9, new Uint8Array(0)))),
  'icmp-error-out-of-window': (s) => {
    s.open();
    s.packet(icmpError(PEER, 3, 1, 0, ours(s, s.ack + 5000)));
  },
  'udp-truncated': (s) => s.ip({ protocol: UDP, payload: new Uint8Array(7) }),
  'udp-length': (s) => s.ip({ protocol: UDP, payload: Uint8Array.of(0, 7, 0, 7, 0, 200, 0, 0) }),
  'udp-checksum': (s) => s.ip({ protocol: UDP, payload: Uint8Array.of(0, 7, 0, 7, 0, 8, 1, 1) }),
  'udp-port-closed': (s) => s.packet(udp(PEER, 7, US, 7, new Uint8Array(0))),
  'dhcp-malformed': (s) => dhcp(s, (message) => message.fill(0, 236, 240)),
  'dhcp-not-for-us': (s) => dhcp(s, (message) => message.fill(9, 28, 34)),
  'dhcp-unexpected': (s) => dhcp(s, () => {}),
  'tcp-truncated': (s) => s.ip({ protocol: TCP, payload: new Uint8Array(19) }),
  'tcp-header-length': (s) => spoilTcp(s, (packet) => packet.fill(0x40, 32, 33)),
  'tcp-checksum': (s) => spoilTcp(s, (packet) => packet.fill(0x55, 36, 37)),
  'tcp-broadcast': (s) => s.say(SYN, { destination: ip('10.0.0.255') }),
  'tcp-handed-over': (s) => {
    handOver(s.tcp, { gone() {}, timeWait() {} }, s.now);
    s.say(SYN);
  },
  'tcp-port-zero': (s) => s.say(SYN, { from: 0 }),
  'tcp-flags-invalid': (s) => s.say(SYN | FIN),
  'tcp-port-closed': (s) => s.say(SYN, { to: 81 }),
  'tcp-no-ack': (s) => s.open().say(PSH, { payload: new Uint8Array(1) }),
  'tcp-out-of-window': (s) => s.open().say(ACK, { seq: s.seq + 100_000, payload: new Uint8Array(1) }),
  'tcp-paws': (s) => s.open(timestamps(500)).say(ACK, { options: timestamps(400), payload: new Uint8Array(1) }),
  'tcp-ack-invalid': (s) => s.open().say(ACK, { ack: s.ack + 1000 }),
  'tcp-rst-invalid': (s) => s.open().say(RST, { seq: s.seq + 1 }),
  'tcp-syn-in-window': (s) => s.open().say(SYN),
  'tcp-challenge-limited': () => {
    const s = new Host({ challenges: 0 });
    s.open().say(SYN);
    return s;
  },
  'tcp-stray-limited': () => {
    const s = new Host({ strays: 0 });
    s.say(ACK);
    return s;
  },
  'tcp-syn-limited': () => {
    const s = new Host({ synAcks: 0 });
    s.say(SYN);
    return s;
  },
  'tcp-cookie-invalid': () => {
    const s = new Host({ synQueue: 0 });
    s.say(SYN);
    s.say(ACK, { seq: 1001, ack: 12_345 });
    return s;
  },
  'tcp-connection-limit': () => {
    const s = new Host({ connections: 0 });
    s.open();
    return s;
  },
  'tcp-memory-limit': () => {
    const s = new Host({ memory: 2000 });
    s.open();
    s.say(ACK, { seq: s.seq + 1000, payload: new Uint8Array(1000) });
    return s;
  },
  'tcp-receive-buffer-full': (s) => {
    s.open();
    s.flow?.pause();
    for (let left = 262_144; left > 0; ) {
      const length = Math.min(left, 1024);
      s.say(ACK, { payload: new Uint8Array(length) });
      s.seq += length;
      left -= length;
    }
    s.say(ACK, { seq: s.flow?.rcvNxt ?? 0, payload: new Uint8Array(100) });
  },
  'tcp-reassembly-full': (s) => {
    s.open();
    for (let i = 0; i < 300; i++) s.say(ACK, { seq: s.seq + 2 + i * 2, payload: new Uint8Array(1) });
  },
  'tcp-duplicate': (s) => {
    s.open(concat(timestamps(1), Uint8Array.of(4, 2, 1, 1)));
    for (let i = 0; i < 2; i++) s.say(ACK, { payload: new Uint8Array(10), options: timestamps(1) });
  },
  'tcp-after-close': (s) => {
    s.open();
    s.flow?.close();
    s.advance(0);
    s.say(ACK | PSH, { payload: new Uint8Array(10) });
  },
  'tcp-time-wait': (s) => {
    s.open();
    s.flow?.end();
    s.advance(0);
    s.ack += 1;
    s.say(ACK | FIN);
    s.say(ACK | FIN);
  },
  'device-transmit-failed': (s) => {
    s.device.wire = () => false;
    s.stack.udp.bind(9, () => {}).send(new Uint8Array(1), PEER, 9);
  },
  fault: (s) => {
    s.stack.faults.onFault = () => undefined;
    s.stack.udp.bind(9, () => {
      throw new Error('a mistake');
    });
    s.packet(udp(PEER, 7, US, 9, new Uint8Array(0)));
  },
};

function options(s: Host, bytes: Uint8Array): void {
  const packet = concat(ipv4({ source: PEER, destination: US, protocol: 99, payload: new Uint8Array(0) }), bytes);
  packet[0] = 0x40 | (packet.length / 4);
  view(packet).setUint16(2, packet.length);
  mendHeader(packet);
  s.packet(packet);
}

function dhcp(s: Host, change: (message: Uint8Array) => void): void {
  const client = new DhcpClient({ stack: s.stack });
  client.start(0);
  s.packet(reply(OFFER, 0x1234, ip('10.0.0.42'), terms(1000), { change }));
}

for (const name of DROP_NAMES) {
  t.test(`${name} can be reached, and is counted`, async (t) => {
    const given = new Host();
    const watched: string[] = [];
    given.drops.watcher = (reason) => watched.push(DROP_NAMES[reason] as string);
    const other = WAYS[name](given);
    const s = other instanceof Laboratory ? other : given;
    t.ok(s.dropped(name) >= 1, JSON.stringify(s.drops.toJSON()));
    if (s === given) t.ok(watched.includes(name), 'and told of to who watches');
  });
}
