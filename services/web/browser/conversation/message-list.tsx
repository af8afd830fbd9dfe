import type { MessageRange, PendingSend } from '@starling/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useClient, useClientState } from '../client-state.ts';
import { usePageVisible } from '../parts/page-visible.ts';
import { MessageItem } from './message-item.tsx';
import { toRows } from './rows.ts';

/** So near to the end, in pixels, counts as being there: what arrives is followed. */
const END = 80;
/** Older messages are asked for when fewer than so many rows are above the first one drawn. */
const AHEAD = 12;
const NONE: readonly PendingSend[] = [];

/** The messages, drawn as far as they are near the view. Stays where it is when older ones come, and at the end when it is there. */
export function MessageList({ conversation, range }: { conversation: string; range: MessageRange }) {
  const client = useClient();
  const me = useClientState(({ user }) => user) ?? '';
  const sends = useClientState((state) => state.sends.get(conversation)) ?? NONE;
  const rows = useMemo(() => toRows(range.messages, range.more, sends, me), [range.messages, range.more, sends, me]);
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [hasNews, setHasNews] = useState(false);

  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.key ?? index,
    estimateSize: () => 56,
    overscan: 8,
    paddingStart: 12,
    paddingEnd: 12,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: END,
  });

  const wasFilled = useRef(false);
  useLayoutEffect(() => {
    if (wasFilled.current || rows.length === 0) return;
    wasFilled.current = true;
    virtualizer.scrollToEnd();
  }, [rows.length, virtualizer]);

  const wasAtEnd = useRef(true);
  const rowsBox = useRef<HTMLDivElement>(null);
  const last = rows.at(-1);
  const lastKey = useRef(last?.key);
  useEffect(() => {
    if (last === undefined || last.key === lastKey.current) return;
    lastKey.current = last.key;
    if (last.author === me) virtualizer.scrollToEnd();
    else if (!wasAtEnd.current) setHasNews(true);
  }, [last, me, virtualizer]);

  useEffect(() => {
    // The composer grows and the keyboard opens at the cost of this list, and a narrower window makes its rows higher:
    // what was at its end stays there.
    const list = scroller.current!;
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) list.scrollTop = list.scrollHeight;
    });
    observer.observe(list);
    observer.observe(rowsBox.current!);
    return () => observer.disconnect();
  }, []);

  const isVisible = usePageVisible();
  useEffect(() => {
    if (!isAtEnd || !isVisible) return;
    client.setReading(conversation);
    return () => client.setReading(null);
  }, [client, conversation, isAtEnd, isVisible]);

  const items = virtualizer.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const isReady = range.load === 'ready' && range.more && !range.loadingOlder;
  useEffect(() => {
    // What could not be loaded now is tried again by the next scroll; the connection line says what is wrong.
    if (isReady && items.length > 0 && first < AHEAD) client.loadOlder(conversation).catch(() => {});
  }, [client, conversation, first, isReady, items.length]);

  const onScroll = () => {
    // Measured, not asked of the virtualizer: it may hear of the scrolling after this.
    const { scrollHeight, scrollTop, clientHeight } = scroller.current!;
    const atEnd = scrollHeight - scrollTop - clientHeight <= END;
    wasAtEnd.current = atEnd;
    setAtEnd(atEnd);
    if (atEnd) setHasNews(false);
  };

  return (
    <div className="messages">
      <div
        ref={scroller}
        className="scroller"
        role="log"
        aria-label="Messages"
        aria-live={isAtEnd ? 'polite' : 'off'}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        onScroll={onScroll}
      >
        {rows.length === 0 && range.load === 'ready' && <p className="hint no-messages">No messages yet. Write the first one.</p>}
        {range.loadingOlder && <p className="hint loading-older">Loading older messages…</p>}
        <div ref={rowsBox} className="rows" style={{ height: virtualizer.getTotalSize() }}>
          {items.map(({ key, index, start }) => (
            <div
              key={key}
              ref={virtualizer.measureElement}
              data-index={index}
              className="row"
              style={{ transform: `translateY(${start}px)` }}
            >
              <MessageItem row={rows[index]!} conversation={conversation} isMine={rows[index]!.author === me} />
            </div>
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button type="button" className="button to-end" data-news={hasNews} onClick={() => virtualizer.scrollToEnd()}>
          {hasNews ? 'New messages' : 'Newest messages'}
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M5 8l5 5 5-5" />
          </svg>
        </button>
      )}
    </div>
  );
}
