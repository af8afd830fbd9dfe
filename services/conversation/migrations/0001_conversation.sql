-- Up Migration

-- Command tables: what commands decide by.
CREATE TABLE conversation (
  id uuid PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('private', 'group')),
  name text,
  -- The rev of the conversation's own state, and the last one given to any of its entities.
  rev int8 NOT NULL,
  last_rev int8 NOT NULL,
  created_event uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE participant (
  conversation uuid NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
  "user" uuid NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'member')),
  present boolean NOT NULL,
  history text NOT NULL CHECK (history IN ('all', 'joined')),
  rev int8 NOT NULL,
  PRIMARY KEY (conversation, "user")
);

CREATE TABLE command (
  actor uuid NOT NULL,
  key uuid NOT NULL,
  fingerprint text NOT NULL,
  conversation uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (actor, key)
);

-- Read models: what the projector alone writes.
CREATE TABLE conversation_view (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  name text,
  rev int8 NOT NULL,
  created_position int8,
  last_position int8 NOT NULL,
  last_at int8 NOT NULL
);

CREATE TABLE participation (
  conversation uuid NOT NULL,
  "user" uuid NOT NULL,
  role text NOT NULL,
  present boolean NOT NULL,
  history text NOT NULL,
  rev int8 NOT NULL,
  -- As `Span[]` of the log's rules.
  spans jsonb NOT NULL,
  -- Time of the record that changed it last, ms.
  changed_at int8 NOT NULL,
  PRIMARY KEY (conversation, "user")
);
CREATE INDEX participation_of_user ON participation ("user", conversation);

CREATE TABLE message (
  conversation uuid NOT NULL,
  position int8 NOT NULL,
  author uuid NOT NULL,
  client uuid NOT NULL,
  body text NOT NULL,
  at int8 NOT NULL,
  PRIMARY KEY (conversation, position)
);
CREATE UNIQUE INDEX message_identity ON message (conversation, author, client);

-- Down Migration
DROP TABLE message, participation, conversation_view, command, participant, conversation;
