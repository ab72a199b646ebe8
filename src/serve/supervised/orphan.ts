/**
 * A program whose supervisor is gone goes on serving. It answers on the control socket in the supervisor's place, until
 * another supervisor comes and asks for its sockets or device.
 */
import type { Socket } from 'node:net';
import { type Go, inheritedFds } from '../../control/channel.js';
import { askControl } from '../../control/client.js';
import type { ControlAnswer, ControlRequest } from '../../control/protocol.js';
import { type ControlSocket, openControl } from '../../control/server.js';
import { isBug } from '../../errors/codes.js';
import { sendDescriptors } from '../../native/sockets/unix.js';
import type { Control } from '../control.js';

/** Milliseconds between two attempts to open the control socket. */
const RETRY = 200;
const RIVAL = 2000;

export class Orphan {
  private server: ControlSocket | undefined = undefined;
  private over = false;

  constructor(
    private readonly order: Go,
    private readonly control: Control,
    /** Another program has the traffic now. */
    private readonly retire: (seconds: number) => void,
    private readonly faulted: (error: unknown) => void,
  ) {}

  /** Never rejects: without a control socket it serves all the same. */
  async open(warn: (sentence: string) => void): Promise<void> {
    warn('the supervisor is gone; serving on without it');
    await this.listen(warn);
  }

  private async listen(warn: (sentence: string) => void): Promise<void> {
    try {
      const server = await openControl(this.order.control, (request, socket) => this.answer(request, socket, warn));
      if (this.over) server.close();
      else this.server = server;
    } catch (error) {
      if (isBug(error)) this.faulted(error);
      // Another supervisor may be looking for the sockets or device that we hold; it gives up when it finds them in
      // use.
      await this.rival();
      if (!this.over) setTimeout(() => void this.listen(warn), RETRY).unref();
    }
  }

  /** The supervisor ended while one of us took over from the other: the younger one stays. */
  private async rival(): Promise<void> {
    try {
      const other = await askControl(this.order.control, { do: 'status' }, RIVAL);
      if (!other.ok || other.orphan !== true) return;
      if ((other.since ?? 0) > this.control.status().since) this.retire(this.order.drain);
      else await askControl(this.order.control, { do: 'retire', seconds: this.order.drain }, RIVAL);
    } catch (error) {
      // The other program is gone, or is no orphan: the next attempt finds out.
      if (isBug(error)) this.faulted(error);
    }
  }

  private async answer(
    request: ControlRequest,
    socket: Socket,
    warn: (sentence: string) => void,
  ): Promise<ControlAnswer> {
    if (request.do === 'surrender') return this.surrender(socket, warn);
    if (request.do === 'retire') {
      this.retire(request.seconds);
      return { ok: true };
    }
    const answer = await this.control.answer(request);
    return request.do === 'status' ? Object.assign(answer, { orphan: true, held: this.order.held }) : answer;
  }

  /**
   * Passes on its sockets or device, over the same connection. Serves until the order to retire comes, or without an
   * end if the asking process ends.
   */
  private async surrender(socket: Socket, warn: (sentence: string) => void): Promise<ControlAnswer> {
    const { link, tap } = this.order;
    this.server?.close();
    this.server = undefined;
    socket.on('close', () => {
      if (!this.over) void this.listen(warn);
    });
    const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
    sendDescriptors(fd, `${JSON.stringify({ link, tap })}\n`, inheritedFds(this.order.sockets));
    return { ok: true };
  }

  close(): void {
    this.over = true;
    this.server?.close();
  }
}
