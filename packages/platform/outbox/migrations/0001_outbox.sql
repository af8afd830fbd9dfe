-- Up Migration
CREATE TABLE outbox (
  id uuid PRIMARY KEY,
  key text NOT NULL,
  rev int8 NOT NULL,
  headers jsonb NOT NULL,
  value bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  position int8,
  settled_at timestamptz
);

CREATE INDEX outbox_to_send ON outbox (key, rev) WHERE position IS NULL;
CREATE INDEX outbox_settled ON outbox (settled_at) WHERE position IS NOT NULL;

-- Down Migration
DROP TABLE outbox;
