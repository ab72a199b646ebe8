/** One listener for several addresses of a network on the kernel's sockets. */
import type { Listener } from '../../flow.js';

/** Listens at each of `hosts`, at one port: what the first gets where `port` is 0. All of them, or none. */
export async function listenAtAll(
  hosts: readonly string[],
  port: number,
  listenAt: (host: string, port: number) => Promise<Listener>,
): Promise<Listener> {
  const listeners: Listener[] = [];
  const close = (): void => {
    for (const one of listeners) one.close();
  };
  try {
    for (const host of hosts) listeners.push(await listenAt(host, listeners[0]?.endpoint.port ?? port));
  } catch (error) {
    close();
    throw error;
  }
  return { endpoint: listeners[0]!.endpoint, close };
}
