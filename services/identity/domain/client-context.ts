/** Who is in front of the screen, as far as web knows: the message of the same name, or what a test makes up. */
export interface ClientContext {
  /** Empty when it is not known whose it is. */
  address: string;
  userAgent: string;
  /** The secret of a device that has logged in before; else empty. */
  device: string;
  local: boolean;
}
