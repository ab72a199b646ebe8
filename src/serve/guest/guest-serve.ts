/**
 * Serving in a machine of its own. It takes the traffic over from the machine before it, where the host has connected
 * the two, and gives it to the next one. Each machine finishes the connections that it began.
 */

import { errorText } from '../../errors/report.js';
import { UserError } from '../../errors/user-error.js';
import type { Network } from '../../net/flow.js';
import { Clock, hasTaken } from '../../vm/guest/cmos.js';
import { giveFolders, MachineState } from '../../vm/guest/machine-state.js';
import { STATE } from '../../vm/guest/user.js';
import { whenHealthy } from '../../vm/host/healthy.js';
import { leadFrom, leadTo, NO_HAND_OVER, openPort, PREDECESSOR, SUCCESSOR } from '../../vm/host/ports.js';
import { announceAll } from '../announce.js';
import { makeFront, openDoors } from '../front/front.js';
import { Log } from '../log.js';
import type { OpenNames, PreparedNames } from '../names/open-names.js';
import { openDirect } from '../networks.js';
import { openCertificates } from '../open-certificates.js';
import type { ServeOptions } from '../options/serve.js';
import { makeFolders, planOf } from '../sealing/plan-of.js';
import { Sealing } from '../sealing/sealing.js';
import { testSites } from '../self-test.js';
import { firstSignal } from '../signals.js';
import { openSites } from '../sites.js';

/** Milliseconds that open connections may go on when another machine has the traffic. */
const GIVEN_DRAIN = 3_600_000;
/** Sockets of the guest, at this end of the ports. */
const PORTS = '/tmp/ports';
const TO_SUCCESSOR = `${PORTS}/successor.sock`;
const TO_PREDECESSOR = `${PORTS}/predecessor.sock`;

/** `state`: what outlives this start, or why nothing does. */
export async function serveGuest(options: ServeOptions, state: MachineState | string): Promise<void> {
  const log = new Log(options.log);
  try {
    if (state instanceof MachineState) await serve(options, log, state);
    else await serve(withoutOrders(options, state, log), log);
  } finally {
    await log.close();
  }
}

/** Each start would be another account and another order, until the authority's limit. */
function withoutOrders(options: ServeOptions, why: string, log: Log): ServeOptions {
  const { acme, tls } = options;
  if (acme === undefined) return options;
  log.warn(`no certificate is ordered, since nothing would keep it: ${why}`);
  return { ...options, acme: undefined, tls: tls?.files.length === 0 ? undefined : tls };
}

/** A machine without zones does not load what answers for them. */
async function prepareZones(options: ServeOptions, network: Network, log: Log): Promise<PreparedNames | undefined> {
  if (options.dns.zones.length === 0) return undefined;
  const { prepareNames } = await import('../names/open-names.js');
  return prepareNames(options, network, log);
}

async function serve(options: ServeOptions, log: Log, state?: MachineState): Promise<void> {
  const signal = firstSignal(log);
  const before = openPort(PREDECESSOR);
  const takes = before !== undefined && !hasTaken();
  let failed: (failure: UserError) => void = () => undefined;
  const failure = new Promise<never>((_resolve, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  let isGiven: () => void = () => undefined;
  const given = new Promise<undefined>((resolve) => {
    isGiven = () => {
      state?.retire();
      resolve(undefined);
    };
  });
  const opening = openDirect(options, log, (one) => failed(one), { held: true, given: () => isGiven() });
  const [network, sites] = await Promise.all([opening, openSites(options, log)]);
  if (options.http.admin.listen !== undefined)
    log.warn('nothing outside of a machine of its own reaches its loopback: say with admin= who sees pages about it');
  const clock = Clock.start();
  const after = openPort(SUCCESSOR);
  const sealing = new Sealing(options, 'guest', log);
  // Zones are read, and answers are made as far as possible, before there is traffic.
  const prepared = await prepareZones(options, network, log);
  let names: OpenNames | undefined;
  const dns = () => names?.server.counters();
  const front = await makeFront({ options, network, sites, log, sealing, dns });
  // The console is looked at when it is first used: libuv asks a terminal for more than a sealed server may.
  void process.stdout;
  // What it writes is in these two, and belongs to the user that it becomes.
  const own = [options.state ?? STATE, PORTS].map((path) => ({ access: 'write' as const, path }));
  makeFolders(planOf(options, 'guest', own), options.seal);
  giveFolders(own.map(({ path }) => path));
  await sealing.files(own);
  const listening = openDoors(network, front);
  listening.catch(() => undefined);
  prepared?.listen();
  sealing.close();
  if (takes) {
    // A machine that would not serve well gets no traffic.
    const test = await testSites(options, sites);
    log.event('net', `self-test passed: ${test.pages} answers, ${test.bytes} bytes`);
    await leadTo(before, TO_PREDECESSOR);
    await network.takeOver([TO_PREDECESSOR]).catch((error: unknown) => {
      throw new UserError(`${NO_HAND_OVER}: ${errorText(error)}`, 'no-hand-over');
    });
    clock.rememberTaken();
    state?.takeOver();
    await front.reload?.();
  } else network.begin();
  if (after !== undefined) {
    network.offer(TO_SUCCESSOR);
    leadFrom(after, TO_SUCCESSOR);
  }
  const listeners = await Promise.race([listening, signal, failure]);
  if (typeof listeners === 'object') {
    names = await prepared?.open();
    announceAll(network, front, listeners, log, names && options.dns.port);
    const certificates = await openCertificates(options, log, { reload: front.reload, zones: names?.zones, network });
    const unwell = whenHealthy(() => clock.forgetCrashes());
    const end = await Promise.race([signal, given, failure]);
    unwell();
    certificates?.stop();
    if (end === undefined) {
      clock.neverAgain();
      log.event('net', `another machine serves; ${front.connections} open connections go on here`);
      front.retire();
      const soon = signal.then(() => {
        front.drain();
        return new Promise((done) => setTimeout(done, options.drain));
      });
      await Promise.race([network.close(GIVEN_DRAIN), soon]);
      return;
    }
    log.event('net', `${end}: no new connections; ${front.connections} open ones have ${options.drain / 1000} s`);
    front.drain();
    await names?.close(options.drain);
  }
  await network.close(options.drain);
  for (const one of sites.all) one.close();
}
