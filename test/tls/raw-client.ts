/** A client of ours that says what a test wants instead of, or beside, what it should. */

import { readChain } from '../../src/tls/certificate/verify.js';
import type { AlertName } from '../../src/tls/common/alert.js';
import { GROUP } from '../../src/tls/common/suites.js';
import type { Channel, Handshake } from '../../src/tls/handshake/channel.js';
import { ClientHandshake, type ClientSession } from '../../src/tls/handshake/client-handshake.js';
import { verifierOf } from '../../src/tls/primitives/signing.js';
import { Endpoint } from '../../src/tls/record/endpoint.js';
import { TlsFlow, type TlsOwner } from '../../src/tls/tls-flow.js';
import { type JoinedFlow, joinedFlows, talk } from './joined-flows.js';
import { Heard, type Setup } from './setup.js';

/** Changes a message before it is sent; undefined: it is not sent. */
export type Change = (message: Uint8Array) => Uint8Array | undefined;

export class RawClient implements TlsOwner {
  readonly below: readonly [client: JoinedFlow, server: JoinedFlow];
  readonly flow: TlsFlow;
  readonly heard = new Heard();
  readonly sessions: ClientSession[] = [];
  established_ = false;
  /** The alert of the server. */
  alert: AlertName | undefined = undefined;
  /** An alert of this client. */
  own: AlertName | undefined = undefined;

  constructor(
    readonly setup: Setup,
    change: Change = (message) => message,
    options: { groups?: number[]; session?: ClientSession; protocols?: string[]; serverName?: string } = {},
  ) {
    this.below = joinedFlows();
    const [client, server] = this.below;
    setup.server.accept(server);
    const endpoint = new Endpoint(setup.primitives, setup.random, setup.clock, { message: 65_536 }, (error) => {
      throw error;
    });
    this.flow = new TlsFlow(client, endpoint, this);
    const { flow } = this;
    client.handler = {
      data: (_flow, bytes, start, end) => flow.arrived(bytes, start, end),
      ended: () => flow.peerEnds(),
      drained: () => flow.drained(),
      closed: (_flow, reason) => flow.closed(reason),
    };
    const channel: Channel = {
      send: (message) => {
        const changed = change(Uint8Array.from(message));
        if (changed !== undefined) flow.send(changed);
      },
      sendChangeCipherSpec: () => flow.sendChangeCipherSpec(),
      writeWith: (suite, secret) => flow.writeWith(suite, secret),
      readWith: (suite, secret) => flow.readWith(suite, secret),
      takeEarlyData: (security) => flow.takeEarlyData(security),
      established: (security) => flow.established(security),
    };
    const handshake: ClientHandshake & Handshake = new ClientHandshake(
      endpoint,
      {
        serverName: options.serverName ?? 'example.org',
        protocols: options.protocols ?? ['http/1.1'],
        groups: options.groups ?? [GROUP.x25519, GROUP.secp256r1],
        session: options.session,
        verify: (chain) => verifierOf(readChain(chain)[0]!.publicKey),
        onSession: (session) => void this.sessions.push(session),
      },
      channel,
    );
    flow.begin(handshake, () => handshake.start());
    flow.after = (type, bytes) => handshake.after(type, bytes);
    flow.handler = this.heard;
  }

  /** Lets both talk until they have said everything. */
  talk(size?: number): this {
    talk(...this.below, size);
    return this;
  }

  /** Sends handshake bytes under the present key, and lets both talk. */
  say(message: Uint8Array): this {
    this.flow.send(message);
    return this.talk();
  }

  established(): void {
    this.established_ = true;
    this.flow.handler = this.heard;
  }

  alerted(_flow: TlsFlow, alert: AlertName | undefined): void {
    this.alert = alert;
  }

  failing(_flow: TlsFlow, alert: AlertName): void {
    this.own = alert;
  }
}

/** A handshake message with its header. */
export function message(type: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const { length } = body;
  return Uint8Array.of(type, length >> 16, (length >> 8) & 255, length & 255, ...body);
}
