-- Up Migration
-- Times are those of the services' clock, but those of mail_job, which are the database's. No code and no link is stored:
-- both are derived from the id of their row and a key that the database does not hold.
CREATE TABLE invite (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- In lower case; NULL: good for whoever has the link.
  email text CONSTRAINT invite_email_lower CHECK (email = lower(email)),
  role text NOT NULL CONSTRAINT invite_role CHECK (role IN ('member', 'guest')),
  uses_left int NOT NULL CONSTRAINT invite_uses CHECK (uses_left >= 0),
  expires_at timestamptz NOT NULL,
  created_by uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  created_at timestamptz NOT NULL
);
CREATE INDEX invite_by_creator ON invite (created_by);

-- Registrations that wait for their code. There may be several with one email: whoever proves it first has the account.
CREATE TABLE registration (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email text NOT NULL CONSTRAINT registration_email_lower CHECK (email = lower(email)),
  name text NOT NULL,
  password_hash text NOT NULL,
  -- The secret of the invite names it; NULL: there is none. It is looked at again when the code is confirmed.
  invite uuid,
  expires_at timestamptz NOT NULL
);
CREATE INDEX registration_by_expiry ON registration (expires_at);

CREATE TABLE email_change (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL CONSTRAINT email_change_user UNIQUE REFERENCES "user" ON DELETE CASCADE,
  email text NOT NULL CONSTRAINT email_change_email_lower CHECK (email = lower(email)),
  expires_at timestamptz NOT NULL
);
CREATE INDEX email_change_by_expiry ON email_change (expires_at);

-- The newest code of a registration or a change of email, its subject. A new code is a row with a new id.
CREATE TABLE code (
  id uuid PRIMARY KEY,
  purpose text NOT NULL CONSTRAINT code_purpose CHECK (purpose IN ('registration', 'email-change')),
  subject uuid NOT NULL CONSTRAINT code_subject UNIQUE,
  email text NOT NULL,
  tries int NOT NULL DEFAULT 0,
  expires_at timestamptz NOT NULL
);
CREATE INDEX code_by_expiry ON code (expires_at);

-- When something was sent to an address or for an account in the last day; the key is an HMAC.
CREATE TABLE sending (
  key bytea PRIMARY KEY,
  sent timestamptz[] NOT NULL,
  last timestamptz NOT NULL
);
CREATE INDEX sending_by_last ON sending (last);

-- Whoever asks for a new password: whether there is an account is looked up later, by the mailer.
CREATE TABLE reset_wish (
  id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL
);

CREATE TABLE password_reset (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES "user" ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX password_reset_by_user ON password_reset (user_id);
CREATE INDEX password_reset_by_expiry ON password_reset (expires_at);

-- Mail to be sent: what kind, about which row (of code or password_reset), to whom.
CREATE TABLE mail_job (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  kind text NOT NULL CONSTRAINT mail_job_kind CHECK (kind IN ('code', 'reset', 'email-change-asked', 'email-changed', 'password-changed')),
  subject uuid,
  email text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  give_up_at timestamptz NOT NULL
);
CREATE INDEX mail_job_by_turn ON mail_job (next_at);

-- Down Migration
DROP TABLE mail_job, password_reset, reset_wish, sending, code, email_change, registration, invite;
