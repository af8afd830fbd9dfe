/** A start that cannot succeed. The message is one sentence for the user: what is wrong, where, and what to do. It never holds a password. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
