/** Where urgent data ends (RFC 9293 3.8.5): of what we send, and of what the peer sends. */
import { after, notBefore } from '../numbers/sequence.js';

export class Urgent {
  /** We send some, and it ends before `sendEnd` (RFC 9293 SND.UP). */
  sending = false;
  sendEnd = 0;
  /** The peer sends some, up to `receiveEnd` (RCV.UP). */
  receiving = false;
  receiveEnd = 0;

  /** Some of it is on its way, one way or the other. */
  get due(): boolean {
    return this.sending || this.receiving;
  }

  /** What lies before `end` is urgent. */
  send(end: number): void {
    this.sendEnd = end;
    this.sending = true;
  }

  acknowledged(una: number): void {
    if (this.sending && notBefore(una, this.sendEnd)) this.sending = false;
  }

  /** The peer's pointer says `end`. Returns whether that is news. */
  receive(end: number): boolean {
    if (this.receiving && !after(end, this.receiveEnd)) return false;
    this.receiveEnd = end;
    this.receiving = true;
    return true;
  }
}
