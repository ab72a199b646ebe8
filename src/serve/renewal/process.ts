/** How a process knows that it is one of those behind a server that order certificates. */

/** The variable; its value says which one. */
export const RENEWAL = 'SITEKERNEL_RENEWAL';
export const WATCHER = 'watcher';
export const ORDERER = 'orderer';
/** The variable that says that these processes give up rights. */
export const SEALED = 'SITEKERNEL_RENEWAL_SEALED';
/** The conversation with the server. */
export const CONVERSATION_FD = 3;

/** Undefined: this is none of them. */
export function renewalRole(): typeof WATCHER | typeof ORDERER | undefined {
  const role = process.env[RENEWAL];
  return role === WATCHER || role === ORDERER ? role : undefined;
}
