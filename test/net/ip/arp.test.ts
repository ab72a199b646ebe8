import t from 'tap';
import { Memory } from '../../../src/memory/memory.js';
import { ETHERTYPE_ARP } from '../../../src/net/wire/ethernet.js';
import { arp, BROADCAST_MAC, checksum, ethernet, ip, ipv4, readArp, view } from '../../sim/packets.js';
import { GATEWAY, Laboratory, OTHER_MAC, OUR_MAC, PEER, PEER_MAC, US } from './laboratory.js';

const echo = Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1);

t.test('[826] a request for our address is answered to who asked', async (t) => {
  const lab = new Laboratory();
  lab.arp({}, BROADCAST_MAC);
  const [reply] = lab.takeArp();
  t.match(reply, { operation: 2, sender: US, target: PEER });
  t.same(reply?.senderMac, OUR_MAC);
  t.same(reply?.targetMac, PEER_MAC);
});

t.test('[5227 2.1.1] a probe from 0.0.0.0 for our address is answered', async (t) => {
  const lab = new Laboratory();
  lab.arp({ sender: 0 }, BROADCAST_MAC);
  t.equal(lab.takeArp()[0]?.operation, 2);
});

t.test('[1122 2.3.2.1] an entry is asked for anew once it is old, by unicast, and used meanwhile', async (t) => {
  const lab = new Laboratory().introduce();
  lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeIp().length, 1);
  lab.now += 70_000;
  lab.ip({ protocol: 1, payload: echo });
  const frames = lab.take();
  t.equal(frames.length, 2, 'a poll and the answer');
  t.same(frames[0]?.subarray(0, 6), PEER_MAC, 'the poll is unicast');
});

t.test('[1122 2.3.2.1] an address is asked for once a second at most, and given up after three tries', async (t) => {
  const lab = new Laboratory();
  for (let i = 0; i < 50; i++) lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeArp().length, 1, 'fifty packets, one request');
  lab.advance(10_000);
  t.equal(lab.takeArp().length, 2);
  t.ok(lab.dropped('neighbour-unresolved') > 0);
  t.ok(lab.dropped('neighbour-queue-full') > 0, 'the queue is bounded');
});

t.test('[1122 2.3.2.1] a neighbour that a timer’s packet needs is asked for three times as well', async (t) => {
  const lab = new Laboratory();
  const first = ipv4({ source: PEER, destination: US, protocol: 17, payload: new Uint8Array(32) });
  view(first).setUint16(6, 0x2000);
  view(first).setUint16(10, 0);
  view(first).setUint16(10, checksum(first.subarray(0, 20)));
  lab.packet(first);
  // "Time exceeded" is due when the rest has not come, and PEER is not known.
  lab.advance(60_000);
  t.equal(lab.takeArp().length, 3);
});

t.test('a neighbour that did not answer is asked for again after 3 s, and not before', async (t) => {
  const lab = new Laboratory();
  lab.ip({ protocol: 1, payload: echo });
  lab.advance(4000);
  t.equal(lab.takeArp().length, 3, 'failed after three requests, a second apart');
  // It failed when the third request was a second old.
  lab.advance(1900);
  lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeArp().length, 0);
  lab.advance(1200);
  lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeArp().length, 1);
});

t.test('[1122 2.3.2.2] packets wait while their neighbour is resolved, and none blocks another', async (t) => {
  const lab = new Laboratory();
  lab.ip({ protocol: 1, payload: echo, source: ip('10.0.0.50') });
  lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeArp().length, 2);
  lab.arp({ operation: 2, target: US });
  t.equal(lab.takeIp()[0]?.destination, PEER, 'the answer that waited leaves; 10.0.0.50 is still asked for');
  lab.arp({ operation: 2, sender: ip('10.0.0.50') });
  t.equal(lab.takeIp()[0]?.destination, ip('10.0.0.50'));
});

