import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useClient } from '../client-state.ts';
import { Field } from '../parts/field.tsx';
import { NAME_EXPECTED, useSubmit } from '../parts/form-errors.ts';
import { usePageTitle } from '../parts/page-title.ts';
import { type EntryMode, findWrongFields } from './entry-fields.ts';

const TEXTS = {
  'log-in': { title: 'Log in', button: 'Log in', question: 'New here?', other: 'Create an account instead' },
  'sign-up': { title: 'Create your account', button: 'Create account', question: 'Already have an account?', other: 'Log in instead' },
};

/** Log in and sign up: one form with a switch. */
export function EntryPage({ onEnter, notice }: { onEnter: (user: string) => void; notice?: string }) {
  const client = useClient();
  const [mode, setMode] = useState<EntryMode>('log-in');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [name, setName] = useState('');
  const { busy, errors, submit, refuse, clear } = useSubmit({
    name: NAME_EXPECTED,
    email: 'Enter an email address, like ann@example.org.',
    password: mode === 'log-in' ? 'Enter your password.' : 'Use 10 to 128 characters.',
  });
  const form = useRef<HTMLFormElement>(null);
  const texts = TEXTS[mode];

  usePageTitle(`${texts.title} · Starling`);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each form begins at its first field
  useEffect(() => {
    form.current?.querySelector('input')?.focus();
  }, [mode]);
  useEffect(() => {
    const [wrong] = Object.keys(errors.fields);
    if (wrong !== undefined) form.current?.querySelector<HTMLInputElement>(`[name=${wrong}]`)?.focus();
  }, [errors]);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    const wrong = findWrongFields(mode, { name, email, password });
    if (wrong.length > 0) return refuse(wrong);
    await submit(async () => {
      const { user } = await (mode === 'log-in' ? client.logIn({ email, password }) : client.signUp({ email, password, name }));
      onEnter(user);
    });
  };

  const change = () => {
    clear();
    setPassword('');
    setMode(mode === 'log-in' ? 'sign-up' : 'log-in');
  };

  return (
    <main className="entry">
      <div className="entry-card">
        <p className="brand">
          <img src="/favicon.svg" alt="" width="36" height="36" />
          <span>Starling</span>
        </p>
        <h1>{texts.title}</h1>
        {notice !== undefined && (
          <p role="alert" className="entry-notice">
            {notice}
          </p>
        )}
        <form ref={form} key={mode} onSubmit={(event) => void send(event)} noValidate>
          {mode === 'sign-up' && (
            <Field
              label="Your name"
              name="name"
              autoComplete="name"
              required
              maxLength={80}
              value={name}
              onChange={(event) => setName(event.target.value)}
              error={errors.fields['name']}
              hint="How others see you."
            />
          )}
          <Field
            label="Email"
            name="email"
            type="email"
            autoComplete="email"
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            error={errors.fields['email']}
          />
          <Field
            label="Password"
            name="password"
            type="password"
            autoComplete={mode === 'log-in' ? 'current-password' : 'new-password'}
            required
            maxLength={128}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={errors.fields['password']}
            {...(mode === 'sign-up' ? { hint: 'At least 10 characters.' } : {})}
          />
          {errors.form !== null && (
            <p role="alert" className="error">
              {errors.form}
            </p>
          )}
          <button type="submit" className="button button-primary button-wide" disabled={busy}>
            {texts.button}
          </button>
        </form>
        <p className="entry-switch">
          {texts.question}{' '}
          <button type="button" className="link-button" onClick={change}>
            {texts.other}
          </button>
        </p>
      </div>
    </main>
  );
}
