/**
 * The remedy that an error message names ends in a server that serves: message, commands out of the message, the same
 * start again.
 */
import t, { type Test } from 'tap';
import { Lab } from './lab.js';
import { skipWithout } from './needs.js';
import { MAIN, SITE, serve } from './server.js';

const STATIC = ['--net', 'direct', '--ipv4', '10.77.0.9/24'];
const skip = skipWithout('ip');

/** Starts the server in vain, runs each command that its message quotes, and starts it with `then`. */
async function remedied(t: Test, lab: Lab, args: readonly string[], then: readonly string[] = args): Promise<void> {
  const { host } = lab;
  const { status, stderr } = await host.run(process.execPath, [MAIN, ...STATIC, ...args, SITE]);
  t.equal(status, 1, stderr);
  const commands = [...stderr.matchAll(/"sudo ([^"]+)"/g)].map((match) => match[1]!);
  t.ok(commands.length > 0, stderr);
  for (const command of commands) {
    const words = command.replace('BRIDGE', 'br0').replace('USER', 'root').split(' ');
    const [program, ...rest] = words[0] === 'sitekernel' ? [process.execPath, MAIN, ...words.slice(1)] : words;
    const { status, stderr } = await host.run(program!, rest);
    t.equal(status, 0, `${command}: ${stderr}`);
  }
  const server = await serve(host, [...STATIC, ...then, SITE]);
  t.equal(await server.program.stop(), 0);
}

t.test('a bridge that is not there is told with its remedy', { skip }, async (t) => {
  await remedied(t, new Lab(t), ['--tap', 'tap1', '--bridge', 'br9']);
});

t.test('an interface that is no bridge is told with its remedy', { skip }, async (t) => {
  const lab = new Lab(t);
  lab.host.ip('link add plain type veth peer name other');
  const tap = ['--tap', 'tap1', '--bridge'];
  await remedied(t, lab, [...tap, 'plain'], [...tap, 'br0']);
});

t.test('a TAP with a single queue, for several workers, is told with its remedy', { skip }, async (t) => {
  const lab = new Lab(t);
  lab.host.ip('tuntap add dev tap1 mode tap');
  await remedied(t, lab, ['--tap', 'tap1', '--workers', '2']);
});
