-- API keys, share links and sessions of people. Nothing has the secret itself: `digest` is its SHA-256.
CREATE TABLE runcast_credentials (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL, -- key, share, session
    digest TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL, -- whose it is
    name TEXT NOT NULL,
    holder TEXT NOT NULL, -- human, agent
    scopes TEXT NOT NULL, -- separated by spaces
    runs TEXT NOT NULL, -- a JSON array of patterns
    maker TEXT NOT NULL, -- the subject of whoever made it
    made_with TEXT NOT NULL, -- a JSON array of the credentials that it was made with; it is void when one of them is
    makers TEXT NOT NULL, -- a JSON array of whose those were, each [subject, when issued]; void when one was revoked
    created_at BIGINT NOT NULL,
    expires_at BIGINT, -- null: never
    used_at BIGINT
) WITHOUT ROWID;
CREATE INDEX runcast_credentials_by_age ON runcast_credentials (created_at, id);
CREATE INDEX runcast_credentials_by_maker ON runcast_credentials (maker, expires_at);

-- What is no longer good.
CREATE TABLE runcast_revocations (
    what TEXT PRIMARY KEY, -- credential:ID or subject:SUBJECT
    issued_until BIGINT NOT NULL, -- what was issued later is good
    revoked_at BIGINT NOT NULL,
    forget_at BIGINT -- when nothing that it revokes would be good anyway; null: never
) WITHOUT ROWID;

-- Tokens of build servers that were exchanged, each of which is good for one exchange.
CREATE TABLE runcast_used_tokens (
    id TEXT PRIMARY KEY, -- SHA-256 of its issuer and its jti
    forget_at BIGINT NOT NULL -- when it is not good any more
) WITHOUT ROWID;
