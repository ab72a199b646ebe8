/** Datagrams on Node's sockets, on any operating system. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { UserError } from '../../../errors/user-error.js';
import type { Containment } from '../../containment.js';
import {
  type DatagramAddress,
  type DatagramPort,
  type Datagrams,
  datagramAddress,
  type OnDatagram,
} from '../../datagrams.js';
import type { Endpoint } from '../../flow.js';
import { formatIp, parseIp } from '../../ip-text.js';
import { listenError } from '../common/options.js';

/**
 * Bytes that may wait in a socket for the kernel to take them; more is dropped, as a full buffer of the kernel's would
 * be.
 */
const MAX_QUEUED = 1 << 20;

export class NodeDatagrams implements Datagrams {
  /**
   * `host`: the address to bind, in text. With one that stands for all addresses the answers may leave from another
   * than was asked.
   */
  constructor(
    private readonly host: string,
    private readonly option: string,
    private readonly faults: Containment,
    /** A socket that is bound there already, for the first port that is named. */
    private given?: number | undefined,
  ) {}

  bind(port: number, onDatagram: OnDatagram): Promise<DatagramPort> {
    const { host } = this;
    const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4' });
    return new Promise((resolve, reject) => {
      socket.once('error', (error: NodeJS.ErrnoException) => {
        socket.close();
        reject(new UserError(listenError(error, host, port, this.option)));
      });
      const fd = port === 0 ? undefined : this.given;
      if (fd !== undefined) this.given = undefined;
      socket.bind(fd === undefined ? { port, address: host } : { fd }, () => {
        socket.removeAllListeners('error');
        // An error of one datagram (an ICMP message that the kernel hands on) is none of the socket.
        socket.on('error', () => undefined);
        resolve(new NodePort(socket, onDatagram, this.faults));
      });
    });
  }
}

class NodePort implements DatagramPort {
  readonly endpoint: Endpoint;
  private readonly source = datagramAddress();
  private readonly local = datagramAddress();
  private open = true;

  constructor(
    private readonly socket: Socket,
    onDatagram: OnDatagram,
    faults: Containment,
  ) {
    const { address, port } = socket.address();
    this.endpoint = { address, port };
    setAddress(this.local, address, port);
    if (this.local.bytes.every((byte) => byte === 0)) this.local.length = 0;
    socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      if (!this.open || !setAddress(this.source, from.address, from.port)) return;
      try {
        onDatagram(this, { bytes, start: 0, end: bytes.length, source: this.source, local: this.local });
      } catch (error) {
        faults.note(error, 'datagram', performance.now());
      }
    });
  }

  send(bytes: Uint8Array, start: number, end: number, to: DatagramAddress): boolean {
    if (!this.open || this.socket.getSendQueueSize() > MAX_QUEUED) return false;
    const address = formatIp(to.bytes.subarray(0, to.length)) + (to.scope === 0 ? '' : `%${to.scope}`);
    // libuv may take it after this call. A failure is that of one datagram, and as if it were lost on the way.
    this.socket.send(bytes.slice(start, end), to.port, address, () => undefined);
    return true;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.socket.close();
  }
}

/** False: the text is no address. */
function setAddress(into: DatagramAddress, text: string, port: number): boolean {
  const [address, zone] = text.split('%');
  const bytes = parseIp(address!);
  if (bytes === undefined) return false;
  into.bytes.set(bytes);
  into.length = bytes.length as 4 | 16;
  into.port = port;
  into.scope = zone !== undefined && /^\d+$/.test(zone) ? Number(zone) : 0;
  return true;
}
