import { faultOfBody } from '@starling/client';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { useClient } from '../client-state.ts';
import { hasFinePointer } from '../parts/focus.ts';

export function Composer({ conversation }: { conversation: string }) {
  const client = useClient();
  const id = useId();
  const [body, setBody] = useState(() => client.getDraft(conversation));
  const area = useRef<HTMLTextAreaElement>(null);
  // Lines left blank at the end are nothing to read.
  const text = body.trimEnd();
  const fault = text === '' ? null : faultOfBody(text);

  useEffect(() => {
    if (hasFinePointer()) area.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const { current } = area;
    if (!current) return;
    current.style.height = 'auto';
    current.style.height = body === '' ? '' : `${current.scrollHeight + 2}px`;
  }, [body]);

  const change = (draft: string) => {
    setBody(draft);
    client.setDraft(conversation, draft);
  };
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    area.current?.focus();
    if (text === '' || fault !== null) return;
    client.send(conversation, text);
    change('');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    // While letters are composed, Enter chooses among them.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={send}>
      <label htmlFor={id} className="visually-hidden">
        Message
      </label>
      <textarea
        ref={area}
        id={id}
        rows={1}
        placeholder="Write a message"
        value={body}
        aria-invalid={fault !== null}
        aria-describedby={fault === null ? undefined : `${id}-fault`}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" className="button button-primary" disabled={text === '' || fault !== null}>
        Send
      </button>
      {fault !== null && (
        <p id={`${id}-fault`} role="alert" className="error composer-fault">
          {fault}
        </p>
      )}
    </form>
  );
}
