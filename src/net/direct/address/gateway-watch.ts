/**
 * Whether the gateways answer on the link: each is asked for when it is news, so that a mistake is told of before the
 * first client comes, and the operator is told once of each change.
 */
import type { Stack } from '../../ip/stack.js';
import { formatIpv4 } from '../../wire/address.js';
import { formatIpv6 } from '../../wire/ipv6.js';
import type { Addressing } from './addressing.js';

/** ms between two questions to gateways that do not answer. */
const ASK_EVERY = 15_000;
/** ms between two reports of one family: a gateway that comes and goes fills no log. */
const REPORT_INTERVAL = 60_000;

type Family = 4 | 6;

/** What is known of one family. */
interface Known {
  /** Gateways that the operator knows do not answer. */
  readonly silent: Set<string>;
  toldAt: number;
}

const nothingKnown = (): Known => ({ silent: new Set(), toldAt: Number.NEGATIVE_INFINITY });

export class GatewayWatch {
  /** When they are looked at, ms. */
  private lookAt = Number.POSITIVE_INFINITY;
  /** The operator has given one. */
  private readonly byHand: Readonly<Record<Family, boolean>>;
  private readonly known: Readonly<Record<Family, Known>> = { 4: nothingKnown(), 6: nothingKnown() };

  /** `tell`: for the operator, one message. */
  constructor(
    private readonly stack: Stack,
    given: Pick<Addressing, 'static' | 'ipv6'>,
    private readonly tell: (sentence: string) => void,
  ) {
    this.byHand = { 4: given.static?.gateway !== undefined, 6: given.ipv6?.gateway !== undefined };
    const { neighbours } = stack.arp;
    neighbours.onSilent = (address) => {
      if (this.gateways4.includes(address)) this.fell(4, formatIpv4(address));
    };
    neighbours.onAnswer = (address) => {
      if (this.known[4].silent.size > 0) this.rose(4, formatIpv4(address));
    };
    const { v6 } = stack;
    v6.neighbours.onSilent = ({ handle }) => {
      if (!v6.routers.isRouter(handle)) return;
      // Where another router works that one is used, and the log says so.
      const gateway = v6.routers.gateway();
      if (gateway !== undefined && !v6.routers.works(gateway)) this.fell(6, formatIpv6(gateway.address));
    };
    v6.neighbours.onAnswer = ({ handle, address }) => {
      if (this.known[6].silent.size > 0 && v6.routers.isRouter(handle)) this.rose(6, formatIpv6(address));
    };
  }

  /** Next hops of IPv4 beyond the link. */
  private get gateways4(): number[] {
    const { config } = this.stack;
    if (config === undefined) return [];
    const all = [config.gateway ?? 0, ...(config.routes ?? []).map(({ gateway }) => gateway)];
    return [...new Set(all)].filter((one) => one !== 0 && !this.stack.isOurs(one));
  }

  private fell(family: Family, text: string): void {
    const known = this.known[family];
    const { now } = this.stack;
    if (known.silent.has(text)) return;
    if (now < known.toldAt + REPORT_INTERVAL) {
      this.lookAt = Math.min(this.lookAt, known.toldAt + REPORT_INTERVAL);
      return;
    }
    known.silent.add(text);
    known.toldAt = now;
    this.lookAt = Math.min(this.lookAt, now + ASK_EVERY);
    const asked = family === 4 ? 'ARP' : 'neighbour solicitations';
    const hint = this.byHand[family] ? `; check --ipv${family}-gateway` : '';
    this.tell(`the gateway ${text} does not answer ${asked}: hosts beyond the link get no answer from us${hint}`);
  }

  private rose(family: Family, text: string): void {
    const { silent } = this.known[family];
    if (family === 4 && !silent.has(text)) return;
    // Of IPv6 one router is as good as another.
    if (family === 6) silent.clear();
    silent.delete(text);
    this.tell(`the gateway ${text} answers`);
  }

  /** The addresses of this host have changed, and with them its gateways, maybe. */
  changed(): void {
    this.lookAt = this.stack.now;
  }

  /** Another program has the link: nothing is asked. */
  stop(): void {
    this.lookAt = Number.POSITIVE_INFINITY;
  }

  /** Does what is due; returns when it wants to be called again. */
  poll(now: number): number {
    if (this.lookAt > now) return this.lookAt;
    this.lookAt = Number.POSITIVE_INFINITY;
    const ipv4 = this.gateways4;
    for (const text of this.known[4].silent) {
      if (!ipv4.some((one) => formatIpv4(one) === text)) this.known[4].silent.delete(text);
    }
    const { neighbours } = this.stack.arp;
    for (const one of ipv4) if (!neighbours.get(one).resolved) neighbours.use(neighbours.get(one), now);
    this.askRouters(now);
    if (this.known[4].silent.size + this.known[6].silent.size > 0) this.lookAt = now + ASK_EVERY;
    return this.lookAt;
  }

  /** The router that was given by hand; those that advertise themselves only while they do not answer. */
  private askRouters(now: number): void {
    const { addresses, neighbours, routers } = this.stack.v6;
    // What is asked leaves from an address of ours.
    if (addresses.served.length === 0) return;
    if (!this.byHand[6] && this.known[6].silent.size === 0) return;
    for (const { handle } of routers.defaults(now)) neighbours.ask(neighbours.get(handle), now);
  }
}