t.test('[826] who is not asked for is not learnt; who is known is updated, also by gratuitous news', async (t) => {
  const lab = new Laboratory().introduce();
  lab.arp({ target: ip('10.0.0.99'), sender: ip('10.0.0.60') }, BROADCAST_MAC);
  t.equal(lab.dropped('arp-not-for-us'), 1);
  lab.ip({ protocol: 1, payload: echo, source: ip('10.0.0.60') });
  t.equal(lab.takeArp().length, 1, 'it has to be asked for');
  lab.arp({ sender: PEER, target: PEER }, BROADCAST_MAC, OTHER_MAC);
  lab.ip({ protocol: 1, payload: echo });
  t.same(lab.take()[0]?.subarray(0, 6), OTHER_MAC, 'the peer has moved');
});

t.test('[1122 3.3.1.1] off the link the gateway is asked for', async (t) => {
  const lab = new Laboratory();
  lab.ip({ protocol: 1, payload: echo, source: ip('192.0.2.1') });
  t.equal(lab.takeArp()[0]?.target, GATEWAY);
});

t.test('[5227 2.3] an address is announced twice, two seconds apart', async (t) => {
  const lab = new Laboratory();
  lab.stack.arp.announce(lab.now);
  lab.advance(10_000);
  const sent = lab.takeArp();
  t.equal(sent.length, 2);
  for (const one of sent) t.match(one, { operation: 1, sender: US, target: US });
});

t.test('[5227 2.4] a conflict is answered once; a second one within ten seconds loses the address', async (t) => {
  const lab = new Laboratory();
  const kept: boolean[] = [];
  lab.stack.arp.onConflict = (_mac, keep) => kept.push(keep);
  lab.arp({ sender: US, target: US }, BROADCAST_MAC, OTHER_MAC);
  t.equal(lab.takeArp().length, 1, 'defended');
  lab.now += 1000;
  lab.arp({ sender: US, target: US }, BROADCAST_MAC, OTHER_MAC);
  t.equal(lab.takeArp().length, 0);
  lab.now += 20_000;
  lab.arp({ sender: US, target: US }, BROADCAST_MAC, OTHER_MAC);
  t.same(kept, [true, false, true]);
});

t.test('[5227 2.1.1] a probe finds who has the address, or who probes for it too', async (t) => {
  for (const rival of [
    { operation: 2, sender: ip('10.0.0.9') },
    { operation: 1, sender: 0, target: ip('10.0.0.9') },
  ]) {
    const lab = new Laboratory(null);
    let found: Uint8Array | undefined | 'nothing yet' = 'nothing yet';
    lab.stack.arp.probe(ip('10.0.0.9'), 3, 100, lab.now, (mac) => {
      found = mac;
    });
    lab.advance(50);
    t.match(lab.takeArp()[0], { operation: 1, sender: 0, target: ip('10.0.0.9') });
    lab.arp(rival, BROADCAST_MAC, OTHER_MAC);
    t.same(found, OTHER_MAC);
  }
  const lab = new Laboratory(null);
  let free = false;
  lab.stack.arp.probe(ip('10.0.0.9'), 3, 100, lab.now, (mac) => {
    free = mac === undefined;
  });
  lab.advance(1000);
  t.equal(lab.takeArp().length, 3);
  t.ok(free);
});

t.test('malformed ARP is dropped with its reason', async (t) => {
  const lab = new Laboratory();
  const whole = arp({ operation: 1, senderMac: PEER_MAC, sender: PEER, targetMac: new Uint8Array(6), target: US });
  lab.device.deliver(ethernet(OUR_MAC, PEER_MAC, ETHERTYPE_ARP, whole).slice(0, 30));
  lab.frame(new Uint8Array(0));
  t.equal(lab.dropped('arp-truncated'), 1);
  const wrong = whole.slice();
  wrong[4] = 8;
  lab.frame(ethernet(OUR_MAC, PEER_MAC, ETHERTYPE_ARP, wrong));
  t.equal(lab.dropped('arp-format'), 1);
  lab.arp({ senderMac: Uint8Array.of(1, 0, 0, 0, 0, 1) });
  lab.arp({ sender: -1 });
  t.equal(lab.dropped('arp-source-invalid'), 2);
  t.equal(lab.takeArp().length, 0);
});

t.test('the neighbour table is bounded', async (t) => {
  const lab = new Laboratory();
  for (let i = 0; i < 5000; i++) lab.arp({ sender: ip(`10.0.${i >> 8}.${i & 255}`) });
  t.equal(lab.stack.arp.neighbours.known().length, 1024);
});

