-- Up Migration
CREATE TABLE profile (
  id uuid PRIMARY KEY,
  handle text NOT NULL CONSTRAINT profile_handle_unique UNIQUE,
  name text NOT NULL,
  rev int8 NOT NULL
);

-- What a profile is found by: its folded handle, and its folded name from each word on. In "C" order, byte by byte, an
-- index serves prefixes.
CREATE TABLE search_term (
  profile uuid NOT NULL REFERENCES profile ON DELETE CASCADE,
  term text COLLATE "C" NOT NULL,
  PRIMARY KEY (profile, term)
);
CREATE INDEX search_term_by_term ON search_term (term, profile);

-- The last number given to a handle that was derived and taken: anna, anna-2, anna-3.
CREATE TABLE handle_series (
  base text PRIMARY KEY,
  last int NOT NULL
);

-- Down Migration
DROP TABLE handle_series, search_term, profile;
