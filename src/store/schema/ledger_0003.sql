-- Prices and money operations; see ledger_0001.sql for the rules. One section a room.

-- billing --------------------------------------------------------------------------------------------

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
