/* Shared by the parts of billing/ only. */
#ifndef YUFU_BILLING_BILLING_IMPL_H
#define YUFU_BILLING_BILLING_IMPL_H

#include "billing/billing.h"
#include "journal/journal.h"
#include "rating/period.h"

#define BILLING_DAY_S 86'400

/* Why a period ended: settlement.bill "why". */
enum split {
    SPLIT_DAY,
    SPLIT_PRICE, /* a new version of the plan */
    SPLIT_PLAN,  /* another plan, or a change by a person */
    SPLIT_EXCHANGE,
    SPLIT_RESET,
    SPLIT_ROLLOVER,
    SPLIT_CLOSED, /* the account was closed */
    SPLIT_MOVED,  /* the meter went to another account */
    SPLIT_RATIO,  /* other transformers */
    SPLIT_TERMS,  /* other terms of the account: persons, area, capacity ... */
    SPLIT_COUNT
};
const char *split_name(enum split why);

/* The wallet inside a meter at one moment. */
struct wallet {
    bool known;
    wall_s at;
    int64_t balance_fen;
    int64_t count;         /* -1: not told */
    int64_t purchased_fen; /* -1: not told */
};

/* How sure the registers at the beginning of a period are. A gap of a few hours is shared out by
 * time and nobody need worry; after more than a day nobody is cut on it. */
enum estimate { ESTIMATE_NONE, ESTIMATE_HOURS, ESTIMATE_DAYS };

/* Registers of one meter at a moment. */
struct known {
    wall_s at;
    int64_t wh[READINGS_REGISTERS];
};

/* A row of charge_open. */
struct charge {
    int64_t account_id, meter_id, epoch;
    char plan_code[SITE_CODE_MAX + 1];
    int64_t plan_version;
    wall_s opened_at, reading_at;
    int64_t wh[READINGS_REGISTERS];
    int64_t carry;
    struct wallet wallet;
    bool broken;
    char held[32];
    enum estimate estimated; /* wh */
    int64_t ratio;           /* of the transformers before the meter */
};

/* The open charges of an account, by meter; at most BILLING_METERS_MAX, else ERR_BILLING_METERS. */
[[nodiscard]] enum err charge_list(struct store_tx *tx, int64_t account_id, struct charge *list,
                                   size_t *count);
[[nodiscard]] enum err charge_put(struct store_tx *tx, const struct charge *c);
[[nodiscard]] enum err charge_drop(struct store_tx *tx, const struct charge *c);

/* What earlier periods of the charge's meter left behind, and with it what the account's meters
 * left behind together; the remainder is the charge's own. */
[[nodiscard]] enum err position_load(struct store_tx *tx, const struct charge *c,
                                     struct rating_position *position);
/* Each part in its place: the meter's own, and with shared_put the account's. */
[[nodiscard]] enum err position_put(struct store_tx *tx, const struct charge *c,
                                    const struct rating_position *position);
/* The meter leaves. What is shared stays as long as the account has another meter. */
[[nodiscard]] enum err position_drop(struct store_tx *tx, const struct charge *c);
/* Whether the account has an open charge, or a position, of another meter. */
[[nodiscard]] enum err charge_has_others(struct store_tx *tx, const struct charge *c, bool *yes);
[[nodiscard]] enum err shared_put(struct store_tx *tx, int64_t account_id,
                                  const struct rating_position *position);

/* Times the ratio of the transformers; ERR_OVERFLOW. */
[[nodiscard]] enum err registers_of(const int64_t wh[READINGS_REGISTERS], int64_t ratio,
                                    struct rating_registers *out);
/* All of a position but whose it is, as JSON. */
#define POSITION_MAX 1792
void position_print(const struct rating_position *p, char out[POSITION_MAX]);
[[nodiscard]] enum err position_read(const char *text, struct rating_position *p);

/* --- what a period is rated with -----------------------------------------------------------------
 */

/* Registers, terms of the account, demand, rows: all that rating_period asks for, out of the
 * stores. Without a readings store only what is in memory is looked at, which is enough for an open
 * day. */
struct case_source {
    struct store_tx *tx;
    const struct readings *readings;
    const struct billing *b; /* NULL: memory only */
    const struct site_account *account;
    const struct rating_plan *plan;
    int64_t meter_id, ratio;
    struct known from, to; /* as the meter says them */
    wall_s opened_at, closed_at;
    int32_t offset_s;
    bool last;    /* the meter leaves with it, */
    bool goes_on; /* but other meters of the account stay */
    bool waits;   /* at the end of a month, for the words of the account's other meters */
};
struct case_made {
    struct rating_case c;
    struct rating_row *rows; /* c.rows; give back with case_free */
    char holder[64];         /* of a shared ladder's position; "": the meter's own */
};
/* ERR_NOT_FOUND: it waits for another meter, because the price of a fee goes by the energy of all.
 */
[[nodiscard]] enum err case_make(const struct case_source *source, struct case_made *out);
void case_free(struct case_made *made);

