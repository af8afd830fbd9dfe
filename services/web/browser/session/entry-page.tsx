import { ApiError, type LogInResult } from '@starling/client';
import type { EntryReply } from '@starling/contracts/http';
import { useEffect, useState } from 'react';
import { useClient } from '../client-state.ts';
import type { Arrival } from './arrival.ts';
import { CodeForm } from './code-form.tsx';
import { EntryCard, EntrySwitch } from './entry-card.tsx';
import { type EntryNotice, type EntryStep, explainClosed, explainVoidInvite, firstStep, STEP_TITLES } from './entry-step.ts';
import { ForgotForm } from './forgot-form.tsx';
import { LinkForm } from './link-form.tsx';
import { LogInForm } from './log-in-form.tsx';
import { ResetForm } from './reset-form.tsx';
import { SecondFactorForm } from './second-factor-form.tsx';
import { SignUpForm } from './sign-up-form.tsx';

interface Props {
  arrival: Arrival | null;
  onEnter: (user: string) => void;
  /** Back from what a link led to. Without it, the log-in is shown here. */
  onLeave?: (notice?: EntryNotice) => void;
  notice?: EntryNotice | undefined;
}

/** All that is to be seen before somebody is logged in, one step at a time. */
export function EntryPage({ arrival, onEnter, onLeave, notice }: Props) {
  const client = useClient();
  const [step, setStep] = useState<EntryStep>(() => firstStep(arrival));
  const [email, setEmail] = useState('');
  const [entry, setEntry] = useState<EntryReply | 'asking' | 'unknown'>('asking');
  useEffect(() => {
    client.entry().then(setEntry, () => setEntry('unknown'));
  }, [client]);

  const known = typeof entry === 'object' ? entry : null;
  const mail = known?.mail ?? null;
  const providers = known?.providers ?? [];
  const invite = arrival?.page === 'invite' ? (arrival.token ?? undefined) : undefined;
  const closed = known === null ? undefined : explainClosed(known.registration, invite);

  const back = (said?: EntryNotice) => {
    if (onLeave) onLeave(said);
    else setStep({ at: 'log-in', ...(said === undefined ? {} : { notice: said }) });
  };
  const enter = (result: LogInResult) => {
    if ('user' in result) onEnter(result.user);
    else setStep({ at: 'second-factor', wanted: result.secondFactor });
  };
  const shownNotice = ('notice' in step ? step.notice : undefined) ?? (step.at === 'log-in' ? notice : undefined);

  return (
    <EntryCard title={STEP_TITLES[step.at]} notice={shownNotice}>
      {step.at === 'log-in' && (
        <>
          <LogInForm email={email} onEmail={setEmail} providers={providers} onLoggedIn={enter} onForgot={() => setStep({ at: 'forgot' })} />
          {entry !== 'asking' && closed === undefined && (
            <EntrySwitch question="New here?" label="Create an account instead" onClick={() => setStep({ at: 'sign-up' })} />
          )}
          {closed !== undefined && <p className="entry-switch">{closed}</p>}
        </>
      )}
      {step.at === 'sign-up' && (
        <>
          {closed === undefined ? (
            <SignUpForm
              email={email}
              onEmail={setEmail}
              providers={providers}
              invite={invite}
              onSent={(sent) => setStep({ at: 'code', sent })}
            />
          ) : (
            <p className="entry-notice">{closed}</p>
          )}
          <EntrySwitch question="Already have an account?" label="Log in instead" onClick={() => setStep({ at: 'log-in' })} />
        </>
      )}
      {step.at === 'code' && (
        <>
          <CodeForm
            sent={step.sent}
            email={email}
            mail={mail}
            button="Confirm"
            onConfirm={async (code) => {
              const { user } = await client
                .confirmSignUp({ id: step.sent.id, code })
                .catch((error: unknown) => explainVoidInvite(error, invite));
              onEnter(user);
            }}
            onResend={() => client.resendCode(step.sent.id).catch(explainGone)}
          />
          <EntrySwitch question="Mistyped?" label="Begin anew" onClick={() => setStep({ at: 'sign-up' })} />
        </>
      )}
      {step.at === 'forgot' && <ForgotForm email={email} onEmail={setEmail} mail={mail} />}
      {step.at === 'second-factor' && (
        <SecondFactorForm
          wanted={step.wanted}
          onLoggedIn={enter}
          onExpired={() => back('That took too long, or was tried too often. Log in again.')}
        />
      )}
      {step.at === 'reset' && (
        <ResetForm
          token={step.token}
          onDone={() => back({ done: 'Your new password is set. Log in with it.' })}
          onForgot={() => setStep({ at: 'forgot' })}
        />
      )}
      {step.at === 'link' && <LinkForm onLoggedIn={enter} onExpired={() => back('No sign-on waits to be connected. Sign on again.')} />}
      {(step.at === 'forgot' || step.at === 'second-factor' || step.at === 'reset' || step.at === 'link') && (
        <EntrySwitch label="Back to log in" onClick={() => back()} />
      )}
    </EntryCard>
  );
}

/** What has been forgotten is found no more. */
function explainGone(error: unknown): never {
  if (error instanceof ApiError && error.code === 'not-found')
    throw new Error('This registration is too old. Begin anew.', { cause: error });
  throw error;
}
