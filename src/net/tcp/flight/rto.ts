/** The retransmission timer (RFC 6298). Milliseconds. */
import { ZERO } from '../numbers/fraction.js';

const RTO_INITIAL = 1000;
const RTO_AFTER_TIMEOUT = 3000;
/** RFC 6298 2.4 says one second; Linux and every fast stack take 200 ms, which TLP makes rare. */
const RTO_MIN = 200;
export const RTO_MAX = 60_000;

/** The RTT of an answer in the same batch as its question: shorter than we can measure, ms. */
export const SHORTEST_RTT = 0.05;

export class RttEstimator {
  /** Smoothed RTT; 0: none measured yet. */
  srtt = ZERO;
  rttvar = ZERO;
  /** The smallest RTT seen. */
  min = ZERO;
  latest = ZERO;
  /** The timeout before back-off. A field, since a number that is computed each time is a new object each time. */
  rto = ZERO;
  /** The timeout while nothing is measured. */
  private unmeasured = RTO_INITIAL;

  constructor() {
    this.rto = RTO_INITIAL;
  }

  /**
   * Takes the RTT that an ACK has measured. It comes in a field, since V8 makes an object of a fraction that is
   * passed.
   */
  measured(sample: { readonly rtt: number }): void {
    this.latest = sample.rtt;
    this.take();
  }

  /** `rtt` was measured, ms. */
  sample(rtt: number): void {
    this.latest = rtt;
    this.take();
  }

  /**
   * What the echo of a timestamp says of a handshake whose segments were sent again, ms. From a second on it measures
   * nothing: the peer repeats its part by then, and all that it repeats have the same echo.
   */
  echoed(rtt: number): void {
    if (rtt < RTO_INITIAL) this.sample(rtt);
  }

  /** RFC 6298 2.2 and 2.3, of `latest`. */
  private take(): void {
    const rtt = this.latest;
    if (this.min === 0 || rtt < this.min) this.min = rtt;
    if (this.srtt === 0) {
      this.srtt = rtt;
      this.rttvar = rtt / 2;
    } else {
      this.rttvar += (Math.abs(this.srtt - rtt) - this.rttvar) / 4;
      this.srtt += (rtt - this.srtt) / 8;
    }
    this.update();
  }

  /** As if nothing had been measured. */
  renew(): void {
    this.srtt = this.rttvar = this.min = this.latest = 0;
    this.rto = this.unmeasured = RTO_INITIAL;
  }

  /** RFC 6298 5.7: data after a handshake that timed out begins with three seconds, if nothing was measured. */
  handshakeTimedOut(): void {
    this.unmeasured = RTO_AFTER_TIMEOUT;
    this.update();
  }

  /** What was measured before, in microseconds. */
  restore(srtt: number, rttvar: number, min: number): void {
    this.srtt = this.latest = srtt / 1000;
    this.rttvar = rttvar / 1000;
    this.min = min / 1000;
    this.update();
  }

  /** `srtt` or `rttvar` was set. */
  update(): void {
    this.rto = this.srtt === 0 ? this.unmeasured : Math.min(RTO_MAX, this.srtt + Math.max(RTO_MIN, 4 * this.rttvar));
  }
}
