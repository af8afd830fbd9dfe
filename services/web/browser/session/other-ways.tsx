import type { LogInResult } from '@starling/client';
import type { EntryReply } from '@starling/contracts/http';
import { PasskeyButton } from './passkey-button.tsx';
import { canUsePasskeys } from './passkeys.ts';

interface Props {
  providers: EntryReply['providers'];
  /** A secret that admits who signs on for the first time. */
  invite?: string | undefined;
  /** Without it there is no account yet, and so no passkey. */
  onLoggedIn?: (result: LogInResult) => void;
}

/** What there is instead of a password: passkeys, and others who vouch for people. */
export function OtherWays({ providers, invite, onLoggedIn }: Props) {
  const offersPasskey = onLoggedIn !== undefined && canUsePasskeys();
  if (providers.length === 0 && !offersPasskey) return null;
  const query = invite === undefined ? '' : `?${new URLSearchParams({ invite })}`;
  return (
    <div className="other-ways">
      <p className="or">or</p>
      {offersPasskey && <PasskeyButton onLoggedIn={onLoggedIn} />}
      {providers.map(({ id, name }) => (
        <a key={id} className="button button-wide" href={`/v1/sign-on/${encodeURIComponent(id)}${query}`}>
          Continue with {name}
        </a>
      ))}
    </div>
  );
}
