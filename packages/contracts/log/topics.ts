/** The topics of the log by their short names; a driver appends the epoch: `chat.conversations.1`. */
export const TOPICS = ['conversations', 'receipts', 'users'] as const;

/** `conversations` and `receipts` are keyed by conversation id, `users` by user id. */
export type Topic = (typeof TOPICS)[number];
