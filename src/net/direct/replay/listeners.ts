/** The ports with a listener; a recording has them, and the owners of what was accepted. */
import type { Accept, Adopt, Endpoint, Listener } from '../../flow.js';
import type { TcpLayer } from '../../tcp/index.js';
import { LISTEN, UNLISTEN } from './events.js';
import type { Owners } from './recorded-flow.js';
import type { Recorder } from './recorder.js';

/** A port on which connections are accepted. */
interface Listening {
  readonly asked: number;
  readonly port: number;
  close(): void;
}

export class Listeners {
  private readonly all = new Set<Listener>();

  constructor(
    private readonly tcp: TcpLayer,
    private readonly recorder: Recorder | undefined,
    private readonly owners: Owners | undefined,
  ) {}

  get ports(): number[] {
    return [...this.all].map((one) => one.endpoint.port);
  }

  /** Connections to `port` are accepted from now on. 0: a port of the layer's choice. */
  open(port: number, accept: Accept, adopt: Adopt | undefined): Listening {
    const { owners, tcp } = this;
    this.recorder?.port(LISTEN, port);
    const listening =
      owners === undefined ? tcp.listen(port, accept, adopt) : tcp.listen(port, owners.accepting(accept));
    return { asked: port, port: listening.port, close: () => listening.close() };
  }

  /** The same, as its owner has it: at the address that is ours by now. */
  keep({ asked, close }: Listening, endpoint: Endpoint): Listener {
    const listener: Listener = {
      endpoint,
      close: () => {
        this.recorder?.port(UNLISTEN, asked);
        close();
        this.all.delete(listener);
      },
    };
    this.all.add(listener);
    return listener;
  }

  close(): void {
    for (const listener of [...this.all]) listener.close();
  }
}