/* The place of a shared ladder, into and out of a position. Nothing for the meter's own. */
[[nodiscard]] enum err ladder_load(struct store_tx *tx, int64_t project_id, const char *holder,
                                   struct rating_position *position);
[[nodiscard]] enum err ladder_put(struct store_tx *tx, int64_t project_id, const char *holder,
                                  const struct rating_position *position);

struct wallet wallet_of(const struct readings_registers *r);
/* The newest registers in memory; false if the total was never told. */
bool newest_registers(const struct readings *r, int64_t meter_id, struct readings_registers *out);

/* --- registers at a moment -------------------------------------------------------------------- */

/* A moment between two readings in one run. */
struct moment {
    const struct rating_plan *plan; /* whose hours say when the rates ran; may be without rates */
    int32_t offset_s;
    wall_s at; /* before.at <= at <= after.at */
    struct known before, after;
};
/* Each rate's energy shared out over the time in which the plan says that it ran, the rest evenly;
 * rounded down. ERR_RATING_BACKWARDS if a register fell between the two. */
[[nodiscard]] enum err moment_share(const struct moment *m, int64_t wh[READINGS_REGISTERS]);
/* A reading this close before a moment stands for it. */
#define FRESH_S 900
/* A gap longer than this is one of days. */
#define GAP_DAYS_S 90'000

/* --- what a settlement was made from
 * -------------------------------------------------------------- */

#define BASIS_OPENING_ESTIMATED 1u
#define BASIS_CLOSING_ESTIMATED 2u
#define BASIS_MONTH_ENDS 4u /* the meter's month ended with the period: it left, */
#define BASIS_GOES_ON 32u   /* but other meters of the account stayed */
/* Wallet in the meter: it was not told together with the registers. */
#define BASIS_OPENING_APART 8u
#define BASIS_CLOSING_APART 16u

/* A row of settlement_basis. */
struct basis {
    int64_t account_id, meter_id, epoch;
    wall_s opened_at, closed_at;
    char plan_code[SITE_CODE_MAX + 1];
    int64_t plan_version;
    int32_t offset_s;
    struct known from, to;
    int64_t ratio;
    unsigned estimated;
    struct rating_position before;
    int64_t energy_wh;  /* as it is known now */
    int64_t amount_fen; /* as it is rated now; wallet in the meter: what the meter took, until it is
                           rated again */
};
[[nodiscard]] enum err basis_put(struct store_tx *tx, const struct basis *b);
/* Those of one meter that ended after `since`, by time; *list is the caller's to free. */
[[nodiscard]] enum err basis_list(struct store_tx *tx, int64_t account_id, int64_t meter_id,
                                  wall_s since, struct basis **list, size_t *count);
/* Lines of energy that rest on shared-out registers say so. */
void bill_mark(struct rating_bill *bill);

/* --- rating again
 * ----------------------------------------------------------------------------------- */

/* Finds versions of plans that begin in the past and touch settled periods, and begins to rate them
 * again; goes on with the oldest that runs, for up to `limit` accounts. Submits to the ledger. */
[[nodiscard]] enum err rerate_tick(struct billing_clerk *clerk, wall_s now, size_t limit,
                                   size_t *left);

/* What was settled, or opened, since a moment is rated again at once, because terms of an account
 * or the ratio of a meter (the other is 0) were entered for then. All of it, or an error. */
enum rerate_cause { RERATE_PLAN, RERATE_TERMS, RERATE_RATIO, RERATE_CAUSES };
struct rerate_past {
    enum rerate_cause cause;
    int64_t project_id, account_id, meter_id;
    wall_s from;
};
[[nodiscard]] enum err rerate_at_once(struct store_tx *tx, const struct billing *b,
                                      const struct rerate_past *past, wall_s now);

/* Submits to the ledger what the checks of readings/ found since the last time, as events for
 * people; each once, whatever crashes. */
[[nodiscard]] enum err tell_findings(struct billing_clerk *clerk, wall_s now);

/* --- the wallet in the meter
 * ---------------------------------------------------------------------- */

/* What the meter took since the charge was opened: balance then + purchases - balance now.
 * ERR_NOT_FOUND: not told yet, or a purchase between is not known yet. Negative: unexplained
 * credit. */
[[nodiscard]] enum err wallet_taken(struct store_tx *tx, const struct charge *c,
                                    const struct wallet *now, int64_t *taken_fen);

struct wallet_move {
    const struct site_account *account;
    int64_t meter_id, epoch;
    wall_s at, now;
    int32_t business_day;
};
/* The balance that a charge counts from where it begins: what the ledger's wallet says, moved to
 * the moment of the reading. ERR_NOT_FOUND: not yet: vend/ has not proven the wallet of this
 * period, or the reading is older than that proof or than a sale. */
[[nodiscard]] enum err wallet_opening(struct store_tx *tx, const struct wallet_move *move,
                                      const struct wallet *told, int64_t *opening_fen);
/* Unexplained credit of `credit_fen` > 0 in the meter: wallet +, suspense -. */
[[nodiscard]] enum err wallet_adjust(struct store_tx *tx, const struct wallet_move *move,
                                     const char *key, int64_t credit_fen);

#endif
