-- Up Migration
-- The levels of the log's rules that have come into force, in every partition; level 1 has always been.
CREATE TABLE rules_level (
  level int PRIMARY KEY CHECK (level > 1),
  raised_at timestamptz NOT NULL DEFAULT now()
);

-- The versions of Starling that have brought these data up to date.
CREATE TABLE data_version (
  major int NOT NULL,
  minor int NOT NULL,
  prepared_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (major, minor)
);

-- Down Migration
DROP TABLE data_version, rules_level;
