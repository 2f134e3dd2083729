-- A shop that knows who is asking: a user has sessions, and a session may have refresh tokens.
--
--     identities N ──── 1 users 1 ──── N sessions 1 ──── N refresh_tokens
--                         1
--                         └──── N orders 1 ──── N order_items N ──── 1 products
--                                                      1                    1
--                                                      └──── N stock_movements N
--                                                            (what left or came back, and why)
--
-- No secret that opens a door is kept here: of passwords there is a bcrypt hash, of cookies and
-- tokens a SHA-256. They are random and long, so nobody finds them by trying; a password is
-- neither, which is what bcrypt's cost is for. Whoever steals this database still has to break in.
--
-- The service validates what it is sent so that a mistake gets a friendly answer. This file is what
-- makes wrong data impossible: it holds for every client, every script and every bug.
-- Each constraint has a name, because the service turns names into answers (errors.py).
--
-- Third normal form: every column tells something about the key, the whole key and nothing but the
-- key. Three columns repeat on purpose what could be computed; each says why it does.

-- Trigrams let an index answer "contains this text"; a B-tree can only answer "starts with".
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- COLLATE pg_c_utf8: text compares by code point on every machine, whatever locale the cluster was
-- made with, so a page sorted by name is the same page everywhere.

CREATE TABLE users (
    -- GENERATED ALWAYS: nobody can choose an id, and a sequence never hands one out twice.
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT users_pkey PRIMARY KEY,
    name text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT users_name_check CHECK (char_length(name) BETWEEN 1 AND 100 AND name ~ '\S'),
    email text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT users_email_check CHECK (char_length(email) <= 254 AND email LIKE '_%@_%._%'),
    -- Whether an OpenID provider has vouched for the address. Whoever signs up says what he likes.
    email_verified boolean NOT NULL DEFAULT FALSE,
    role text COLLATE pg_c_utf8 NOT NULL DEFAULT 'user'
        CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
    -- NULL: there is no password, and nobody gets in by one.
    password_hash text COLLATE pg_c_utf8
        CONSTRAINT users_password_hash_check CHECK (password_hash LIKE '$2b$__$%'),
    -- Counts the passwords there have been. A login looks at a password first and opens a session
    -- later; by this it sees whether the password is still the same.
    password_version bigint NOT NULL DEFAULT 1,
    -- timestamptz stores an instant. A timestamp without zone would store a rumour of one.
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Ada@Example.com and ada@example.com reach the same person. Looking first and inserting second
-- cannot promise that to two requests at once; a unique index can. It also finds a user by e-mail.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- Find and sort users by when they came.
CREATE INDEX users_created_at_idx ON users (created_at, id);

-- The admins: the last of them must not go, and counting them must not take reading everybody.
CREATE INDEX users_admin_idx ON users (id) WHERE role = 'admin';

-- Who somebody is at an OpenID provider. The pair never changes there; an e-mail address may.
CREATE TABLE identities (
    issuer text COLLATE pg_c_utf8 NOT NULL,
    subject text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT identities_subject_check CHECK (char_length(subject) BETWEEN 1 AND 255),
    user_id bigint NOT NULL
        CONSTRAINT identities_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT identities_pkey PRIMARY KEY (issuer, subject),
    -- A provider knows the owner of an account by one name. A second one with the same e-mail is
    -- somebody to whom the address was given later (OpenID Connect Core 1.0, 5.7). It also finds
    -- what deleting a user looks for.
    CONSTRAINT identities_user_id_issuer_key UNIQUE (user_id, issuer)
);

-- A login at a provider that has begun and not come back yet. Whoever comes back takes the row
-- away, so that nobody comes back twice.
CREATE TABLE oauth_logins (
    state_hash bytea CONSTRAINT oauth_logins_pkey PRIMARY KEY
        CONSTRAINT oauth_logins_state_hash_check CHECK (octet_length(state_hash) = 32),
    nonce text COLLATE pg_c_utf8 NOT NULL,
    code_verifier text COLLATE pg_c_utf8 NOT NULL,
    -- A path of our own. To browsers //host is a host, and so is /\host; and between the two
    -- slashes they overlook a tab.
    return_to text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT oauth_logins_return_to_check CHECK (return_to ~ '^/($|[^/\\[:cntrl:]])'),
    expires_at timestamptz NOT NULL
);

-- Logins that were given up, to delete them when they have expired (forget_sessions.py).
CREATE INDEX oauth_logins_expires_at_idx ON oauth_logins (expires_at);

-- A login that lasts: by a cookie, or by a family of tokens. One that has ended has no row.
CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id bigint NOT NULL
        CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie; NULL for a session that lives by tokens.
    cookie_hash bytea
        CONSTRAINT sessions_cookie_hash_key UNIQUE
        CONSTRAINT sessions_cookie_hash_check CHECK (octet_length(cookie_hash) = 32),
    created_at timestamptz NOT NULL,
    -- Of a cookie, to the minute: a session that nobody uses ends earlier than one in use.
    last_used_at timestamptz NOT NULL,
    -- However busy it is, it ends then, and the password is asked for again.
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_times_check CHECK (created_at <= last_used_at AND created_at < expires_at)
);

