-- Up Migration
CREATE TABLE projection (
  topic text NOT NULL,
  partition int NOT NULL,
  next_offset int8 NOT NULL DEFAULT 0,
  last_id text,
  PRIMARY KEY (topic, partition)
);

-- Records that could not be applied because of a fault of this code; they keep their place.
CREATE TABLE failed_record (
  topic text NOT NULL,
  partition int NOT NULL,
  "offset" int8 NOT NULL,
  key text NOT NULL,
  headers jsonb NOT NULL,
  value bytea NOT NULL,
  at int8 NOT NULL,
  error text NOT NULL,
  failed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, "offset")
);

-- Down Migration
DROP TABLE failed_record, projection;
