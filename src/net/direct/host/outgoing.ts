/** Connections that the program itself opens on the stack of direct mode, to addresses of both families. */
import { ConnectError } from '../../connect-error.js';
import type { Flow, FlowHandler } from '../../flow.js';
import type { Handle } from '../../ip/contracts/ip-output.js';
import type { Stack } from '../../ip/stack.js';
import { parseIp } from '../../ip-text.js';
import type { TcpLayer } from '../../tcp/index.js';
import { int32At } from '../../wire/tcp.js';

export interface OutgoingParts {
  readonly stack: Stack;
  readonly tcp: TcpLayer;
  /** Runs a callback as an entry of the stack. */
  readonly enter: (callback: () => void) => void;
}

/**
 * `address` in text. Resolves when the connection stands, with a flow whose `handler` the owner sets before it awaits
 * anything; rejects with a `ConnectError`.
 */
export function openFlow({ stack, tcp, enter }: OutgoingParts, address: string, port: number): Promise<Flow> {
  return new Promise((resolve, reject) => {
    const waiting: FlowHandler = {
      data: () => undefined,
      ended: () => undefined,
      drained: () => undefined,
      closed: (_flow, reason) => reject(new ConnectError(reason, address, port)),
    };
    let begun = false;
    enter(() => {
      const remote = handleOf(stack, address);
      const route = remote === undefined ? undefined : stack.route(remote);
      const local = route === undefined ? 0 : stack.sourceFor(route);
      // Without an address of our own no peer could answer.
      if (remote === undefined || local === 0) return;
      const flow = tcp.connect(local, remote, port, stack.now, resolve);
      if (flow === undefined) return;
      flow.handler = waiting;
      begun = true;
    });
    if (!begun) reject(new ConnectError('no-route', address, port));
  });
}

/** Undefined: it is no address. An IPv6 address has its handle until the end of the entry. */
function handleOf(stack: Stack, address: string): Handle | undefined {
  const bytes = parseIp(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? int32At(bytes, 0) : stack.peers.intern(bytes);
}
