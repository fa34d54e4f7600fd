-- The gateway's own file: identity, configuration, store-and-forward queue, command table.

CREATE TABLE sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Identity and the last good configuration: 'serial', 'gateway_id', 'secret', 'certificate', 'key',
-- 'boot_epoch' (raised and committed before each connection), 'queue_epoch', 'config' ...
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- What the platform has not acknowledged yet, in order. Rows go when acknowledged; past the
-- configured bound the oldest readings go first, outcomes never.
CREATE TABLE queue (
  seq INTEGER PRIMARY KEY,      -- rises for ever within 'queue_epoch'
  kind INTEGER NOT NULL,        -- enum uplink_kind
  body BLOB NOT NULL            -- encoded message
) STRICT;

-- Every command ever received, until it is old and final: dedup by id, tombstones, outcomes.
CREATE TABLE command (
  id INTEGER PRIMARY KEY,
  received_at INTEGER NOT NULL,
  body BLOB,                    -- NULL for a tombstone of a command never seen
  state TEXT NOT NULL CHECK (state IN ('waiting', 'started', 'final', 'tombstone')),
  outcome BLOB,
  queued INTEGER                -- the queue row that carried the outcome last
) STRICT;
CREATE INDEX command_open ON command (id) WHERE state IN ('waiting', 'started');

-- Highest version obeyed for each relay: lower ones are ignored.
CREATE TABLE relay (
  meter_id INTEGER NOT NULL, circuit INTEGER NOT NULL, version INTEGER NOT NULL,
  PRIMARY KEY (meter_id, circuit)
) STRICT, WITHOUT ROWID;
