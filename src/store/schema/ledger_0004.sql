-- Lines as their gateways tell of them; see ledger_0001.sql for the rules. One section a room.

-- headend --------------------------------------------------------------------------------------------
-- What a gateway told last of a line, and whether its answers come damaged.
CREATE TABLE line_told (
  line_id INTEGER PRIMARY KEY REFERENCES line (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  body BLOB NOT NULL,           -- the message, CBOR as received (docs/formats/uplink.cddl)
  damaged INTEGER NOT NULL CHECK (damaged IN (0, 1)), -- too many answers come damaged
  since_at INTEGER NOT NULL,    -- since when that is so
  turning_at INTEGER NOT NULL   -- since when it seems to be otherwise; 0: it does not
) STRICT;
-- Sums of what was told within an hour; kept for a week.
CREATE TABLE line_hour (
  line_id INTEGER NOT NULL REFERENCES line (id) ON DELETE CASCADE,
  hour_at INTEGER NOT NULL CHECK (hour_at % 3600 = 0),
  covered_ms INTEGER NOT NULL,  -- the time that the messages told of
  exchanges INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  timeouts INTEGER NOT NULL,
  damaged INTEGER NOT NULL,
  foreign_frames INTEGER NOT NULL,
  collisions INTEGER NOT NULL,
  busy_ms INTEGER NOT NULL,
  useful_ms INTEGER NOT NULL,
  silent INTEGER NOT NULL,      -- the most meters that were silent at one time
  PRIMARY KEY (line_id, hour_at)
) STRICT, WITHOUT ROWID;

-- site -----------------------------------------------------------------------------------------------
-- Gateways that may use the legacy seal (3DES) for a while: docs/decisions/0034-legacy-seal.md.
CREATE TABLE gateway_legacy (
  gateway_id INTEGER PRIMARY KEY REFERENCES gateway (id) ON DELETE CASCADE,
  until_at INTEGER NOT NULL CHECK (until_at > 0),
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  actor TEXT NOT NULL,
  allowed_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL DEFAULT 0 -- when a session last opened so; 0: never
) STRICT;

-- standing permissions (docs/decisions/0032) ------------------------------------------------------------
-- What the gateways hold, or should; headend/permit.h.
CREATE TABLE permit (
  account_id INTEGER NOT NULL,
  gateway_id INTEGER NOT NULL,
  change INTEGER NOT NULL,      -- rises with every change of any row (sequence 'permit')
  valid_until INTEGER NOT NULL,
  body BLOB,                    -- the message, CBOR as sent; NULL: it was ended
  PRIMARY KEY (account_id, gateway_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX permit_change ON permit (gateway_id, change);
-- What the newest of an account rests on; control/away.h.
CREATE TABLE away (
  account_id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL,
  -- 'live': given, and perhaps used without our knowing; 'ended': not meant any more;
  -- 'used': the gateway cut, and the cut is ours; 'told': so was the customer
  state TEXT NOT NULL CHECK (state IN ('live', 'ended', 'used', 'told')),
  made_at INTEGER NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_until INTEGER NOT NULL,
  left_wh INTEGER NOT NULL,
  available_fen INTEGER NOT NULL,
  prepayment_fen INTEGER NOT NULL,
  plan_version INTEGER NOT NULL,
  strategy TEXT NOT NULL
) STRICT;
-- Cuts that were allowed, by the id that the gateway would use.
CREATE TABLE away_meter (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  version INTEGER NOT NULL,     -- of the relay, reserved for it
  register_wh INTEGER NOT NULL,
  ratio INTEGER NOT NULL,
  left_wh INTEGER NOT NULL,
  made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX away_meter_account ON away_meter (account_id, made_at);
CREATE INDEX away_meter_meter ON away_meter (meter_id, version);
-- Whoever is given a meter, or loses one, must not be judged by what another used.
CREATE TRIGGER away_meter_moved AFTER UPDATE OF account_id, epoch, line_id ON meter
WHEN OLD.account_id IS NOT NEW.account_id OR OLD.epoch <> NEW.epoch OR OLD.line_id IS NOT NEW.line_id
BEGIN
  UPDATE sequence SET last = last + 1 WHERE name = 'permit';
  UPDATE permit SET body = NULL, change = (SELECT last FROM sequence WHERE name = 'permit')
    WHERE body IS NOT NULL AND (account_id IN (OLD.account_id, NEW.account_id)
    OR account_id IN (SELECT account_id FROM away_meter WHERE meter_id = NEW.id));
  UPDATE away SET state = 'ended' WHERE state = 'live' AND (account_id IN (OLD.account_id, NEW.account_id)
    OR account_id IN (SELECT account_id FROM away_meter WHERE meter_id = NEW.id));
END;
