-- One row per snapshot. What identifies it is unique; the rest never changes.
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY,
    server_id TEXT NOT NULL,
    key TEXT NOT NULL,
    instance TEXT NOT NULL,
    timestamp INTEGER NOT NULL, -- the slot: seconds since the epoch, UTC
    received INTEGER NOT NULL,  -- when it arrived, the same way
    size INTEGER NOT NULL,      -- of the body, in bytes; stands before it, so large bodies are passed over unread
    body TEXT NOT NULL,         -- JSON: an object, or an array of objects where the snapshot has several
    UNIQUE (server_id, key, instance, timestamp)
);

CREATE INDEX snapshots_received ON snapshots (received);

-- What is asked every few seconds, kept by the two triggers, so that no question counts the snapshots.
CREATE TABLE sources (
    server_id TEXT NOT NULL,
    key TEXT NOT NULL,
    instance TEXT NOT NULL,
    snapshots INTEGER NOT NULL,
    newest INTEGER NOT NULL,    -- the newest slot
    received INTEGER NOT NULL,  -- the newest arrival
    PRIMARY KEY (server_id, key, instance)
) WITHOUT ROWID;

CREATE TRIGGER snapshot_added AFTER INSERT ON snapshots BEGIN
    INSERT INTO sources VALUES (new.server_id, new.key, new.instance, 1, new.timestamp, new.received)
    ON CONFLICT DO UPDATE SET
        snapshots = snapshots + 1,
        newest = max(newest, excluded.newest),
        received = max(received, excluded.received);
END;

CREATE TRIGGER snapshot_forgotten AFTER DELETE ON snapshots BEGIN
    UPDATE sources SET snapshots = snapshots - 1
    WHERE server_id = old.server_id AND key = old.key AND instance = old.instance;
    DELETE FROM sources
    WHERE server_id = old.server_id AND key = old.key AND instance = old.instance AND snapshots = 0;
END;
