-- Up Migration
-- Secrets are sealed with a key that the database does not hold, codes and challenges are hashed.
CREATE TABLE totp (
  user_id uuid PRIMARY KEY REFERENCES "user" ON DELETE CASCADE,
  -- NULL until the first enrolment is confirmed.
  secret bytea,
  -- The step of time of the last code that was accepted: none of it or before is accepted again.
  last_step int8 NOT NULL DEFAULT 0,
  -- An enrolment that has not been confirmed; the secret before it is in force until then.
  pending bytea,
  pending_until timestamptz
);

CREATE TABLE recovery_code (
  user_id uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  hash bytea NOT NULL,
  PRIMARY KEY (user_id, hash)
);

-- A log-in whose first factor was right.
CREATE TABLE second_factor_challenge (
  hash bytea PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  tries int NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);
CREATE INDEX second_factor_challenge_by_user ON second_factor_challenge (user_id);
CREATE INDEX second_factor_challenge_by_expiry ON second_factor_challenge (expires_at);

CREATE TABLE passkey (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  credential text NOT NULL CONSTRAINT passkey_credential_unique UNIQUE,
  public_key bytea NOT NULL,
  -- How often it was used, by its own count; 0 for those that do not count.
  counter int8 NOT NULL,
  transports text[] NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX passkey_by_user ON passkey (user_id);

CREATE TABLE passkey_challenge (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  challenge text NOT NULL,
  -- The page that may answer.
  origin text NOT NULL,
  -- Who adds a passkey; NULL for a log-in.
  user_id uuid REFERENCES "user" ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX passkey_challenge_by_user ON passkey_challenge (user_id);
CREATE INDEX passkey_challenge_by_expiry ON passkey_challenge (expires_at);

-- Sign-on flows and links that were answered; what they hold is sealed in the browser's own secret.
CREATE TABLE spent_sign_on (
  hash bytea PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX spent_sign_on_by_expiry ON spent_sign_on (expires_at);

-- Down Migration
DROP TABLE spent_sign_on, passkey_challenge, passkey, second_factor_challenge, recovery_code, totp;
