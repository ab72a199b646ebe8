/** A program that a supervisor started: it opens its site, tests itself, waits for the order, and takes the traffic. */

import { dirname, join, parse } from 'node:path';
import {
  CHANNEL_VERSION,
  type Go,
  INHERITED_FD,
  inheritedFds,
  type ToProgram,
  type ToSupervisor,
} from '../../control/channel.js';
import { hear } from '../../control/hear.js';
import type { ControlRequest } from '../../control/protocol.js';
import { errorText } from '../../errors/report.js';
import { badUsage, type UserError } from '../../errors/user-error.js';
import { endWithParent, type Parent } from '../../native/parent.js';
import type { DirectNetwork } from '../../net/direct/network.js';
import type { Network } from '../../net/flow.js';
import { urlsFromNow, urlsOf } from '../announce.js';
import { Control } from '../control.js';
import type { Front } from '../door.js';
import { makeFront, openDoors, urlOfFront } from '../front/front.js';
import { adminListener } from '../http-server.js';
import { Log } from '../log.js';
import type { OpenNames, PreparedNames } from '../names/open-names.js';
import { openDirect, openSockets } from '../networks.js';
import { hasNameSockets } from '../options/dns.js';
import type { ServeOptions } from '../options/serve.js';
import type { Renewal } from '../renewal/renewal.js';
import { Sealing } from '../sealing/sealing.js';
import { testSites } from '../self-test.js';
import { firstSignal } from '../signals.js';
import { openSites, type Sites, tellRoots } from '../sites.js';
import { Orphan } from './orphan.js';

/** The supervisor passes those of the name server last: UDP, then TCP. */
const NAME_SOCKETS = 2;
/** Milliseconds without a moved connection, after which the remaining connections stay. */
const MOVE_PATIENCE = 5000;

export async function runSupervised(options: ServeOptions): Promise<void> {
  if (process.send === undefined)
    throw badUsage('--supervised is for "sitekernel supervise", which starts programs so');
  // Until it has the traffic it is of no use without a supervisor; from then on it outlives its supervisor.
  const parent = endWithParent();
  const log = new Log(options.log);
  const supervisor = new Channel(parent, log.faulted);
  const signal = firstSignal(log);
  void Promise.race([signal, supervisor.gone]).then(() => supervisor.ordered || process.exit(1));
  const renewal = options.acme && (await import('../renewal/renewal.js')).Renewal.start(options, log);
  try {
    const sealing = new Sealing(options, 'supervised', log);
    const sites = await openSites(options, log, sealing);
    tellRoots(sites, log);
    const test = await testSites(options, sites);
    log.event('net', `self-test passed: ${test.pages} answers, ${test.bytes} bytes`);
    supervisor.say({ say: 'ready', version: CHANNEL_VERSION, bundle: sites.site.store().id });
    const order = await Promise.race([supervisor.go, signal, supervisor.gone]);
    if (typeof order === 'object') await serve({ options, sites, log, sealing, supervisor, signal, renewal }, order);
    for (const one of sites.all) one.close();
  } catch (error) {
    supervisor.say({ say: 'failed', error: errorText(error) });
    throw error;
  } finally {
    renewal?.stop();
    log.flush();
  }
}

/** A program that has tested itself and waits for the traffic. */
interface Ready {
  readonly options: ServeOptions;
  readonly sites: Sites;
  readonly log: Log;
  readonly sealing: Sealing;
  readonly supervisor: Channel;
  /** The first signal to end. */
  readonly signal: Promise<string>;
  readonly renewal: Renewal | undefined;
}

