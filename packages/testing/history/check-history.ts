/** A post as its sender saw it. `body` is unique in the whole run, and so is (conversation, client). */
export interface Operation {
  conversation: string;
  author: string;
  client: string;
  body: string;
  outcome: 'ok' | 'refused' | 'unknown';
  /** Of `ok`. */
  position?: number;
}

/** A message as it was read. */
export interface Read {
  conversation: string;
  position: number;
  author: string;
  client: string;
  body: string;
}

/** One socket's life: from which cursor it resumed, and all that it was sent. */
export interface Session {
  user: string;
  /** Per conversation of the user: the lowest position that the cursor had not passed. */
  from: Map<string, number>;
  /** In the order of arrival. */
  received: Read[];
  /** Per conversation: everything below this position must have been received; nothing is known of the rest. */
  complete: Map<string, number>;
}

export interface History {
  operations: Operation[];
  sessions: Session[];
  /** What each conversation holds at the end, in its order. */
  final: Read[];
}

/**
 * What is wrong with a run, a sentence each; empty when nothing is. Checked are: every acknowledged post is in the
 * history at its position, no refused one is, none is there twice, nothing is there that nobody sent; every socket saw
 * the history's order without gap or double, exactly from its cursor on. Unknown posts may be there, once.
 */
export function checkHistory({ operations, sessions, final }: History): string[] {
  const faults: string[] = [];
  const sent = new Map(operations.map((operation) => [identityOf(operation), operation]));
  const stored = new Map<string, Read>();
  for (const read of final) {
    const identity = identityOf(read);
    const operation = sent.get(identity);
    if (stored.has(identity)) faults.push(`${name(read)} is in the history twice`);
    if (!operation) faults.push(`${name(read)} is in the history, and nobody sent it`);
    else if (operation.body !== read.body) faults.push(`${name(read)} has another text than was sent`);
    stored.set(identity, read);
  }
  for (const operation of operations) {
    const read = stored.get(identityOf(operation));
    if (operation.outcome === 'ok' && !read) faults.push(`${name(operation)} was acknowledged and is lost`);
    if (operation.outcome === 'ok' && read && read.position !== operation.position) {
      faults.push(`${name(operation)} was acknowledged at ${operation.position} and is at ${read.position}`);
    }
    if (operation.outcome === 'refused' && read) faults.push(`${name(operation)} was refused and is in the history`);
  }
  const byConversation = Map.groupBy(final, (read) => read.conversation);
  for (const [conversation, reads] of byConversation) {
    if (reads.some((read, index) => index > 0 && read.position <= (reads[index - 1]?.position ?? 0)))
      faults.push(`the history of ${conversation} is not in order`);
  }
  for (const [index, session] of sessions.entries())
    faults.push(...checkSession(`socket ${index} of ${session.user}`, session, byConversation));
  return faults;
}

function checkSession(socket: string, { from, received, complete }: Session, history: Map<string, Read[]>): string[] {
  const faults: string[] = [];
  const byConversation = Map.groupBy(received, (read) => read.conversation);
  for (const [conversation, first] of from) {
    const seen = byConversation.get(conversation) ?? [];
    const until = Math.max(complete.get(conversation) ?? 0, (seen.at(-1)?.position ?? -1) + 1);
    const expected = (history.get(conversation) ?? []).filter((read) => read.position >= first && read.position < until);
    const difference = expected.findIndex((read, index) => seen[index]?.position !== read.position || seen[index]?.body !== read.body);
    if (difference !== -1) {
      const got = seen[difference];
      faults.push(`${socket}: expected ${name(expected[difference] as Read)} and got ${got ? name(got) : 'nothing'}`);
    } else if (seen.length > expected.length)
      faults.push(`${socket}: got ${name(seen[expected.length] as Read)}, which is not there or came before`);
  }
  for (const conversation of byConversation.keys()) {
    if (!from.has(conversation)) faults.push(`${socket}: got messages of ${conversation}, in which the user takes no part`);
  }
  return faults;
}

function identityOf({ conversation, author, client }: { conversation: string; author: string; client: string }): string {
  return `${conversation} ${author} ${client}`;
}

function name({ body, conversation, position }: { body: string; conversation: string; position?: number }): string {
  return `"${body}" of ${conversation}${position === undefined ? '' : ` at ${position}`}`;
}
