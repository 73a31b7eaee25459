-- What a Feathers project would migrate to: the columns of a comment that people write, with the keys and indexes Cutroom has on them.
CREATE TABLE users (
  id serial PRIMARY KEY,
  email text NOT NULL UNIQUE,
  name text NOT NULL,
  password text NOT NULL
);
CREATE TABLE projects (
  id serial PRIMARY KEY,
  name text NOT NULL,
  "createdAt" timestamptz(3) NOT NULL DEFAULT now()
);
CREATE TABLE members (
  id serial PRIMARY KEY,
  "projectId" integer NOT NULL REFERENCES projects ON DELETE CASCADE,
  "userId" integer NOT NULL REFERENCES users ON DELETE CASCADE,
  UNIQUE ("projectId", "userId")
);
CREATE INDEX ON members ("userId");
CREATE TABLE cuts (
  id serial PRIMARY KEY,
  "projectId" integer NOT NULL REFERENCES projects ON DELETE CASCADE,
  name text NOT NULL
);
CREATE INDEX ON cuts ("projectId");
CREATE TABLE comments (
  id serial PRIMARY KEY,
  "projectId" integer NOT NULL REFERENCES projects ON DELETE CASCADE,
  "cutId" integer NOT NULL REFERENCES cuts ON DELETE CASCADE,
  "authorId" integer NOT NULL REFERENCES users,
  body text NOT NULL,
  "atMs" integer,
  "createdAt" timestamptz(3) NOT NULL DEFAULT now(),
  "updatedAt" timestamptz(3) NOT NULL DEFAULT now()
);
CREATE INDEX ON comments ("projectId", id);
CREATE INDEX ON comments ("cutId", id);
CREATE INDEX ON comments ("authorId");
