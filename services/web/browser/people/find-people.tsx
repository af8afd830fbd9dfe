import type { Profile } from '@starling/contracts/events';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { useClient } from '../client-state.ts';
import { Avatar } from '../parts/avatar.tsx';

interface Props {
  label?: string;
  /** Users who are not offered. */
  exclude: string[];
  onChoose: (user: string, profile: Profile) => void | Promise<void>;
}

const PAUSE = 200;

/** A search field with the people found below it, each a button. */
export function FindPeople({ label = 'Find people', exclude, onChoose }: Props) {
  const client = useClient();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [search, setSearch] = useState('');
  const [found, setFound] = useState<Profile[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const wanted = search.trim().replace(/^@/, '');

  useEffect(() => {
    setError(null);
    if (wanted === '') {
      setFound(null);
      return;
    }
    let stale = false;
    const timer = setTimeout(() => {
      client.searchUsers(wanted).then(
        (profiles) => !stale && setFound(profiles),
        (failure: Error) => !stale && setError(failure.message),
      );
    }, PAUSE);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [client, wanted]);

  const offered = found?.filter((profile) => !exclude.includes(profile.id));
  const choose = (profile: Profile) => {
    setSearch('');
    // The list goes, and the button pressed with it.
    field.current?.focus();
    void onChoose(profile.id, profile);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      // Not the form around it is meant, but the first one found.
      event.preventDefault();
      const [first] = offered ?? [];
      if (first) choose(first);
    }
    if (event.key !== 'Escape' || search === '') return;
    // Escape empties the field first; only then it closes the dialog around it.
    event.preventDefault();
    event.stopPropagation();
    setSearch('');
  };

  return (
    <search className="find-people">
      <label htmlFor={id}>{label}</label>
      <input
        ref={field}
        id={id}
        type="search"
        autoComplete="off"
        spellCheck={false}
        maxLength={80}
        placeholder="Name or @handle"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p aria-live="polite" className={error === null ? 'hint' : 'error'}>
        {error ?? describe(offered)}
      </p>
      {offered !== undefined && offered.length > 0 && (
        <ul className="people" aria-label="People found">
          {offered.map((profile) => (
            <li key={profile.id}>
              <button type="button" className="person" onClick={() => choose(profile)}>
                <Avatar id={profile.id} name={profile.name} size="small" />
                <span className="person-name">{profile.name}</span> <span className="muted">@{profile.handle}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </search>
  );
}

function describe(offered: Profile[] | undefined): string {
  if (offered === undefined) return '';
  if (offered.length === 0) return 'Nobody else found by that name.';
  return offered.length === 1 ? '1 person found' : `${offered.length} people found`;
}
