-- oldest: 1

-- Who may join: 'link' lets whoever has the uri in, 'invite' only those whom a
-- member adds or who have an invite. A deleted session keeps its row, so that its
-- uri is not given again; purged_at says that its log is gone.
ALTER TABLE sessions ADD COLUMN access text NOT NULL DEFAULT 'link';
ALTER TABLE sessions ADD COLUMN deleted_at {{.Time}};
ALTER TABLE sessions ADD COLUMN purged_at {{.Time}};
CREATE INDEX sessions_deleted ON sessions (id) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

-- read_seq moves together with read_ordinal; notify is 'all', 'mentions' or 'none'.
ALTER TABLE members ADD COLUMN read_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN notify text NOT NULL DEFAULT 'all';

-- What else there is to a message, NULL where there is nothing: the ids of whom it
-- mentions, separated by commas; its reactions, as they are shown; whether its text
-- is another one than was sent. The target of a message is what it replies to.
ALTER TABLE events ADD COLUMN mentions text;
ALTER TABLE events ADD COLUMN reactions text;
ALTER TABLE events ADD COLUMN edited boolean;
{{.Search}}

-- Who reacted to which message; seq is the message's, since that of the event.
CREATE TABLE reactions (
    session_id   bigint NOT NULL,
    seq          bigint NOT NULL,
    emoji        text NOT NULL,
    user_id      bigint NOT NULL,
    since        bigint NOT NULL,
    PRIMARY KEY (session_id, seq, emoji, user_id)
);

-- Who may not become a member.
CREATE TABLE bans (
    session_id   bigint NOT NULL,
    user_id      bigint NOT NULL,
    created_at   {{.Time}} NOT NULL DEFAULT {{.Now}},
    PRIMARY KEY (session_id, user_id)
);

-- Links that let people in. max_uses 0 is any number.
CREATE TABLE invites (
    id           {{.ID}},
    session_id   bigint NOT NULL,
    creator_id   bigint NOT NULL,
    code         text NOT NULL,
    role         text NOT NULL,
    max_uses     bigint NOT NULL,
    uses         bigint NOT NULL DEFAULT 0,
    created_at   {{.Time}} NOT NULL DEFAULT {{.Now}},
    expires_at   {{.Time}},
    revoked_at   {{.Time}},
    CONSTRAINT invites_code UNIQUE (code)
);
CREATE INDEX invites_session ON invites (session_id, id);
