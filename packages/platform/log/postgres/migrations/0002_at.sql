-- Up Migration
-- Records lie in the order of their times, but for the places of deleted ones: a few bytes for many pages say which to
-- look at, and an append pays next to nothing for it.
CREATE INDEX log_record_at ON log_record USING brin (at) WITH (pages_per_range = 16);

-- Down Migration
DROP INDEX log_record_at;
