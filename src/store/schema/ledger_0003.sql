-- Prices, money operations, imports, terminals and valves; see ledger_0001.sql for the rules. One section a room.

-- site -----------------------------------------------------------------------------------------------
-- What an import made, so that it can be undone: the numbers that it drew (one range a kind, without
-- gaps), and each fact that it changed, before and after.
CREATE TABLE site_import (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,  -- no reference: an import that is undone may take its project along
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  file TEXT NOT NULL,           -- what its bringer calls it; '': not told
  lines INTEGER NOT NULL,       -- rows of the file; of them
  added INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  same INTEGER NOT NULL,
  undone_at INTEGER,
  undone_by TEXT,
  undo_reason TEXT NOT NULL DEFAULT '',
  CHECK ((undone_at IS NULL) = (undone_by IS NULL))
) STRICT;
CREATE INDEX site_import_project ON site_import (project_id, id);
CREATE TABLE site_import_new (
  import_id INTEGER NOT NULL REFERENCES site_import (id),
  object TEXT NOT NULL,         -- the table
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL CHECK (last_id >= first_id),
  PRIMARY KEY (import_id, object)
) STRICT, WITHOUT ROWID;
CREATE TABLE site_import_fact (
  import_id INTEGER NOT NULL,
  object TEXT NOT NULL,         -- the table; 'account_term': a new row of it, field is its from_at
  object_id INTEGER NOT NULL,
  field TEXT NOT NULL,          -- the column
  before_text TEXT NOT NULL,
  after_text TEXT NOT NULL,
  PRIMARY KEY (import_id, object, object_id, field)
) STRICT, WITHOUT ROWID;
-- Who stands here, who pays for it: asked before anything of a site is taken away.
CREATE INDEX place_parent ON place (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX account_place ON account (place_id);
CREATE INDEX account_customer ON account (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX meter_place ON meter (place_id);

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
  estimated INTEGER NOT NULL DEFAULT 0, -- bit 0: the opening registers, 1: the closing ones; 2: the account left
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
-- Transformers before a meter: from then on its registers count this many times. A meter without a row
-- counts as it is.
CREATE TABLE meter_ratio (
  meter_id INTEGER NOT NULL REFERENCES meter (id),
  from_at INTEGER NOT NULL,
  ratio INTEGER NOT NULL CHECK (ratio BETWEEN 1 AND 1000000),
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  entered_at INTEGER NOT NULL,
  PRIMARY KEY (meter_id, from_at)
) STRICT, WITHOUT ROWID;
-- What a price plan asks of an account, dated: from then on, until the next row. 0 and '': not known.
CREATE TABLE account_term (
  account_id INTEGER NOT NULL REFERENCES account (id),
  from_at INTEGER NOT NULL,
  persons INTEGER NOT NULL CHECK (persons BETWEEN 0 AND 999),
  area_milli_m2 INTEGER NOT NULL CHECK (area_milli_m2 BETWEEN 0 AND 4294967295),
  capacity_milli_kva INTEGER NOT NULL CHECK (capacity_milli_kva BETWEEN 0 AND 1000000000000),
  contracted_milli_kw INTEGER NOT NULL CHECK (contracted_milli_kw BETWEEN 0 AND 1000000000000),
  opened_day INTEGER NOT NULL,  -- local day on which the household moved in
  ladder_group TEXT NOT NULL,   -- accounts of a project with the same code share a ladder by group
  actor TEXT NOT NULL,
  entered_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, from_at)
) STRICT, WITHOUT ROWID;
-- Where a ladder stands that several meters count in: of one account, or of a group of a project.
CREATE TABLE ladder_position (
  project_id INTEGER NOT NULL,
  holder TEXT NOT NULL,         -- 'account:7', 'group:CODE'
  cycle_day INTEGER NOT NULL,
  used_wh INTEGER NOT NULL,
  PRIMARY KEY (project_id, holder)
) STRICT, WITHOUT ROWID;
ALTER TABLE charge_position ADD COLUMN position TEXT NOT NULL DEFAULT ''; -- JSON: all of it; '': older
-- Numbers that a project sets for billing; one that has no row lives with the defaults.
CREATE TABLE billing_rule (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  grace_days INTEGER NOT NULL CHECK (grace_days BETWEEN 0 AND 366)
) STRICT;
-- Versions of plans that were there before are not looked at again.
INSERT INTO sequence (name, last) SELECT 'rerate_plan', newest FROM
  (SELECT max(id) AS newest FROM price_plan) AS plans WHERE newest IS NOT NULL;
ALTER TABLE charge_open ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0; -- 1: the opening registers
                                -- were shared out by time, 2: over a gap of more than a day
ALTER TABLE charge_open ADD COLUMN ratio INTEGER NOT NULL DEFAULT 1;

-- money ----------------------------------------------------------------------------------------------
-- What a project wants at its cash desk; no row: the defaults of pay/shift.h.
CREATE TABLE cash_policy (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  need_shift INTEGER NOT NULL CHECK (need_shift IN (0, 1)), -- cash is taken in an open shift only
  fee_permyriad INTEGER NOT NULL CHECK (fee_permyriad BETWEEN 0 AND 2000), -- of what is paid
  share_to TEXT NOT NULL CHECK (share_to IN ('services', 'energy')), -- where common usage is owed
  changed_at INTEGER NOT NULL,
  actor TEXT NOT NULL
) STRICT;
CREATE TABLE cash_shift (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  cashier TEXT NOT NULL,        -- 'user:3'
  state TEXT NOT NULL CHECK (state IN ('open', 'counted', 'closed')),
  float_fen INTEGER NOT NULL CHECK (float_fen >= 0), -- in the till at the beginning
  opened_at INTEGER NOT NULL,
  counted_at INTEGER,
  counted_fen INTEGER CHECK (counted_fen >= 0),
  expected_fen INTEGER,         -- float and entries, fixed by the count
  closed_at INTEGER,
  closed_by TEXT,
  note TEXT NOT NULL DEFAULT '',
  CHECK (state = 'open' OR (counted_fen IS NOT NULL AND expected_fen IS NOT NULL)),
  CHECK (state <> 'closed' OR (closed_by IS NOT NULL AND closed_by <> cashier)),
  CHECK (state <> 'closed' OR counted_fen = expected_fen OR note <> '')
) STRICT;
CREATE UNIQUE INDEX cash_shift_open ON cash_shift (project_id, cashier) WHERE state = 'open';
CREATE INDEX cash_shift_project ON cash_shift (project_id, id);
-- What a till says: one row a ledger transaction that moved money at the desk.
CREATE TABLE cash_entry (
  account_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  shift_id INTEGER REFERENCES cash_shift (id), -- NULL: no shift was open, or paid by bank
  kind TEXT NOT NULL CHECK (kind IN ('sale', 'fee', 'refund', 'other')),
  amount_fen INTEGER NOT NULL CHECK (amount_fen <> 0), -- positive: taken in
  actor TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account_id, seq),
  FOREIGN KEY (account_id, seq) REFERENCES ledger_txn (account_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX cash_entry_shift ON cash_entry (shift_id) WHERE shift_id IS NOT NULL;
CREATE TRIGGER cash_entry_no_update BEFORE UPDATE ON cash_entry
BEGIN SELECT raise(ABORT, 'what a till says is never changed'); END;
CREATE TRIGGER cash_entry_no_delete BEFORE DELETE ON cash_entry
BEGIN SELECT raise(ABORT, 'what a till says is never changed'); END;
-- What the ledger says: its postings to the books cash and refund by day, kept by a trigger.
CREATE TABLE cash_book (
  business_day INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  line INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL,  -- positive: taken in
  PRIMARY KEY (business_day, account_id, seq, line)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER posting_cash AFTER INSERT ON posting WHEN NEW.book IN ('cash', 'refund')
BEGIN
  INSERT INTO cash_book SELECT business_day, account_id, seq, NEW.line, -NEW.amount_fen
    FROM ledger_txn WHERE account_id = NEW.account_id AND seq = NEW.seq;
END;
INSERT INTO cash_book SELECT t.business_day, p.account_id, p.seq, p.line, -p.amount_fen
  FROM posting p JOIN ledger_txn t ON t.account_id = p.account_id AND t.seq = p.seq
  WHERE p.book IN ('cash', 'refund');
-- A sale at the desk: what was paid, and how it was divided.
CREATE TABLE cash_sale (
  account_id INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  paid_fen INTEGER NOT NULL CHECK (paid_fen = credit_fen + fee_fen),
  credit_fen INTEGER NOT NULL CHECK (credit_fen > 0),
  fee_fen INTEGER NOT NULL CHECK (fee_fen >= 0),
  fee_permyriad INTEGER NOT NULL,
  PRIMARY KEY (account_id, order_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_closing (
  project_id INTEGER NOT NULL REFERENCES project (id),
  business_day INTEGER NOT NULL,
  book_in_fen INTEGER NOT NULL,    -- the ledger's day
  book_out_fen INTEGER NOT NULL,
  till_in_fen INTEGER NOT NULL,    -- of it, in shifts
  till_out_fen INTEGER NOT NULL,
  outside_in_fen INTEGER NOT NULL, -- of it, past the tills: confirmed by who closed
  outside_out_fen INTEGER NOT NULL,
  difference_fen INTEGER NOT NULL, -- counted minus expected, of the shifts that ended on the day
  shifts INTEGER NOT NULL,
  note TEXT NOT NULL,
  closed_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (project_id, business_day),
  CHECK (book_in_fen = till_in_fen + outside_in_fen AND book_out_fen = till_out_fen + outside_out_fen)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER day_closing_no_update BEFORE UPDATE ON day_closing
BEGIN SELECT raise(ABORT, 'a closed day is never changed'); END;
CREATE TRIGGER day_closing_no_delete BEFORE DELETE ON day_closing
BEGIN SELECT raise(ABORT, 'a closed day is never changed'); END;
-- Bills for other services than energy: owed in a book of their own.
CREATE TABLE other_bill (
  account_id INTEGER NOT NULL,
  bill_id TEXT NOT NULL,        -- made by the client, 8..48 characters
  service TEXT NOT NULL CHECK (service IN ('property', 'rent', 'parking', 'network', 'other')),
  title TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
  billed_at INTEGER NOT NULL,
  billed_by TEXT NOT NULL,
  withdrawn_at INTEGER,
  withdrawn_by TEXT,
  PRIMARY KEY (account_id, bill_id)
) STRICT, WITHOUT ROWID;
-- Runs over many accounts: subsidies, and shares of common usage.
CREATE TABLE money_run (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  kind TEXT NOT NULL CHECK (kind IN ('subsidy', 'share')),
  code TEXT NOT NULL,           -- the rule, or the common meter
  period TEXT NOT NULL,         -- '2026-10'
  title TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'running', 'done', 'reversing', 'reversed',
                                       'rejected')),
  cursor INTEGER NOT NULL DEFAULT 0, -- accounts up to this one are posted, or taken back
  lines INTEGER NOT NULL CHECK (lines > 0),
  total_fen INTEGER NOT NULL CHECK (total_fen > 0),
  done INTEGER NOT NULL DEFAULT 0,   -- lines behind the cursor
  done_fen INTEGER NOT NULL DEFAULT 0, -- of them, what was posted
  failed INTEGER NOT NULL DEFAULT 0, -- of them, passed over
  method TEXT NOT NULL,         -- subsidy: 'carry', 'expire'; share: 'area', 'usage', 'equal', 'given'
  booking TEXT NOT NULL CHECK (booking IN ('credit', 'services', 'energy')),
  expires_at INTEGER,           -- subsidy: what is not used by then goes back
  evidence TEXT NOT NULL,       -- JSON: the rule; meters, registers, formula
  asked_at INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  approved_at INTEGER,
  approved_by TEXT,
  reversed_at INTEGER,
  reversed_by TEXT,
  ended_at INTEGER,
  note TEXT NOT NULL DEFAULT '',
  CHECK (approved_by IS NULL OR approved_by <> asked_by),
  CHECK (state IN ('proposed', 'rejected') OR approved_by IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX money_run_once ON money_run (project_id, kind, code, period)
  WHERE state NOT IN ('reversed', 'rejected');
CREATE INDEX money_run_working ON money_run (id) WHERE state IN ('running', 'reversing');
CREATE INDEX money_run_project ON money_run (project_id, id);
CREATE TABLE money_run_line (
  run_id INTEGER NOT NULL REFERENCES money_run (id),
  account_id INTEGER NOT NULL,
  weight INTEGER NOT NULL CHECK (weight >= 0),
  amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
  posted INTEGER NOT NULL DEFAULT 0 CHECK (posted IN (0, 1)),
  taken_back_fen INTEGER NOT NULL DEFAULT 0 CHECK (taken_back_fen BETWEEN 0 AND amount_fen),
  error TEXT NOT NULL DEFAULT '', -- why it was passed over
  PRIMARY KEY (run_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX money_run_line_account ON money_run_line (account_id, run_id);
-- Credit that was given free: it is used first, and what is left at its end goes back.
CREATE TABLE free_grant (
  account_id INTEGER NOT NULL,
  run_id INTEGER NOT NULL REFERENCES money_run (id),
  seq INTEGER NOT NULL,         -- of the transaction that gave it: later charges use it up
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
  spent_fen INTEGER NOT NULL DEFAULT 0, -- by the charges up to free_cursor.seq
  returned_fen INTEGER NOT NULL DEFAULT 0 CHECK (returned_fen >= 0),
  expires_at INTEGER,           -- NULL: carried over for ever
  ended_at INTEGER,             -- spent, expired, or its run was taken back
  PRIMARY KEY (account_id, run_id),
  CHECK (spent_fen BETWEEN 0 AND amount_fen AND returned_fen <= amount_fen)
) STRICT, WITHOUT ROWID;
CREATE INDEX free_grant_due ON free_grant (expires_at)
  WHERE ended_at IS NULL AND expires_at IS NOT NULL;
-- An account that is closed keeps no free credit.
CREATE TRIGGER account_closed_free AFTER UPDATE OF closed_at ON account
WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL
BEGIN
  UPDATE free_grant SET expires_at = NEW.closed_at WHERE account_id = NEW.id AND ended_at IS NULL
    AND (expires_at IS NULL OR expires_at > NEW.closed_at);
END;
CREATE TABLE free_cursor (
  account_id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL          -- charges up to this transaction are held against the grants
) STRICT;
-- Late fees, where the contract says so.
CREATE TABLE late_term (
  account_id INTEGER PRIMARY KEY REFERENCES account (id),
  project_id INTEGER NOT NULL,
  ppm INTEGER NOT NULL CHECK (ppm BETWEEN 1 AND 10000), -- millionths a day: one per mille is 1000
  next_years_ppm INTEGER NOT NULL CHECK (next_years_ppm BETWEEN 1 AND 10000),
  grace_days INTEGER NOT NULL CHECK (grace_days BETWEEN 0 AND 365),
  least_fen INTEGER NOT NULL CHECK (least_fen >= 0),
  cap_permille INTEGER NOT NULL CHECK (cap_permille BETWEEN 1 AND 10000), -- of the greatest arrears
  last_day INTEGER NOT NULL,    -- counted up to and with this local day
  begun_day INTEGER,            -- first day of the running arrears; NULL: none
  days INTEGER NOT NULL DEFAULT 0,   -- of them that cost something
  exact INTEGER NOT NULL DEFAULT 0,  -- what they cost, in millionths of a fen
  prior_fen INTEGER NOT NULL DEFAULT 0, -- of the arrears, from years before
  most_fen INTEGER NOT NULL DEFAULT 0,  -- greatest arrears
  posted_fen INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER,             -- the term is not in the contract any more
  actor TEXT NOT NULL
) STRICT;
CREATE INDEX late_term_due ON late_term (last_day, account_id) WHERE ended_at IS NULL;
CREATE INDEX late_term_project ON late_term (project_id, account_id);

-- Wishes to take money out of an account. Nobody decides about his own.
CREATE TABLE pay_policy (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  one_person_fen INTEGER NOT NULL CHECK (one_person_fen >= 0), -- up to this no second person
  reversal_days INTEGER NOT NULL CHECK (reversal_days BETWEEN 0 AND 31),
  changed_at INTEGER NOT NULL,
  actor TEXT NOT NULL
) STRICT;
CREATE TABLE money_request (
  account_id INTEGER NOT NULL,
  request_id TEXT NOT NULL,     -- made by the client, 8..48 characters
  project_id INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('refund', 'reversal', 'transfer', 'close')),
  state TEXT NOT NULL CHECK (state IN ('REQUESTED', 'APPROVED', 'PAID', 'REJECTED')),
  amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0), -- closing: known when it is paid
  fee_fen INTEGER NOT NULL CHECK (fee_fen >= 0), -- the sale's service fee, given back beside it
  order_id TEXT,                -- reversal: of which sale
  to_account_id INTEGER,        -- transfer
  reason TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  one_person INTEGER NOT NULL CHECK (one_person IN (0, 1)), -- no second person was needed
  approved_at INTEGER,
  approved_by TEXT,
  ended_at INTEGER,
  ended_by TEXT,
  note TEXT NOT NULL DEFAULT '',
  method TEXT NOT NULL DEFAULT '', -- 'cash', 'bank', 'books'
  reference TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (account_id, request_id),
  CHECK ((kind = 'transfer') = (to_account_id IS NOT NULL)),
  CHECK ((kind = 'reversal') = (order_id IS NOT NULL)),
  CHECK (approved_by IS NULL OR approved_by <> asked_by),
  CHECK (state NOT IN ('APPROVED', 'PAID') OR one_person = 1 OR approved_by IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX money_request_project ON money_request (project_id, asked_at);
CREATE UNIQUE INDEX money_request_reversal ON money_request (account_id, order_id)
  WHERE kind = 'reversal' AND state <> 'REJECTED';
CREATE UNIQUE INDEX money_request_close ON money_request (account_id)
  WHERE kind = 'close' AND state <> 'REJECTED';
-- Exchanges of meters, each with what was seen. Never changed.
CREATE TABLE meter_exchange (
  meter_id INTEGER NOT NULL REFERENCES meter (id),
  epoch INTEGER NOT NULL,       -- the installation period that ended
  exchange_id TEXT NOT NULL,    -- made by the client, 8..48 characters
  account_id INTEGER,           -- whose meter it was; NULL: nobody's
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  evidence TEXT NOT NULL CHECK (evidence <> ''),
  old_address TEXT NOT NULL, old_model TEXT NOT NULL,
  new_address TEXT NOT NULL, new_model TEXT NOT NULL,
  closing_wh TEXT NOT NULL,     -- JSON: total, sharp, peak, flat, valley of the old device
  opening_wh TEXT NOT NULL,     -- the same of the new one
  display_fen INTEGER,          -- what the old wallet's display showed; NULL: not read
  wallet_fen INTEGER NOT NULL,  -- came home from the old wallet
  kept INTEGER NOT NULL CHECK (kept IN (0, 1)), -- on the platform; 0: sold into the new device
  PRIMARY KEY (meter_id, epoch)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX meter_exchange_id ON meter_exchange (meter_id, exchange_id);
CREATE INDEX meter_exchange_account ON meter_exchange (account_id, at);
CREATE TRIGGER meter_exchange_no_update BEFORE UPDATE ON meter_exchange
BEGIN SELECT raise(ABORT, 'evidence is never changed'); END;
CREATE TRIGGER meter_exchange_no_delete BEFORE DELETE ON meter_exchange
BEGIN SELECT raise(ABORT, 'evidence is never changed'); END;

-- control --------------------------------------------------------------------------------------------

-- The n-day rule: what was found of each account when it was last looked at; control/nday.h.
CREATE TABLE nday (
  account_id INTEGER PRIMARY KEY,
  strategy TEXT NOT NULL,       -- that it was looked at under, "code@3"
  day INTEGER NOT NULL,         -- local day
  need_days INTEGER NOT NULL,   -- smallest number of days that are not covered; 0: all are
  n_days INTEGER NOT NULL,      -- n as it was then
  selected INTEGER NOT NULL CHECK (selected IN (0, 1)),
  looked_at INTEGER NOT NULL,
  judged_at INTEGER,            -- when fee control first looked at it afterwards; NULL: not yet
  next_at INTEGER NOT NULL      -- when it is looked at again
) STRICT;
CREATE INDEX nday_due ON nday (next_at);
CREATE INDEX nday_strategy ON nday (strategy, need_days);
CREATE INDEX nday_waiting ON nday (looked_at) WHERE selected = 1 AND judged_at IS NULL;
-- Who is rated at short notice, with every reading, or left alone for a while: billing/quiet.h.
CREATE TABLE fee_watch (
  account_id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('short', 'watched', 'quiet')),
  rated_at INTEGER NOT NULL,
  next_at INTEGER NOT NULL,     -- rated again by the clock, whatever happens
  quiet_until INTEGER NOT NULL, -- 0: not quiet
  allow_wh INTEGER NOT NULL CHECK (allow_wh >= 0),
  -- what a quiet account rests on: anything else here, and it is rated
  meters INTEGER NOT NULL,
  registers_wh INTEGER NOT NULL,
  prepayment_fen INTEGER NOT NULL,
  other_fen INTEGER NOT NULL
) STRICT;
CREATE INDEX fee_watch_next ON fee_watch (next_at);
CREATE INDEX fee_watch_project ON fee_watch (project_id);
-- Whoever changes what an account lives under ends its quiet.
CREATE TRIGGER fee_watch_account_changed AFTER UPDATE ON account
BEGIN UPDATE fee_watch SET next_at = 0 WHERE account_id = NEW.id; END;
CREATE TRIGGER fee_watch_meter_changed AFTER UPDATE ON meter
BEGIN UPDATE fee_watch SET next_at = 0 WHERE account_id IN (OLD.account_id, NEW.account_id); END;
CREATE TRIGGER fee_watch_meter_new AFTER INSERT ON meter
BEGIN UPDATE fee_watch SET next_at = 0 WHERE account_id = NEW.account_id; END;
CREATE TRIGGER fee_watch_plan_new AFTER INSERT ON price_plan
BEGIN UPDATE fee_watch SET next_at = 0 WHERE project_id = NEW.project_id; END;
CREATE TRIGGER fee_watch_strategy_new AFTER INSERT ON strategy
BEGIN UPDATE fee_watch SET next_at = 0 WHERE project_id = NEW.project_id; END;
CREATE TRIGGER fee_watch_package_new AFTER INSERT ON strategy_package
BEGIN UPDATE fee_watch SET next_at = 0 WHERE project_id = NEW.project_id; END;
CREATE TRIGGER fee_watch_baseline_new AFTER INSERT ON strategy_baseline
BEGIN UPDATE fee_watch SET next_at = 0 WHERE project_id = NEW.project_id; END;
CREATE TRIGGER fee_watch_baseline_changed AFTER UPDATE ON strategy_baseline
BEGIN UPDATE fee_watch SET next_at = 0 WHERE project_id = NEW.project_id; END;
CREATE TRIGGER fee_watch_package_chosen AFTER INSERT ON account_package
BEGIN UPDATE fee_watch SET next_at = 0 WHERE account_id = NEW.account_id; END;
CREATE TRIGGER fee_watch_term_new AFTER INSERT ON account_term
BEGIN UPDATE fee_watch SET next_at = 0 WHERE account_id = NEW.account_id; END;
CREATE TRIGGER fee_watch_ratio_new AFTER INSERT ON meter_ratio
BEGIN UPDATE fee_watch SET next_at = 0
  WHERE account_id = (SELECT account_id FROM meter WHERE id = NEW.meter_id); END;

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

-- headend --------------------------------------------------------------------------------------------
-- Commands of more kinds than the first four: the same table without that list.
CREATE TABLE command_0003 (
  id INTEGER PRIMARY KEY,       -- random, never reused
  gateway_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  account_id INTEGER,
  kind TEXT NOT NULL,           -- 'vend', 'relay', 'read', 'keep', 'register', 'exercise' ...
  ref TEXT NOT NULL DEFAULT '', -- what it is for: the order of a vend
  body BLOB NOT NULL,           -- CBOR as sent, see docs/formats/uplink.cddl
  not_after INTEGER,            -- NULL: no deadline
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'expired', 'fencing', 'fenced')),
  created_at INTEGER NOT NULL,
  sent_at INTEGER,              -- first handed to a live session
  handed INTEGER NOT NULL DEFAULT 0, -- 1: so was its present form (a fence is another)
  done_at INTEGER,
  outcome BLOB                  -- CBOR as received
) STRICT;
INSERT INTO command_0003 SELECT id, gateway_id, meter_id, account_id, kind, ref, body, not_after, state,
  created_at, sent_at, handed, done_at, outcome FROM command;
DROP TABLE command;
ALTER TABLE command_0003 RENAME TO command;
CREATE INDEX command_open ON command (gateway_id, created_at) WHERE state IN ('waiting', 'fencing');
CREATE INDEX command_unsent ON command (gateway_id)
  WHERE handed = 0 AND state IN ('waiting', 'fencing');
CREATE INDEX command_deadline ON command (not_after) WHERE state = 'waiting' AND not_after IS NOT NULL;
CREATE INDEX command_ref ON command (account_id, ref) WHERE ref <> '';
CREATE INDEX command_meter ON command (meter_id, created_at);

-- flow -----------------------------------------------------------------------------------------------
-- What meters of water, heat, cooling and gas tell, and the care of their valves: flow/flow.h. A project
-- without a row lives under the rule that the product comes with.
CREATE TABLE flow_rule (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  night_from_min INTEGER NOT NULL, night_to_min INTEGER NOT NULL, -- of the local day
  slot_min INTEGER NOT NULL,
  least_l INTEGER NOT NULL,     -- in each slot of a night; 0: nights are not judged
  closed_l INTEGER NOT NULL,    -- through a closed valve
  exercise_days INTEGER NOT NULL, -- 0: never
  exercise_from_min INTEGER NOT NULL, exercise_to_min INTEGER NOT NULL,
  version INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  actor TEXT NOT NULL
) STRICT;
CREATE TABLE flow_meter (       -- -1: not told
  meter_id INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  valve INTEGER NOT NULL, battery_low INTEGER NOT NULL, fault_bits INTEGER NOT NULL,
  closed_at INTEGER NOT NULL,   -- 0: it is not
  closed_l INTEGER NOT NULL,    -- the register then
  closed_told INTEGER NOT NULL CHECK (closed_told IN (0, 1)),
  night_from INTEGER NOT NULL, night_to INTEGER NOT NULL, -- the running one, or the next; 0: not known
  slot INTEGER NOT NULL,        -- -1: has not begun, -2: was not read throughout
  slot_l INTEGER NOT NULL,      -- the register when the slot began
  least_l INTEGER NOT NULL,     -- of the slots that are over; -1: none
  night_at INTEGER NOT NULL,    -- the last that was judged
  leak_since INTEGER NOT NULL, leak_lh INTEGER NOT NULL,
  exercise_at INTEGER NOT NULL, -- when it is due; 0: never
  exercise_id INTEGER NOT NULL, -- on its way; 0: none
  exercise_from INTEGER NOT NULL -- the last one
) STRICT;
CREATE INDEX flow_meter_due ON flow_meter (exercise_at) WHERE exercise_at > 0;
CREATE TABLE flow_exercise (
  id INTEGER PRIMARY KEY,
  meter_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,    -- 0: not yet
  result TEXT NOT NULL CHECK (result IN ('sent', 'done', 'seized', 'refused', 'unknown', 'expired',
    'closed', 'kept', 'protected', 'battery', 'fault')),
  command_id INTEGER            -- NULL: nothing was ordered
) STRICT;
CREATE INDEX flow_exercise_meter ON flow_exercise (meter_id, id);

-- terminals ------------------------------------------------------------------------------------------
-- What terminals say of their trips, once each; whose room it was then is kept.
CREATE TABLE terminal_trip (
  id INTEGER PRIMARY KEY,       -- in the order in which they were heard
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  number INTEGER NOT NULL,      -- the terminal's own count; begins anew with a new memory
  meter_at INTEGER NOT NULL,    -- by its clock; 0: that was lost
  project_id INTEGER NOT NULL,
  account_id INTEGER,
  place_id INTEGER NOT NULL,
  at INTEGER NOT NULL,          -- meter_at if it can be true, else heard_at
  heard_at INTEGER NOT NULL,
  circuit INTEGER NOT NULL,
  reason INTEGER NOT NULL,      -- docs/protocols/terminal.md
  power_w INTEGER NOT NULL,     -- of the circuit before
  balance_fen INTEGER NOT NULL,
  verdict INTEGER,              -- NULL: it explains nothing; else src/terminal/load_table.h, from 0
  flags INTEGER NOT NULL DEFAULT 0,
  step_mw INTEGER NOT NULL DEFAULT 0, step_mvar INTEGER NOT NULL DEFAULT 0,
  factor INTEGER NOT NULL DEFAULT 0, inrush INTEGER NOT NULL DEFAULT 0,
  third INTEGER NOT NULL DEFAULT 0,
  value INTEGER NOT NULL DEFAULT 0,  -- mW or mA
  bound INTEGER NOT NULL DEFAULT 0,  -- the limit that it was above; 0: none
  UNIQUE (meter_id, epoch, number, meter_at)
) STRICT;
CREATE INDEX terminal_trip_meter ON terminal_trip (meter_id, id);
CREATE INDEX terminal_trip_project ON terminal_trip (project_id, at);
-- Registers of terminals: as read last, and as staff wished last. See terminals/terminals.h.
CREATE TABLE terminal_register (
  meter_id INTEGER NOT NULL REFERENCES meter (id),
  circuit INTEGER NOT NULL,     -- 0: of the whole terminal
  item INTEGER NOT NULL,        -- enum meter_terminal_item
  state TEXT NOT NULL CHECK (state IN ('none', 'pending', 'done', 'refused', 'unknown', 'expired', 'lost')),
  value BLOB,                   -- as on the wire; NULL: never read
  read_at INTEGER,
  wanted BLOB,
  wanted_at INTEGER,
  actor TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  command_id INTEGER,           -- on its way, to write or to read; NULL: none
  attempt INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER,              -- when to look again; NULL: not by itself
  PRIMARY KEY (meter_id, circuit, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX terminal_register_due ON terminal_register (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE terminal_seen (    -- as polled last: a change makes a status worth reading
  meter_id INTEGER PRIMARY KEY,
  relay_open INTEGER NOT NULL,
  open_reason INTEGER NOT NULL
) STRICT;
