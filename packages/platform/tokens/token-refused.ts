/** A token was refused. The reason is for the log; callers are told no more than that it was. */
export class TokenRefused extends Error {
  override name = 'TokenRefused';
}