/** Sends nothing to the peer until three requests went unanswered. */
function unanswered(source = PEER): Laboratory {
  const lab = new Laboratory();
  lab.ip({ protocol: 1, payload: echo, source });
  lab.advance(3500);
  lab.take();
  return lab;
}

t.test('[826] a neighbour that did not answer and is heard of again is good at once, for every route', async (t) => {
  for (const [name, news] of Object.entries({
    'a request for us': { operation: 1, sender: PEER, target: US },
    'an announcement': { operation: 1, sender: PEER, target: PEER },
    'a late reply': { operation: 2, sender: PEER, target: US },
  })) {
    const lab = unanswered();
    lab.arp(news, BROADCAST_MAC);
    lab.take();
    lab.ip({ protocol: 1, payload: echo });
    t.equal(lab.takeIp()[0]?.destination, PEER, name);
  }
  const lab = unanswered(ip('192.0.2.1'));
  lab.ip({ protocol: 1, payload: echo, source: ip('192.0.2.2') });
  t.equal(lab.takeArp().length, 0, 'a route of its own does not ask again for a gateway that is known to be silent');
  lab.arp({ sender: GATEWAY, target: GATEWAY }, BROADCAST_MAC);
  for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
    lab.ip({ protocol: 1, payload: echo, source: ip(host) });
    t.equal(lab.takeIp()[0]?.destination, ip(host), 'the gateway is back');
  }
});

t.test('[826] the table and the routes agree on a neighbour, however many others have asked for us', async (t) => {
  const lab = new Laboratory().introduce();
  lab.ip({ protocol: 1, payload: echo });
  lab.take();
  for (let i = 0; i < 1500; i++) lab.arp({ sender: ip(`10.0.0.${i % 250}`) + (i << 8) });
  lab.arp({ sender: PEER, target: PEER }, BROADCAST_MAC, OTHER_MAC);
  lab.take();
  lab.ip({ protocol: 1, payload: echo });
  t.equal(lab.takeArp()[0]?.target, PEER, 'pushed out of the table, it is asked for anew');
  lab.arp({ operation: 2, target: US }, OUR_MAC, OTHER_MAC);
  t.same(lab.take()[0]?.subarray(0, 6), OTHER_MAC);
});

t.test(
  '[1122 2.3.2.1] three unicast polls, then a broadcast, however many packets go that way meanwhile',
  async (t) => {
    for (const gap of [10_000, 100, 20, 3.1, 0.7]) {
      const lab = new Laboratory().introduce();
      const route = lab.stack.route(PEER);
      lab.ip({ protocol: 1, payload: echo });
      lab.take();
      lab.stack.doubt(route!);
      const began = lab.now;
      let broadcast: number | undefined;
      let unicast = 0;
      while (lab.now < began + 10_000 && broadcast === undefined) {
        lab.ip({ protocol: 1, payload: echo });
        for (let left = gap; left > 0 && broadcast === undefined; left -= 50) {
          lab.advance(Math.min(left, 50));
          for (const frame of lab.take()) {
            if (readArp(frame) === undefined) continue;
            if (frame[0] === 0xff) broadcast = lab.now - began;
            else unicast++;
          }
        }
      }
      t.equal(unicast, 3, `a packet each ${gap} ms`);
      t.ok(broadcast !== undefined && broadcast >= 3000 && broadcast < 3100, `broadcast after ${broadcast} ms`);
    }
  },
);

t.test('a frame to a neighbour that is being asked again is not copied for each question', async (t) => {
  const lab = new Laboratory().introduce();
  const { stack } = lab;
  const memory = new Memory(new Uint8Array(100));
  const leavesInPlace = (): boolean => {
    stack.tx.reset();
    stack.tx.length = 28;
    stack.tx.push(memory, 0, 100);
    return stack.send(stack.route(PEER)!, US, 17) && stack.tx.pieces === 1;
  };
  t.ok(leavesInPlace());
  lab.advance(70_000);
  t.notOk(leavesInPlace(), 'the question is written in its place');
  t.ok(leavesInPlace());
  t.equal(lab.takeArp().length, 1);
});
