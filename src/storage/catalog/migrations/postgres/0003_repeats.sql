ALTER TABLE runcast_artifacts ADD COLUMN idempotency_key TEXT COLLATE "C"; -- what its client calls the upload
ALTER TABLE runcast_artifacts ADD COLUMN decoded_size BIGINT; -- to how many bytes the object decodes
CREATE INDEX runcast_artifacts_by_idempotency_key ON runcast_artifacts (run_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX runcast_artifacts_same ON runcast_artifacts (run_id, name, sha256) WHERE state = 'ready';