async function serve(ready: Ready, order: Go): Promise<void> {
  const { options, sites, log, sealing, supervisor, signal, renewal } = ready;
  let failed: (failure: UserError) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  const retired = new Retirement();
  const given = (): void => retired.ask(order.drain * 1000);
  const network = await openInherited(options, order, log, (one) => failed(one), given);
  // Zones are read, and answers are made as far as possible, before the traffic comes.
  const prepared = await prepareZones(ready, order, network);
  let names: OpenNames | undefined;
  const dns = () => names?.server.counters();
  const front = await makeFront({
    options,
    network,
    sites,
    log,
    sealing,
    tickets: order.tickets,
    dns,
    told: renewal?.told,
  });
  await Promise.all(order.former.map(({ bundle, seconds }) => sites.site.keepAssetsOf(bundle, seconds)));
  // The paths where it listens for its successor, and for control requests when the supervisor is gone.
  const between = [order.link, order.control, ...order.predecessors].map(dirname);
  await sealing.files(between.map((path) => ({ path, access: 'write' })));
  const listening = openDoors(network, front, true);
  listening.catch(() => undefined);
  prepared?.listen();
  if ('takeOver' in network) sealing.close();
  // Answers fit the address in the same turn in which the traffic comes.
  const taken = 'takeOver' in network ? (network as DirectNetwork).takeOver(order.predecessors) : Promise.resolve();
  const naming = taken.then(() => prepared?.open());
  naming.catch(() => undefined);
  await taken;
  if ('offer' in network) (network as DirectNetwork).offer(order.link);
  const listeners = await Promise.race([listening, signal, failure]);
  if (typeof listeners !== 'object') return network.close(0);
  names = await Promise.race([naming, failure]);
  if (!('takeOver' in network)) sealing.close();
  const url = urlOfFront(network, front, listeners);
  const moved = (): number | undefined => network.counters()['movedIn'];
  const drain = (): void => retired.ask(options.drain);
  const zones = () => names?.zones;
  const look = renewal && (() => renewal.look());
  const served = () => urlsOf(network, front, listeners);
  const controlled = { site: sites.site, front, zones, moved, image: order.image, url, urls: served, look, drain };
  const control = new Control(controlled);
  supervisor.questions((request) => control.answer(request));
  const urls = urlsFromNow(network, front, listeners, (one) => supervisor.say({ say: 'address', url: one }));
  supervisor.say({ say: 'serving', url, urls });
  const orphan = new Orphan(order, control, (seconds) => retired.ask(seconds * 1000), log.faulted);
  void supervisor.gone.then(() => {
    if (!retired.asked) orphan.open((sentence) => log.warn(sentence)).catch(log.faulted);
  });
  void supervisor.retire.then((seconds) => retired.ask(seconds * 1000));
  const admin = await adminListener(front.watched);
  // The program before this one releases the address when it gets the order to retire, which is about now.
  admin?.openWhenFree();
  const over = Promise.race([signal, retired.when, failure]);
  await Promise.race([renewal?.begin({ reload: front.reload, zones: names?.zones, network }), over]);
  const end = await over.finally(() => renewal?.stop());
  admin?.close();
  control.retired();
  orphan.close();
  const closing = names?.close(typeof end === 'string' ? options.drain : end);
  if (typeof end === 'string') {
    log.event('net', `${end}: no new connections; ${front.connections} open ones have ${options.drain / 1000} s`);
    front.drain();
    await Promise.all([network.close(options.drain), closing]);
    return;
  }
  // A connection that moves to the successor need not end here. Any other one ends with its next answer, and the client
  // connects again.
  const moving = 'moving' in network && (network as DirectNetwork).moving;
  const keep = retireWhenStuck(network, front, moving ? MOVE_PATIENCE : 0);
  const closed = Promise.all([network.close(end), closing]);
  // A signal ends it sooner.
  await Promise.race([closed, signal.then(() => soon(front, options.drain))]);
  keep();
}

/** Retires `front` once nothing has moved for `patience` ms: thousands of connections take their time. */
function retireWhenStuck(network: Network, front: Front, patience: number): () => void {
  const count = (): number => network.counters()['movedOut'] ?? 0;
  let moved = count();
  const look = (): void => {
    const now = count();
    if (now === moved) front.retire();
    else timer = setTimeout(look, patience);
    moved = now;
  };
  let timer = setTimeout(look, patience);
  return () => clearTimeout(timer);
}