-- All sessions of a user, to end them.
CREATE INDEX sessions_user_id_idx ON sessions (user_id);

-- Sessions that have expired, to delete them.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Every refresh token of a session that lives, used ones too: whoever shows a used one may be a
-- thief, or be robbed, and that can be told only as long as it is remembered.
CREATE TABLE refresh_tokens (
    hash bytea CONSTRAINT refresh_tokens_pkey PRIMARY KEY
        CONSTRAINT refresh_tokens_hash_check CHECK (octet_length(hash) = 32),
    session_id bigint NOT NULL
        CONSTRAINT refresh_tokens_session_id_fkey REFERENCES sessions (id) ON DELETE CASCADE,
    -- The token that was given for this one. UNIQUE: a token is exchanged once, whatever the
    -- service believes, and two who try at once wait for each other here.
    parent bytea CONSTRAINT refresh_tokens_parent_key UNIQUE,
    -- Random. With the token that was given it makes this one again, for a client that lost the
    -- answer; by itself it makes nothing.
    seed bytea,
    -- The access token that was handed out with it, so that it can be denied.
    access_jti uuid NOT NULL CONSTRAINT refresh_tokens_access_jti_key UNIQUE,
    issued_at timestamptz NOT NULL,
    access_expires_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT refresh_tokens_seed_check CHECK ((parent IS NULL) = (seed IS NULL))
);

-- All tokens of a session; and what deleting a session looks for.
CREATE INDEX refresh_tokens_session_id_idx ON refresh_tokens (session_id);

-- Tokens that have expired, to delete them.
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);

-- Access tokens that are denied though their signature is right: a token cannot be taken back, only
-- be remembered as taken back. After it has expired nobody needs to remember it.
CREATE TABLE revoked_tokens (
    jti uuid CONSTRAINT revoked_tokens_pkey PRIMARY KEY,
    expires_at timestamptz NOT NULL
);

-- Denials that have outlived their tokens, to delete them.
CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);

CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT products_pkey PRIMARY KEY,
    -- What the trade calls it (stock-keeping unit). Upper case only, so that a unique constraint
    -- is enough to make tea-1 and TEA-1 the same article.
    sku text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT products_sku_key UNIQUE
        CONSTRAINT products_sku_check CHECK (sku ~ '^[A-Z0-9][A-Z0-9._-]{0,39}$'),
    name text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT products_name_check CHECK (char_length(name) BETWEEN 1 AND 200 AND name ~ '\S'),
    -- Money is counted in the smallest unit there is, in whole numbers: 0.1 + 0.2 cents of drift
    -- in floating point is how books stop balancing.
    price bigint NOT NULL
        CONSTRAINT products_price_check CHECK (price BETWEEN 0 AND 100000000),
    -- Repeats the sum of the product's movements. On purpose: a limit needs one row that everybody
    -- who wants the last piece has to queue for, and a sum over a ledger has no such row.
    -- This check is the last line of defence: however wrong a program is, the figure never goes
    -- below zero. Two buyers who both read 1 and both write 0 it cannot see; a lock can.
    stock bigint NOT NULL
        CONSTRAINT products_stock_check CHECK (stock BETWEEN 0 AND 1000000000),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- No index on stock or price, though a list can be sorted by them and filtered by both, and none to
-- sort by name: a list also tells how many products match, and counting reads them all anyway.
-- Every order would have to write a stock index, too, and without any index on what it changes an
-- UPDATE can stay within its page (HOT). The free fifth of each page is where the new versions of
-- its rows go.
ALTER TABLE products SET (fillfactor = 80);

-- ?q= looks inside the name. GIN holds every three-letter piece of it.
CREATE INDEX products_name_idx ON products USING gin (name gin_trgm_ops);

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT orders_pkey PRIMARY KEY,
    -- RESTRICT: a user with orders stays; the books have to be kept.
    user_id bigint NOT NULL
        CONSTRAINT orders_user_id_fkey REFERENCES users (id) ON DELETE RESTRICT,
    -- A misspelt word here would be an order that no report counts and nobody can cancel.
    status text COLLATE pg_c_utf8 NOT NULL DEFAULT 'placed'
        CONSTRAINT orders_status_check CHECK (status IN ('placed', 'cancelled')),
    -- Repeats the sum of the lines. On purpose: it is what was agreed to be paid, lines never
    -- change, and a list of orders would have to read all lines of each.
    total bigint NOT NULL CONSTRAINT orders_total_check CHECK (total >= 0),
    -- now() is when the transaction began, before it waited for anybody: when the order was asked
    -- for. Orders can be committed in another order than that of their times.
    placed_at timestamptz NOT NULL DEFAULT now()
);

-- One user's orders, newest first; and, as PostgreSQL indexes only the referenced side of a foreign
-- key, what keeps deleting a user from reading the whole table.
CREATE INDEX orders_user_id_placed_at_idx ON orders (user_id, placed_at, id);

