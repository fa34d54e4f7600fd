-- Prices and money operations; see ledger_0001.sql for the rules. One section a room.

-- billing --------------------------------------------------------------------------------------------
-- What a settlement was made from, enough to rate it again under another price, and what it amounts
-- to now. The settlement itself is never changed.
CREATE TABLE settlement_basis (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER NOT NULL,
  plan_code TEXT NOT NULL,
  plan_version INTEGER NOT NULL, -- that it is rated under now: the first of them, if prices part it
  offset_s INTEGER NOT NULL,
  from_at INTEGER NOT NULL,     -- when the registers were read
  from_total_wh INTEGER NOT NULL,
  from_rate1_wh INTEGER NOT NULL, from_rate2_wh INTEGER NOT NULL,
  from_rate3_wh INTEGER NOT NULL, from_rate4_wh INTEGER NOT NULL,
  to_at INTEGER NOT NULL,
  to_total_wh INTEGER NOT NULL,
  to_rate1_wh INTEGER NOT NULL, to_rate2_wh INTEGER NOT NULL,
  to_rate3_wh INTEGER NOT NULL, to_rate4_wh INTEGER NOT NULL,
  ratio INTEGER NOT NULL DEFAULT 1,     -- of the transformers before the meter: registers times this
  estimated INTEGER NOT NULL DEFAULT 0, -- bit 0: the opening registers, bit 1: the closing ones
  position TEXT NOT NULL,       -- JSON: what earlier periods had left (rating/period.h)
  amount_fen INTEGER NOT NULL,  -- as it is rated now: settlement.amount_fen and its true-ups
  PRIMARY KEY (account_id, meter_id, epoch, opened_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_basis_closed ON settlement_basis (account_id, meter_id, closed_at);
-- A price that begins in the past: the settled periods from then on are rated again, account by
-- account. The cursor moves in the transaction that books an account's difference.
CREATE TABLE rerate (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  plan_code TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_at INTEGER NOT NULL,
  begun_at INTEGER NOT NULL,
  done_at INTEGER,              -- NULL: still running
  cursor INTEGER NOT NULL DEFAULT 0,   -- the last account that was looked at
  looked INTEGER NOT NULL DEFAULT 0,   -- accounts of the project that were looked at
  accounts INTEGER NOT NULL DEFAULT 0, -- of them rated again
  changed INTEGER NOT NULL DEFAULT 0,  -- of them with a true-up
  more_fen INTEGER NOT NULL DEFAULT 0, -- sum of the true-ups that customers owe besides
  less_fen INTEGER NOT NULL DEFAULT 0, -- sum of those that they get back, not negative
  left_out INTEGER NOT NULL DEFAULT 0, -- accounts that could not be rated again, see rerate_left
  UNIQUE (project_id, plan_code, version)
) STRICT;
CREATE INDEX rerate_running ON rerate (id) WHERE done_at IS NULL;
CREATE TABLE rerate_left (
  rerate_id INTEGER NOT NULL REFERENCES rerate (id),
  account_id INTEGER NOT NULL,
  reason TEXT NOT NULL,         -- 'closed', 'meter_wallet', 'no_basis' or the name of an error
  PRIMARY KEY (rerate_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE true_up (
  account_id INTEGER NOT NULL,
  rerate_id INTEGER NOT NULL REFERENCES rerate (id),
  at INTEGER NOT NULL,
  business_day INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen <> 0), -- owed besides; negative: given back
  grace_until INTEGER NOT NULL, -- until then it cuts nobody by itself; 0: it was in favour
  bill TEXT NOT NULL,           -- JSON, see docs/formats/bill.md
  PRIMARY KEY (account_id, rerate_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER true_up_no_update BEFORE UPDATE ON true_up BEGIN SELECT raise(ABORT, 'a true-up is never changed'); END;
CREATE TRIGGER true_up_no_delete BEFORE DELETE ON true_up BEGIN SELECT raise(ABORT, 'a true-up is never changed'); END;
-- Numbers that a project sets for billing; one that has no row lives with the defaults.
CREATE TABLE billing_rule (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  grace_days INTEGER NOT NULL CHECK (grace_days BETWEEN 0 AND 366)
) STRICT;
-- Versions of plans that were there before are not looked at again.
INSERT INTO sequence (name, last) SELECT 'rerate_plan', coalesce(max(id), 0) FROM price_plan;
ALTER TABLE charge_open ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0; -- 1: the opening registers
                                -- were shared out by time, 2: over a gap of more than a day
ALTER TABLE charge_open ADD COLUMN ratio INTEGER NOT NULL DEFAULT 1;

-- money ----------------------------------------------------------------------------------------------

-- control --------------------------------------------------------------------------------------------

-- ledger ---------------------------------------------------------------------------------------------
-- Runs: charges of many accounts at once, as pages whose transactions are written later; ledger/run.h.
CREATE TABLE ledger_run (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  from_book TEXT NOT NULL,
  to_book TEXT NOT NULL,
  at INTEGER NOT NULL,
  business_day INTEGER NOT NULL,
  actor TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'folded')),
  pages INTEGER NOT NULL DEFAULT 0,
  last_account INTEGER NOT NULL DEFAULT 0,
  accounts INTEGER NOT NULL DEFAULT 0,
  amount_fen INTEGER NOT NULL DEFAULT 0,
  folded_to INTEGER NOT NULL DEFAULT 0 -- the transactions of accounts up to this one are written
) STRICT;
CREATE UNIQUE INDEX ledger_run_pending ON ledger_run ((1)) WHERE state <> 'folded';
CREATE TABLE ledger_run_page (
  run INTEGER NOT NULL REFERENCES ledger_run (id),
  first_account INTEGER NOT NULL,
  last_account INTEGER NOT NULL CHECK (last_account >= first_account),
  page INTEGER NOT NULL,        -- 1, 2 ...
  rows BLOB NOT NULL,           -- docs/formats/ledger.md
  note BLOB NOT NULL,           -- of the room that made the run
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (run, first_account)
) STRICT;
CREATE UNIQUE INDEX ledger_run_page_number ON ledger_run_page (run, page);
CREATE TRIGGER ledger_run_page_no_update BEFORE UPDATE ON ledger_run_page
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_run_page_no_delete BEFORE DELETE ON ledger_run_page
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_run_no_delete BEFORE DELETE ON ledger_run
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
