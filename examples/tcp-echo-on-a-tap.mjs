// TCP echo on a TAP, on our own stack. Linux, as root or with a TAP that the user owns:
//
//   node tcp-echo-on-a-tap.mjs tap0 10.9.0.2/24
//   ip addr add 10.9.0.1/24 dev tap0 && ip link set tap0 up && nc 10.9.0.2 7
import { Memory, openDirectNetwork } from 'sitekernel';

const [tap = 'tap0', place = '10.9.0.2/24'] = process.argv.slice(2);
const [address, prefix] = place.split('/');
const network = openDirectNetwork({
  tap,
  address: { address, prefix: Number(prefix) },
  onFailure: (message) => {
    console.error(message);
    process.exitCode = 1;
  },
});
const listener = await network.listen(7, (flow) => {
  flow.handler = {
    // The view is valid during the call only: what is kept is copied.
    data: (one, bytes, start, end) => one.write(new Memory(bytes.slice(start, end)), 0, end - start),
    ended: (one) => one.end(),
    drained() {},
    closed() {},
  };
});
console.log(`echo on ${listener.endpoint.address} port ${listener.endpoint.port}`);
process.once('SIGTERM', () => network.close(1000));
