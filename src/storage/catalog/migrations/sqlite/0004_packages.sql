CREATE TABLE runcast_packages (
    file TEXT PRIMARY KEY, -- its name, which has a part of the digest: no other file is ever called so
    sha256 TEXT NOT NULL,
    content BLOB NOT NULL,
    added_at BIGINT NOT NULL -- when a server first handed it out; a row is never removed
);
