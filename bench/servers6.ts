/** The servers of `servers.ts` that are compared over IPv6, each in a place of its own. */
import { attach, contender, makeTap, nginx, ours, pausesOf, pid, type Start } from './contender.js';
import { childrenOf } from './processes.js';

export const IPV6_STARTS: Readonly<Record<string, Start>> = {
  'nginx-veth-v6': async (lab, { folder }) => {
    const far = lab.namespace('nginx6');
    lab.host.ip(`link add name veth6 type veth peer name veth6 netns ${far.name}`);
    attach(lab.host, 'veth6', 'fd78:1::1');
    attach(far, 'veth6', 'fd78:1::2');
    const program = await nginx(lab, far, 'nginx-veth-v6', '[fd78:1::2]:80', folder);
    const urls = ['http://[fd78:1::2]', 'http://[fd78:1::2]:1080'];
    const named = { key: 'nginx-veth-v6', title: 'nginx, veth, IPv6', against: undefined, urls };
    return contender(named, childrenOf(pid(program)));
  },
  'direct-v6': async (lab, { bundle }) => {
    makeTap(lab.host, 'tap6', 'fd78:2::1');
    const address = ['--ipv6', 'fd78:2::2/64', '--no-ipv4'];
    const program = await ours(lab.host, ['--net', 'direct', '--tap', 'tap6', ...address, bundle]);
    const named = { key: 'direct-v6', title: 'sitekernel, TAP, IPv6', against: 'nginx-veth-v6', twin: 'direct' };
    return contender({ ...named, urls: ['http://[fd78:2::2]'], pauses: () => pausesOf(program) }, [pid(program)]);
  },
  'nginx-loopback-v6': async (lab, { folder }) => {
    const { host } = lab;
    // The kernel's own route to ::1 cannot be changed.
    host.ip('-6 route add local ::1 dev lo table local metric 1 congctl cubic');
    host.ip('-6 route del local ::1 dev lo table local proto kernel');
    const program = await nginx(lab, host, 'nginx-loopback-v6', '[::1]:8086', folder);
    const urls = ['http://[::1]:8086', 'http://[::1]:9086'];
    const named = { key: 'nginx-loopback-v6', title: 'nginx, loopback, IPv6', against: undefined, urls };
    return contender(named, childrenOf(pid(program)));
  },
  'socket-v6': async (lab, { bundle }) => {
    const program = await ours(lab.host, ['--net', 'socket', '--host', '::1', '--port', '8087', bundle]);
    const urls = ['http://[::1]:8087'];
    const named = {
      key: 'socket-v6',
      title: 'sitekernel, sockets, IPv6',
      against: 'nginx-loopback-v6',
      twin: 'socket',
    };
    return contender({ ...named, urls, pauses: () => pausesOf(program) }, [pid(program)]);
  },
};
