-- Up Migration
ALTER TABLE "user"
  ADD COLUMN role text NOT NULL DEFAULT 'member' CONSTRAINT user_role CHECK (role IN ('owner', 'admin', 'member', 'guest', 'bot')),
  ADD COLUMN disabled boolean NOT NULL DEFAULT false,
  -- Of the facts about the account: 1 is `user.created`.
  ADD COLUMN rev int8 NOT NULL DEFAULT 1;
CREATE INDEX user_owners ON "user" (id) WHERE role = 'owner';

ALTER TABLE session
  ADD COLUMN "lastUsedAt" timestamptz NOT NULL DEFAULT now(),
  -- Of sessions with refresh tokens: what their tokens are made with, the newest token, and since when it is that.
  ADD COLUMN "refreshSeed" bytea,
  ADD COLUMN "refreshGeneration" int8,
  ADD COLUMN "refreshRotatedAt" timestamptz,
  ADD CONSTRAINT session_refresh CHECK (num_nulls("refreshSeed", "refreshGeneration", "refreshRotatedAt") IN (0, 3));
-- Sessions that exist go on: only what is kept of their secrets changes. The new check lets no secret be stored again.
UPDATE session SET token = encode(sha256(convert_to(token, 'UTF8')), 'hex'), "lastUsedAt" = "updatedAt";
ALTER TABLE session ADD CONSTRAINT session_token_hashed CHECK (token ~ '^[0-9a-f]{64}$');

-- Devices that have logged in to an account; `secret` is the SHA-256 of theirs.
CREATE TABLE device (
  user_id uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  secret bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, secret)
);
CREATE INDEX device_by_use ON device (last_used_at);

-- Token buckets; times are milliseconds since 1970 by the clock of the services.
CREATE TABLE throttle (
  key bytea PRIMARY KEY,
  tokens float8 NOT NULL,
  at float8 NOT NULL,
  full_at float8 NOT NULL
);
CREATE INDEX throttle_by_full ON throttle (full_at);

-- The facts about accounts are one transaction with what they state, whichever code makes the change. The headers are
-- those of encodeFactHeaders.
CREATE FUNCTION write_fact(account uuid, rev int8, kind text, value jsonb) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  event uuid := gen_random_uuid();
BEGIN
  INSERT INTO outbox (id, key, rev, headers, value) VALUES (
    event,
    account::text,
    rev,
    jsonb_build_object('id', event::text, 'kind', kind, 'level', '1'),
    convert_to(value::text, 'UTF8')
  );
END
$$;

CREATE OR REPLACE FUNCTION write_user_created() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM write_fact(NEW.id, NEW.rev, 'user.created', jsonb_build_object('user', NEW.id::text, 'name', NEW.name, 'role', NEW.role));
  RETURN NULL;
END
$$;

CREATE FUNCTION count_user_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.rev := OLD.rev + 1;
  RETURN NEW;
END
$$;

CREATE FUNCTION write_user_updated() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM write_fact(
    NEW.id, NEW.rev, 'user.updated',
    jsonb_build_object('user', NEW.id::text, 'role', NEW.role, 'disabled', NEW.disabled, 'rev', NEW.rev)
  );
  RETURN NULL;
END
$$;

-- The row's lock is held to the commit, so the order of revs is that of commits.
CREATE TRIGGER user_changing BEFORE UPDATE OF role, disabled ON "user" FOR EACH ROW
  WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.disabled IS DISTINCT FROM NEW.disabled) EXECUTE FUNCTION count_user_change();
CREATE TRIGGER user_changed AFTER UPDATE OF role, disabled ON "user" FOR EACH ROW
  WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.disabled IS DISTINCT FROM NEW.disabled) EXECUTE FUNCTION write_user_updated();

-- A session that ended by itself needs no fact: nobody had used it for weeks, and its last token ended minutes after
-- that. The rev is the account's: it sorts the fact behind those that came before, and readers need no order among ended
-- sessions.
CREATE FUNCTION write_session_revoked() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  PERFORM write_fact(
    OLD."userId",
    coalesce((SELECT rev FROM "user" WHERE id = OLD."userId"), 1),
    'session.revoked',
    jsonb_build_object('user', OLD."userId"::text, 'session', OLD.id::text)
  );
  RETURN NULL;
END
$$;

CREATE TRIGGER session_revoked AFTER DELETE ON session FOR EACH ROW WHEN (OLD."expiresAt" > now()) EXECUTE FUNCTION write_session_revoked();

-- Down Migration
DROP TRIGGER session_revoked ON session;
DROP TRIGGER user_changed ON "user";
DROP TRIGGER user_changing ON "user";
DROP FUNCTION write_session_revoked, write_user_updated, count_user_change;
CREATE OR REPLACE FUNCTION write_user_created() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  event uuid := gen_random_uuid();
BEGIN
  INSERT INTO outbox (id, key, rev, headers, value) VALUES (
    event,
    NEW.id::text,
    1,
    jsonb_build_object('id', event::text, 'kind', 'user.created', 'level', '1'),
    convert_to(jsonb_build_object('user', NEW.id::text, 'name', NEW.name)::text, 'UTF8')
  );
  RETURN NULL;
END
$$;
DROP FUNCTION write_fact;
DROP TABLE throttle, device;
-- The secrets are not there any more.
DELETE FROM session;
ALTER TABLE session
  DROP COLUMN "lastUsedAt",
  DROP COLUMN "refreshSeed",
  DROP COLUMN "refreshGeneration",
  DROP COLUMN "refreshRotatedAt",
  DROP CONSTRAINT session_token_hashed;
ALTER TABLE "user" DROP COLUMN role, DROP COLUMN disabled, DROP COLUMN rev;