-- All orders, newest first, and those of a period for the sales report.
CREATE INDEX orders_placed_at_idx ON orders (placed_at, id);

-- Cancelled orders, newest first. They are few, and along the index above all the others would have
-- to be passed over to fill a page. A partial index holds only rows that meet its WHERE, so placing
-- an order doesn't write this one.
CREATE INDEX orders_cancelled_idx ON orders (placed_at, id) WHERE status = 'cancelled';

CREATE TABLE order_items (
    order_id bigint NOT NULL
        CONSTRAINT order_items_order_id_fkey REFERENCES orders (id) ON DELETE RESTRICT,
    product_id bigint NOT NULL
        CONSTRAINT order_items_product_id_fkey REFERENCES products (id) ON DELETE RESTRICT,
    quantity bigint NOT NULL
        CONSTRAINT order_items_quantity_check CHECK (quantity BETWEEN 1 AND 10000),
    -- These two look like copies of what stands in products, and are other facts: what it was
    -- called and what it cost at that moment. What is changed tomorrow was not sold today.
    name text COLLATE pg_c_utf8 NOT NULL,
    unit_price bigint NOT NULL
        CONSTRAINT order_items_unit_price_check CHECK (unit_price >= 0),
    -- A product stands in an order once: two lines for it would be two places to look for how many.
    -- An order's lines lie side by side in this index, which makes finding them cheap.
    CONSTRAINT order_items_pkey PRIMARY KEY (order_id, product_id)
);

-- No index on product_id alone: nobody asks for it, products are never deleted, and every order
-- would pay for it (lab index).

-- The ledger: each change of a stock, with its reason, for ever. Stock says how many there are;
-- this says why, and the two must agree.
CREATE TABLE stock_movements (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT stock_movements_pkey PRIMARY KEY,
    product_id bigint NOT NULL
        CONSTRAINT stock_movements_product_id_fkey REFERENCES products (id) ON DELETE RESTRICT,
    -- Pieces that came (+) or went (-). Those of an order repeat the line's quantity. On purpose: a
    -- ledger that has to be put together from other tables cannot be checked against them.
    quantity bigint NOT NULL,
    reason text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT stock_movements_reason_check
        CHECK (reason IN ('initial', 'restock', 'order', 'cancel')),
    order_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Only an order takes pieces away; what moves nothing is no movement.
    CONSTRAINT stock_movements_quantity_check
        CHECK (quantity <> 0 AND (quantity < 0) = (reason = 'order')),
    CONSTRAINT stock_movements_order_check
        CHECK ((order_id IS NOT NULL) = (reason IN ('order', 'cancel'))),
    -- Pieces leave for a line of an order, and for nothing else.
    CONSTRAINT stock_movements_order_items_fkey
        FOREIGN KEY (order_id, product_id) REFERENCES order_items (order_id, product_id)
        ON DELETE RESTRICT
);

-- A line takes its pieces once and gives them back once, whatever the service believes.
CREATE UNIQUE INDEX stock_movements_once_key ON stock_movements (order_id, product_id, reason)
    WHERE order_id IS NOT NULL;

-- A product's history, newest first.
CREATE INDEX stock_movements_product_id_idx ON stock_movements (product_id, id);

-- A ledger is corrected by a further entry. Changing one would be lying about the past. (TRUNCATE
-- fires no such trigger; it empties a database for tests, and takes the owner's rights.)
CREATE FUNCTION refuse_to_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER stock_movements_append_only BEFORE UPDATE OR DELETE ON stock_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite();

-- Requests that carried an Idempotency-Key, so that a retry has no effect and gets the same answer.
-- The row is written by the statement or transaction that has the effect: both are committed
-- together or neither is.
CREATE TABLE idempotency_keys (
    -- A key is a word of one user's. If all shared them, who guesses yours would see your order.
    user_id bigint NOT NULL
        CONSTRAINT idempotency_keys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    key text COLLATE pg_c_utf8 NOT NULL
        CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    -- SHA-256 of what was asked for: the same key with another request is somebody's mistake.
    fingerprint bytea NOT NULL
        CONSTRAINT idempotency_keys_fingerprint_check CHECK (octet_length(fingerprint) = 32),
    -- What it made: an order, or a restock's entry in the ledger. Of an order nothing changes but
    -- the status, and of a movement nothing at all, so the answer can be given again from there. A
    -- copy of it here could only be larger. No index: nobody deletes what these refer to.
    order_id bigint
        CONSTRAINT idempotency_keys_order_id_fkey REFERENCES orders (id) ON DELETE RESTRICT,
    movement_id bigint
        CONSTRAINT idempotency_keys_movement_id_fkey
        REFERENCES stock_movements (id) ON DELETE RESTRICT,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key),
    -- A key stands for one effect.
    CONSTRAINT idempotency_keys_effect_check CHECK (num_nonnulls(order_id, movement_id) = 1)
);

-- Keys are forgotten after a day (forget_keys.py); this finds them.
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
