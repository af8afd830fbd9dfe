import { faultOfBody } from '@starling/client';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { useClient } from '../client-state.ts';

/** What was begun and not sent, by conversation, as long as the page lives. */
const drafts = new Map<string, string>();

export function Composer({ conversation }: { conversation: string }) {
  const client = useClient();
  const id = useId();
  const [body, setBody] = useState(() => drafts.get(conversation) ?? '');
  const area = useRef<HTMLTextAreaElement>(null);
  const fault = body.trim() === '' ? null : faultOfBody(body);

  useEffect(() => {
    // On a touch screen the focus would bring up the keyboard over the messages.
    if (matchMedia('(pointer: fine)').matches) area.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const { current } = area;
    if (!current) return;
    current.style.height = 'auto';
    current.style.height = body === '' ? '' : `${current.scrollHeight + 2}px`;
  }, [body]);

  const change = (text: string) => {
    setBody(text);
    if (text === '') drafts.delete(conversation);
    else drafts.set(conversation, text);
  };
  const send = (event?: FormEvent) => {
    event?.preventDefault();
    area.current?.focus();
    if (body.trim() === '' || fault !== null) return;
    client.send(conversation, body);
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
      <button type="submit" className="button button-primary" disabled={body.trim() === '' || fault !== null}>
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
