import { conversationPath } from '../route.ts';

/** With a mouse there is a keyboard of its own; on a touch screen the focus in a field would bring one up over the page. */
export function hasFinePointer(): boolean {
  return matchMedia('(pointer: fine)').matches;
}

/** What had the focus is gone, or nothing has had it yet. */
export function isFocusLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

/** Into the conversation that is open: to write, or on a touch screen to its heading. */
export function focusConversation(): void {
  focusFirst(hasFinePointer() ? ['.composer textarea', '.conversation h2'] : ['.conversation h2']);
}

/** Into the list: where one was, else to the search or, on a touch screen, to the heading. */
export function focusList(left: string | null): void {
  const entry = left === null ? [] : [`.conversation-list a[href="${conversationPath(left)}"]`];
  focusFirst([...entry, hasFinePointer() ? '.sidebar input[type=search]' : '.sidebar h1']);
}

function focusFirst(selectors: string[]): void {
  const found = selectors.map((selector) => document.querySelector<HTMLElement>(selector)).find((element) => element !== null);
  found?.focus();
}
