-- Up Migration
CREATE TABLE log_epoch (
  epoch int PRIMARY KEY,
  partitions jsonb NOT NULL
);

CREATE TABLE log_head (
  topic text NOT NULL,
  partition int NOT NULL,
  low int8 NOT NULL DEFAULT 0,
  next int8 NOT NULL DEFAULT 0,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE log_record (
  topic text NOT NULL,
  partition int NOT NULL,
  "offset" int8 NOT NULL,
  key text NOT NULL,
  headers jsonb NOT NULL,
  value bytea NOT NULL,
  at int8 NOT NULL,
  PRIMARY KEY (topic, partition, "offset")
);

-- Down Migration
DROP TABLE log_record, log_head, log_epoch;
