-- Up Migration
-- The tables of Better Auth, under its names.
CREATE TABLE "user" (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name text NOT NULL,
  email text NOT NULL CONSTRAINT user_email_unique UNIQUE CONSTRAINT user_email_lower CHECK (email = lower(email)),
  "emailVerified" boolean NOT NULL DEFAULT false,
  image text,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE session (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  token text NOT NULL CONSTRAINT session_token_unique UNIQUE,
  "userId" uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  "expiresAt" timestamptz NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_by_user ON session ("userId");
CREATE INDEX session_by_expiry ON session ("expiresAt");

CREATE TABLE account (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "userId" uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  "providerId" text NOT NULL,
  "accountId" text NOT NULL,
  password text,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT account_unique UNIQUE ("providerId", "accountId")
);
CREATE INDEX account_by_user ON account ("userId");

CREATE TABLE verification (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  identifier text NOT NULL,
  value text NOT NULL,
  "expiresAt" timestamptz NOT NULL,
  "createdAt" timestamptz NOT NULL DEFAULT now(),
  "updatedAt" timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verification_by_identifier ON verification (identifier);

-- A user and the fact that says so are one transaction, whichever code inserts the user. The headers are those of
-- encodeFactHeaders.
CREATE FUNCTION write_user_created() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

CREATE TRIGGER user_created AFTER INSERT ON "user" FOR EACH ROW EXECUTE FUNCTION write_user_created();

-- Down Migration
DROP TABLE verification, account, session, "user";
DROP FUNCTION write_user_created;
