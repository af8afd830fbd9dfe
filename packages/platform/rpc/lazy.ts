import type { Transport } from '@connectrpc/connect';

/** A transport that is opened at its first call, so that services can be made in any order. */
export function lazyTransport(open: () => Transport): Transport {
  let opened: Transport | undefined;
  const transport = (): Transport => {
    opened ??= open();
    return opened;
  };
  return {
    unary: (...call) => transport().unary(...call),
    stream: (...call) => transport().stream(...call),
  };
}
