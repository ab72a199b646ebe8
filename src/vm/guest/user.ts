/** Number of the user that the sealed server of a machine becomes: `/tmp`, where its state is, is that user's. */
export const GUEST_USER = 61_184;
/** Where the state lies, in memory. */
export const STATE = '/tmp/state';
