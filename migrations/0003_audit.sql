-- oldest: 1

-- What administrators did: a chain, since the hash of each row covers the row and the
-- hash of the one before. was and became are JSON, without secrets.
CREATE TABLE audit (
    seq          bigint PRIMARY KEY,
    at           {{.Time}} NOT NULL,
    actor        text NOT NULL,
    origin       text NOT NULL,
    operation    text NOT NULL,
    target       text NOT NULL,
    was          text NOT NULL,
    became       text NOT NULL,
    request_id   text NOT NULL,
    hash         text NOT NULL
);

-- One row: where the chain ends. Who adds to it locks this row.
CREATE TABLE audit_head (
    id           bigint PRIMARY KEY CHECK (id = 1),
    seq          bigint NOT NULL,
    hash         text NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
