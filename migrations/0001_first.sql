-- oldest: 1

-- Accounts. A deleted account keeps its row, since messages point at it: its name
-- is '' and its key null. The key is the name in NFKC and folded case.
CREATE TABLE users (
    id           {{.ID}},
    username     text NOT NULL,
    username_key text,
    email        text NOT NULL,
    email_key    text NOT NULL,
    first_name   text NOT NULL DEFAULT '',
    last_name    text NOT NULL DEFAULT '',
    password     text NOT NULL,
    admin        boolean NOT NULL DEFAULT false,
    disabled     boolean NOT NULL DEFAULT false,
    created_at   {{.Time}} NOT NULL DEFAULT {{.Now}},
    last_seen    {{.Time}},
    deleted_at   {{.Time}},
    CONSTRAINT users_username UNIQUE (username_key)
);
CREATE INDEX users_email ON users (email_key) WHERE email_key <> '';

-- Sign-ins. Only the SHA-256 of a token's secret is here. idle_seconds is how far
-- each use moves the expiry; 0 leaves it fixed.
CREATE TABLE tokens (
    id           {{.ID}},
    user_id      bigint NOT NULL REFERENCES users (id),
    digest       {{.Bytes}} NOT NULL,
    label        text NOT NULL,
    idle_seconds bigint NOT NULL,
    created_at   {{.Time}} NOT NULL DEFAULT {{.Now}},
    last_used    {{.Time}} NOT NULL DEFAULT {{.Now}},
    expires_at   {{.Time}} NOT NULL,
    CONSTRAINT tokens_digest UNIQUE (digest)
);
CREATE INDEX tokens_user ON tokens (user_id);

-- From here on there are no foreign keys: rows of users and sessions are never
-- deleted, and checking one for each message would cost a fifth of the speed.

-- Chat rooms. last_seq and last_ordinal change with every message: they have no
-- index, and the pages keep room, so that the change stays on its page.
CREATE TABLE sessions (
    id           {{.ID}},
    uri          text NOT NULL,
    owner_id     bigint NOT NULL,
    title        text NOT NULL DEFAULT '',
    client_id    text,
    last_seq     bigint NOT NULL DEFAULT 0,
    last_ordinal bigint NOT NULL DEFAULT 0,
    created_at   {{.Time}} NOT NULL DEFAULT {{.Now}},
    closed_at    {{.Time}},
    CONSTRAINT sessions_uri UNIQUE (uri)
){{.Busy}};
CREATE UNIQUE INDEX sessions_client ON sessions (owner_id, client_id) WHERE client_id IS NOT NULL;

-- Who is in which session. read_ordinal moves with each message that the member
-- posts: no index has it, and the pages keep some room.
CREATE TABLE members (
    session_id   bigint NOT NULL,
    user_id      bigint NOT NULL,
    role         text NOT NULL,
    joined_seq   bigint NOT NULL,
    read_ordinal bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, user_id)
){{.Moving}};
CREATE INDEX members_user ON members (user_id, session_id);

-- The log. seq, type, user_id, target, member_id and role of a row never change.
-- body is a message's newest text, or a title; client_sum is the fingerprint of a
-- message's text as it was first sent.
CREATE TABLE events (
    session_id   bigint NOT NULL,
    seq          bigint NOT NULL,
    type         text NOT NULL,
    user_id      bigint NOT NULL,
    target       bigint,
    member_id    bigint,
    role         text,
    client_id    text,
    client_sum   bigint,
    body         text NOT NULL DEFAULT '',
    rev          bigint NOT NULL,
    ordinal      bigint NOT NULL,
    created_at   {{.Time}} NOT NULL,
    PRIMARY KEY (session_id, seq)
){{.Growing}};
CREATE UNIQUE INDEX events_client ON events (session_id, user_id, client_id) WHERE client_id IS NOT NULL;
CREATE INDEX events_message ON events (session_id, seq) WHERE type = 'message';

CREATE TABLE mentions (
    user_id      bigint NOT NULL,
    session_id   bigint NOT NULL,
    seq          bigint NOT NULL,
    PRIMARY KEY (user_id, session_id, seq)
);

-- One row: the epoch names this life of the log.
CREATE TABLE installation (
    id           bigint PRIMARY KEY CHECK (id = 1),
    epoch        text NOT NULL
);
INSERT INTO installation (id, epoch) VALUES (1, {{.Random}});
