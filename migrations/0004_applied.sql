-- oldest: 1

-- What documents describe that were applied: users, sessions and tokens, by the names
-- that documents give them. ref is the username, the uri or the id of the token; members
-- are the names whom the document had in a session, separated by spaces.
CREATE TABLE applied (
    kind         text NOT NULL,
    name         text NOT NULL,
    collection   text NOT NULL,
    ref          text NOT NULL,
    members      text NOT NULL DEFAULT '',
    PRIMARY KEY (kind, name)
);
CREATE INDEX applied_collection ON applied (collection);
