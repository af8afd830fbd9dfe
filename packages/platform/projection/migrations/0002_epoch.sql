-- Up Migration
-- Each epoch of the log is projected from its own beginning; a process of the one before, which may still run, has rows of
-- its own.
ALTER TABLE projection ADD COLUMN epoch int NOT NULL DEFAULT 1;
ALTER TABLE projection DROP CONSTRAINT projection_pkey, ADD PRIMARY KEY (epoch, topic, partition);
ALTER TABLE failed_record ADD COLUMN epoch int NOT NULL DEFAULT 1;
ALTER TABLE failed_record DROP CONSTRAINT failed_record_pkey, ADD PRIMARY KEY (epoch, topic, partition, "offset");

-- Down Migration
DELETE FROM projection WHERE epoch <> 1;
DELETE FROM failed_record WHERE epoch <> 1;
ALTER TABLE projection DROP COLUMN epoch, ADD PRIMARY KEY (topic, partition);
ALTER TABLE failed_record DROP COLUMN epoch, ADD PRIMARY KEY (topic, partition, "offset");
