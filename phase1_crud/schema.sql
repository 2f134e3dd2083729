-- Users write posts, posts gather comments: two 1:N relationships, one arrow each.
--
--     users 1 ──── N posts 1 ──── N comments
--       1 ───────────────────────── N (who wrote the comment)
--
-- The service validates what it is sent so that a mistake gets a friendly answer. This file is what
-- makes wrong data impossible: it holds for every client, every script and every bug.
-- Each constraint has a name, because the service turns names into answers (errors.py).

-- Trigrams let an index answer "contains this text"; a B-tree can only answer "starts with".
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- COLLATE pg_c_utf8: text compares by code point on every machine, whatever locale the cluster was
-- made with, so a page sorted by name or title is the same page everywhere.

CREATE TABLE users (
    -- GENERATED ALWAYS: nobody can choose an id, and a sequence never hands one out twice.
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT users_pkey PRIMARY KEY,
    name text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT users_name_check CHECK (char_length(name) BETWEEN 1 AND 100 AND name ~ '\S'),
    email text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT users_email_check CHECK (char_length(email) <= 254 AND email LIKE '_%@_%._%'),
    -- timestamptz stores an instant. A timestamp without zone would store a rumour of one.
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Ada@Example.com and ada@example.com reach the same person. Looking first and inserting second
-- cannot promise that to two requests at once; a unique index can. It also finds a user by e-mail.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- Find and sort users by when they came.
CREATE INDEX users_created_at_idx ON users (created_at, id);

CREATE TABLE posts (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT posts_pkey PRIMARY KEY,
    -- RESTRICT: a user with posts stays, until somebody decides what becomes of the posts.
    user_id bigint NOT NULL
        CONSTRAINT posts_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    title text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT posts_title_check CHECK (char_length(title) BETWEEN 1 AND 200 AND title ~ '\S'),
    body text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT posts_body_check CHECK (char_length(body) <= 10000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The feed: newest first. The id parts posts of the same instant, so the order is total and
-- (created_at, id) marks a place in it that a reader can come back to.
CREATE INDEX posts_created_at_idx ON posts (created_at, id);

-- One author's posts in feed order. PostgreSQL indexes the referenced side of a foreign key and not
-- this one: without it, deleting a user would read the whole table to look for posts.
CREATE INDEX posts_user_id_created_at_idx ON posts (user_id, created_at, id);

-- ?q= looks inside title and body. GIN holds every three-letter piece of both.
CREATE INDEX posts_text_idx ON posts USING gin (title gin_trgm_ops, body gin_trgm_ops);

CREATE TABLE comments (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT comments_pkey PRIMARY KEY,
    -- CASCADE: a comment means nothing without its post and goes with it.
    post_id bigint NOT NULL
        CONSTRAINT comments_post_id_fkey REFERENCES posts (id) ON DELETE CASCADE,
    user_id bigint NOT NULL
        CONSTRAINT comments_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    body text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT comments_body_check CHECK (char_length(body) BETWEEN 1 AND 2000 AND body ~ '\S'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A post's comments in order; counting them reads this index and not the table.
CREATE INDEX comments_post_id_idx ON comments (post_id, id);

-- The other foreign key, for deleting a user and for their summary.
CREATE INDEX comments_user_id_idx ON comments (user_id);
