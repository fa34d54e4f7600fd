-- Circuits that a setting of a terminal leaves without power, within the window of the mass-cut breaker: they
-- count with the cuts. What is older, or was set otherwise since, has no row. control/control.h.
CREATE TABLE control_dark (
  meter_id INTEGER NOT NULL,
  circuit INTEGER NOT NULL,     -- 0: of the whole terminal
  what TEXT NOT NULL,           -- the setting's word
  at INTEGER NOT NULL,
  PRIMARY KEY (meter_id, circuit, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX control_dark_at ON control_dark (at);

-- late fees (pay/late.h) -------------------------------------------------------------------------------
-- The clause of the contract that the term stands in; '': entered before it was asked for.
ALTER TABLE late_term ADD COLUMN clause TEXT NOT NULL DEFAULT '' CHECK (length(CAST(clause AS BLOB)) <= 96);
-- How the fee of one run of arrears came about: days on end with the same debt, rate and clause.
CREATE TABLE late_line (
  account_id INTEGER NOT NULL REFERENCES account (id),
  begun_day INTEGER NOT NULL,   -- first day of the run of arrears
  from_day INTEGER NOT NULL,    -- both local days cost something
  to_day INTEGER NOT NULL,
  days INTEGER NOT NULL,
  arrears_fen INTEGER,          -- at the end of each day; NULL, like the rates: was not kept
  prior_fen INTEGER,            -- of it, from years before
  ppm INTEGER,
  next_years_ppm INTEGER,
  least_fen INTEGER,
  cap_permille INTEGER,
  exact INTEGER NOT NULL,       -- what the days cost, in millionths of a fen
  most_fen INTEGER NOT NULL,    -- the greatest arrears of the run up to then
  rule TEXT NOT NULL CHECK (rule IN ('rounded', 'least', 'cap')), -- what the whole fee was then
  clause TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0), -- billed on these days
  billed_at INTEGER,            -- last; NULL: nothing was
  PRIMARY KEY (account_id, begun_day, from_day)
) STRICT, WITHOUT ROWID;
-- What was billed before lines were kept: one line a run of arrears, as far as the ledger says.
INSERT INTO late_line (account_id, begun_day, from_day, to_day, days, exact, most_fen, rule, clause,
                       amount_fen, billed_at)
  SELECT t.account_id, json_extract(t.detail, '$.begun_day'),
    max(json_extract(t.detail, '$.day')) - max(json_extract(t.detail, '$.days')) + 1,
    max(json_extract(t.detail, '$.day')), max(json_extract(t.detail, '$.days')),
    max(json_extract(t.detail, '$.exact')), max(json_extract(t.detail, '$.arrears_fen')), 'rounded', '',
    sum(-p.amount_fen), max(t.at)
  FROM ledger_txn t JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq
    AND p.book = 'other_due'
  WHERE t.kind = 'late.fee' GROUP BY 1, 2;
