import { useClient, useClientState, useProfile } from '../client-state.ts';
import { Avatar } from '../parts/avatar.tsx';
import { formatClock, formatDay } from '../parts/times.ts';
import type { Row } from './rows.ts';

interface Props {
  row: Row;
  conversation: string;
  isMine: boolean;
}

export function MessageItem({ row, conversation, isMine }: Props) {
  const profile = useProfile(row.author);
  const name = isMine ? 'You' : (profile?.name ?? '…');
  return (
    <>
      {row.startsDay && (
        <p className="day">
          <span>{formatDay(row.at)}</span>
        </p>
      )}
      <article className="message" data-mine={isMine} data-starts-group={row.startsGroup} data-state={row.pending?.state}>
        {!isMine && row.startsGroup && <Avatar id={row.author} name={name} size="small" />}
        <div className="bubble">
          <p className={row.startsGroup && !isMine ? 'author' : 'visually-hidden'}>{name}</p>
          <p className="body">{withLinks(row.body)}</p>
          <time className="time" dateTime={new Date(row.at).toISOString()} title={new Date(row.at).toLocaleString()}>
            {formatClock(row.at)}
          </time>
        </div>
        {row.pending && <PendingNote row={row} conversation={conversation} />}
      </article>
    </>
  );
}

function PendingNote({ row: { pending, body }, conversation }: { row: Row; conversation: string }) {
  const client = useClient();
  const isLive = useClientState(({ connection }) => connection === 'live');
  const { state, problem, client: id } = pending!;
  if (state === 'sent') return null;
  if (state !== 'refused' && !isLive) return <p className="note note-doubt">Waiting for the connection…</p>;
  if (state === 'sending') return <p className="note">Sending…</p>;
  if (state === 'unknown') return <p className="note note-doubt">Not confirmed yet. It is sent again by itself and cannot arrive twice.</p>;
  const again = () => {
    client.discard(conversation, id);
    client.send(conversation, body);
  };
  return (
    <p className="note note-refused">
      Not sent: {problem?.detail ?? problem?.title}.{' '}
      <button type="button" className="link-button" onClick={again}>
        Try again
      </button>{' '}
      <button type="button" className="link-button" onClick={() => client.discard(conversation, id)}>
        Discard
      </button>
    </p>
  );
}

/** Addresses of the web in a text as links; all else as it is. */
function withLinks(body: string) {
  return body.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?'()[\]])/).map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: a text's parts never move
      <a key={index} href={part} target="_blank" rel="noopener noreferrer nofollow">
        {part}
      </a>
    ),
  );
}