async function soon(front: Front, drain: number): Promise<void> {
  front.drain();
  await new Promise((done) => setTimeout(done, drain));
}

async function openInherited(
  options: ServeOptions,
  order: Go,
  log: Log,
  failed: (failure: UserError) => void,
  given: () => void,
): Promise<Network> {
  if (options.net === 'socket') {
    const fds = inheritedFds(order.sockets);
    return openSockets(options, log, hasNameSockets(options) ? fds.slice(0, -NAME_SOCKETS) : fds);
  }
  if (order.tap === undefined) throw badUsage('the supervisor passes no TAP');
  return openDirect(ownCapture(options), log, failed, { inherited: { ...order.tap, fd: INHERITED_FD }, given });
}

/** Undefined: there are no zones. */
async function prepareZones(
  { options, log, renewal }: Ready,
  order: Go,
  network: Network,
): Promise<PreparedNames | undefined> {
  if (options.dns.zones.length === 0) return undefined;
  const { prepareNames } = await import('../names/open-names.js');
  const cookies = order.cookies === undefined ? undefined : Buffer.from(order.cookies, 'base64');
  const authority = renewal?.told.authority;
  if (!hasNameSockets(options)) return prepareNames(options, network, log, { cookies, authority });
  const [udp, tcp] = inheritedFds(order.sockets).slice(-NAME_SOCKETS) as [number, number];
  return prepareNames(options, network, log, { sockets: { udp, tcp }, cookies, authority });
}

/** Two programs that write to one capture would corrupt it: each has its own, with its number in the name. */
function ownCapture(options: ServeOptions): ServeOptions {
  const { pcap } = options.direct;
  if (pcap === undefined) return options;
  const { dir, name, ext } = parse(pcap);
  return { ...options, direct: { ...options.direct, pcap: join(dir, `${name}.${process.pid}${ext}`) } };
}

/** Resolves when another program has the traffic, with the milliseconds that open connections may go on. */
class Retirement {
  asked = false;
  readonly when: Promise<number>;
  private resolve!: (milliseconds: number) => void;

  constructor() {
    this.when = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  ask(milliseconds: number): void {
    this.asked = true;
    this.resolve(milliseconds);
  }
}

/** The supervisor's end of Node's channel. */
class Channel {
  readonly go: Promise<Go>;
  /** The order to take the traffic has come. */
  ordered = false;
  readonly retire: Promise<number>;
  /** The supervisor has ended. */
  readonly gone: Promise<void>;
  private answer: ((request: ControlRequest) => Promise<object>) | undefined;

  /** `faulted` gets what is thrown in dealing with a message. */
  constructor(parent: Parent | undefined, faulted: (error: unknown) => void) {
    this.go = new Promise((resolve) => {
      const heard = (said: ToProgram): void => {
        if (said.do !== 'go') return;
        this.ordered = true;
        parent?.outlive();
        resolve(said);
      };
      hear(process, heard, faulted);
    });
    this.retire = new Promise((resolve) => {
      const heard = (said: ToProgram): void => {
        if (said.do === 'retire') resolve(said.seconds);
        else if (said.do === 'ask') this.asked(said.number, said.request).catch(faulted);
      };
      hear(process, heard, faulted);
    });
    this.gone = new Promise((resolve) => {
      process.on('disconnect', resolve);
      if (!process.connected) resolve();
    });
  }

  say(message: ToSupervisor): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  }

  questions(answer: (request: ControlRequest) => Promise<object>): void {
    this.answer = answer;
  }

  private async asked(number: number, request: ControlRequest): Promise<void> {
    let answer: object;
    try {
      answer = (await this.answer?.(request)) ?? { ok: false, error: 'it does not serve yet' };
    } catch (error) {
      answer = { ok: false, error: errorText(error) };
    }
    this.say({ say: 'answer', number, answer: answer as { ok: true } });
  }
}
