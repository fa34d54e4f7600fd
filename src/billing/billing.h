/*
 * Billing: readings and price plans become accrued and settled charges.
 *
 * The accrued charge is a function of (plan version, opening registers, latest registers), computed
 * whenever asked and stored nowhere. It becomes money at settlement: at each local midnight, and
 * where a period is split by a new price, another plan, a meter exchange or a register break. One
 * settlement is one transaction with the key 'settle:METER:EPOCH:OPENED_AT'; repeating it changes
 * nothing. Only measured energy is settled: a period ends at the last reading at or before its
 * boundary, and what comes later belongs to the next one; nothing is interpolated, but where a
 * ladder's cycle begins in a gap (rating/period.h).
 *
 *   platform wallet  prepayment -c, revenue +c; c is the plan's price of the energy
 *   meter wallet     wallet -c, revenue +c; c is what the meter itself took, and is compared with
 *                    the plan's price: a difference is an event (V5), never a correction
 *
 * `tx` is a transaction of the ledger store everywhere in this header.
 */
#ifndef YUFU_BILLING_BILLING_H
#define YUFU_BILLING_BILLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "rating/period.h"
#include "readings/readings.h"
#include "site/site.h"
#include "store/store.h"

/* What billing stands on; borrowed, set once by the wiring. */
struct billing {
    struct readings *readings;
    struct store *readings_store; /* sealed days are looked up here by store_read */
    int64_t seal_after_s;         /* how long after midnight a day is sealed; 0: 600 */
};

/* --- time ---------------------------------------------------------------------------------------
 */

/* Seconds east of Greenwich of an IANA zone at an instant. Zones with one offset all year are known
 * (base/zone.h); any other is refused with ERR_BILLING_ZONE. */
[[nodiscard]] enum err billing_wall_offset(const char *zone, wall_s at, int32_t *offset_s);
/* The same for a project. */
[[nodiscard]] enum err billing_project_offset(struct store_tx *tx, int64_t project_id, wall_s at,
                                              int32_t *offset_s);

/* --- plans and strategies in force -------------------------------------------------------------
 */

struct billing_plan {
    int64_t version;
    wall_s effective_at;
    struct rating_plan plan;
};
/* ERR_SITE_PLAN_UNKNOWN; ERR_RATING_PLAN if the stored text is not a valid plan. */
[[nodiscard]] enum err billing_plan_in_force(struct store_tx *tx, int64_t project_id,
                                             const char *code, wall_s at, struct billing_plan *out);
/* A given version, for charges that were opened under it. */
[[nodiscard]] enum err billing_plan_version(struct store_tx *tx, int64_t project_id,
                                            const char *code, int64_t version,
                                            struct billing_plan *out);

/* --- outlook -------------------------------------------------------------------------------------
 */

#define BILLING_METERS_MAX 8 /* of one account */

struct billing_meter {
    int64_t meter_id, epoch;
    bool open; /* a charge is open: the bill below is real */
    wall_s opened_at;
    wall_s reading_at;       /* of the newest registers; 0: none */
    enum err refusal;        /* ERR_OK, or why the bill could not be made (ERR_RATING_RATES ...;
                                ERR_STATE: it was exchanged, and the old part is not settled yet) */
    bool estimated;          /* the bill rests on registers shared out over more than a day */
    struct rating_bill bill; /* preview of the open period */
    bool in_force;           /* it is rated by the outlook's plan and version */
    struct rating_position position; /* what the cycles and the month have counted after it */
};

struct billing_outlook {
    struct site_account account;
    int64_t prepayment_fen, transit_fen, wallet_fen; /* ledger books */
    int64_t accrued_fen;                             /* sum of the previews */
    bool remaining_known;                            /* meter wallet: the meter told its balance */
    int64_t remaining_fen;                           /* sum over the account's meters */
    /* platform wallet: prepayment - accrued; meter wallet: what the meter says remains */
    bool available_known;
    int64_t available_fen;
    bool estimated;        /* of any meter: nobody is cut on it */
    int64_t grace_fen;     /* of the prepayment: true-ups too new to cut anybody by themselves */
    int64_t reading_age_s; /* of the account's oldest meter; INT64_MAX: never read */
    int64_t mean_day_fen;  /* mean of the settled days among the last 7; 0: none yet */
    int64_t days_left;     /* available / mean, whole days; -1: unknown */
    int64_t plan_version;
    struct rating_plan plan;
    size_t meter_count;
    struct billing_meter meters[BILLING_METERS_MAX]; /* set up to meter_count */
};

/* ERR_NOT_FOUND, ERR_BILLING_METERS, ERR_SITE_PLAN_UNKNOWN. */
[[nodiscard]] enum err billing_outlook(struct store_tx *tx, const struct readings *readings,
                                       int64_t account_id, wall_s now, struct billing_outlook *out);

/* A bill as JSON, the text of settlement.bill (docs/formats/bill.md). *len is its length. */
#define BILLING_BILL_MAX 131'072
struct billing_bill_facts {
    const struct rating_plan *plan;
    const char *plan_code;
    int64_t plan_version;
    wall_s opened_at, closed_at, reading_at;
    bool meter_wallet;
    int64_t charged_fen; /* what is posted: the bill's sum, or what the meter took */
    const char *why; /* "day", "price", "plan", "exchange", "reset", "rollover", "closed", "moved",
                        "ratio" */
    int64_t ratio;   /* of the transformers: the lines' registers are the meter's times this */
    const char *decided, *decided_by; /* NULL, or how a person settled what was held, and who */
};
[[nodiscard]] enum err billing_bill_json(const struct rating_bill *bill,
                                         const struct billing_bill_facts *facts,
                                         char out[BILLING_BILL_MAX]);

/* --- events that come in
 * --------------------------------------------------------------------------- */

/* After a commit of readings: opens the charge of each meter that has an account, a good reading
 * and none open yet. */
[[nodiscard]] enum err billing_moved(struct store_tx *tx, const struct readings *readings,
                                     const struct readings_moved *moved, wall_s now);
/* The same for one meter; a meter without account, reading or wallet word is left alone. */
[[nodiscard]] enum err billing_open(struct store_tx *tx, const struct readings *readings,
                                    int64_t meter_id, wall_s now);

/* Before a change of an account's plan, tenant or meter by a person: settles up to the newest
 * reading, and opens the next period with what then stands in the tables. */
[[nodiscard]] enum err billing_split(struct store_tx *tx, const struct billing *b,
                                     int64_t account_id, wall_s now);

/* --- settlement
 * -------------------------------------------------------------------------------------- */

struct billing_settled {
    int64_t settlements; /* made now */
    int64_t waiting;    /* meters whose boundary has passed, but whose readings have not come yet */
    int64_t amount_fen; /* sum of what was posted */
};
/* All that is due for one account, oldest first. */
[[nodiscard]] enum err billing_settle_account(struct store_tx *tx, const struct billing *b,
                                              int64_t account_id, wall_s now,
                                              struct billing_settled *out);

/* --- what only a person can decide
 * ------------------------------------------------------------------- */

/* How a held period is settled. */
enum billing_how {
    BILLING_BY_TOTAL,     /* the total register stands; its energy is shared out over the rates that
                             have a price, as they ran, else by their hours */
    BILLING_BY_REGISTERS, /* by registers that the person read, or knows better */
    BILLING_BY_TAKEN,     /* meter wallet: what the meter took, said by the person */
    BILLING_FORGO,        /* the energy of the period is charged to nobody */
    BILLING_HOWS
};
const char *billing_how_name(enum billing_how how); /* "total" ...; never NULL */
enum billing_how billing_how_of(const char *name);  /* BILLING_HOWS: unknown */

struct billing_held {
    int64_t account_id, meter_id, epoch;
    wall_s opened_at;
    char reason[32];             /* "no_reading", "wallet_not_told", or the name of an error */
    const char *why_en, *why_zh; /* the same as a sentence */
    unsigned hows;               /* bit a billing_how: the decisions that fit */
    int64_t opened_wh[READINGS_REGISTERS];
    bool told; /* the newest registers are known */
    wall_s told_at;
    int64_t told_wh[READINGS_REGISTERS];
};
typedef enum err billing_held_each(void *arg, const struct billing_held *held);
/* Settlements that wait for a person, by account and meter. project_id 0: all. */
[[nodiscard]] enum err billing_held(struct store_tx *tx, const struct readings *readings,
                                    int64_t project_id, billing_held_each *each, void *arg);

struct billing_repair {
    int64_t account_id, meter_id;
    wall_s opened_at; /* of the period that the person looked at */
    enum billing_how how;
    int64_t wh[READINGS_REGISTERS]; /* BY_REGISTERS: total and rates at the end of the period */
    int64_t taken_fen;              /* BY_TAKEN: not negative */
    const char *reason, *actor;
};
/* Settles the held period as decided, and what is due after it. The decision stands in the bill and
 * in the journal. ERR_NOT_FOUND: no such charge. ERR_STATE: it is not held, or not this period any
 * more. ERR_BILLING_DECISION: a decision that does not fit what it is held for, or the meter's
 * wallet does not say what it took either: only BY_TAKEN and FORGO settle that. ERR_BILLING_REASON:
 * no reason. Errors of rating/ where the decision cannot be rated. */
[[nodiscard]] enum err billing_repair(struct store_tx *tx, const struct billing *b,
                                      const struct billing_repair *repair, wall_s now,
                                      struct billing_settled *out);

/* Right before the device of a meter is exchanged (site_meter_exchange), in the same transaction:
 * the old device's last registers end its period now, and the first ones of the new device open the
 * next, so that the day of the exchange is exact. Of a wallet inside the meter the balance that its
 * display showed counts, if a person read it and the count is proven; else it is settled by its own
 * words later, and this only settles what is told. ERR_RATING_BACKWARDS: the old device's registers
 * are below what it said before. */
struct billing_exchange {
    int64_t meter_id;
    int64_t closing_wh[READINGS_REGISTERS], opening_wh[READINGS_REGISTERS];
    bool display_read;
    int64_t display_fen;
};
[[nodiscard]] enum err billing_exchange(struct store_tx *tx, const struct billing *b,
                                        const struct billing_exchange *exchange, wall_s now);

/* Who enters something, and why. */
struct billing_by {
    const char *actor, *reason;
};

/* Other terms of an account from a moment on; the period is split there. The first terms of an
 * account may begin at 0, also when something was settled without them. What was
 * settled since that moment is rated again at once, and the difference is a true-up. ERR_NOT_FOUND,
 * ERR_BILLING_REASON; errors of site_terms_put; of a moment that was settled already also
 * ERR_BILLING_PAST_WALLET, _CLOSED, _GROUP (the group of the ladder would change),
 * ERR_BILLING_BASIS, and what rating/ refuses. */
[[nodiscard]] enum err billing_terms_put(struct store_tx *tx, const struct billing *b,
                                         int64_t account_id, const struct site_terms *terms,
                                         const struct billing_by *by, wall_s now);

/* For how many days a true-up cuts nobody by itself; 7 unless the project says otherwise. */
[[nodiscard]] enum err billing_grace_days(struct store_tx *tx, int64_t project_id, int64_t *days);
/* ERR_RANGE: not 0 .. 366. ERR_BILLING_REASON. */
[[nodiscard]] enum err billing_grace_set(struct store_tx *tx, int64_t project_id, int64_t days,
                                         const struct billing_by *by, wall_s now);

/* How much of each hundred that is paid may be kept for what an account with its wallet in the
 * meter owes the platform; 50 unless the project says otherwise. */
[[nodiscard]] enum err billing_kept_percent(struct store_tx *tx, int64_t project_id,
                                            int64_t *percent);
/* ERR_RANGE: not 0 .. 100. ERR_BILLING_REASON. */
[[nodiscard]] enum err billing_kept_set(struct store_tx *tx, int64_t project_id, int64_t percent,
                                        const struct billing_by *by, wall_s now);

/* Transformers before a meter, from a moment on: the period is split there. */
/* Whether terms of an account, or a ratio of a meter (the other is 0), that begin at `from` rate
 * settled time again: something was settled, or began, since then. */
[[nodiscard]] enum err billing_rates_again(struct store_tx *tx, int64_t account_id,
                                           int64_t meter_id, wall_s from, bool *yes);

struct billing_ratio {
    int64_t meter_id;
    wall_s from;
    int64_t ratio; /* 1 .. 1,000,000 */
    const char *reason, *actor;
};
/* What was settled since that moment is rated again at once, for every account that had the meter,
 * and the difference is a true-up. ERR_NOT_FOUND: no such meter. ERR_RANGE: the ratio.
 * ERR_BILLING_PAST: not after the last change. ERR_BILLING_REASON. Of a moment that was settled
 * already also ERR_BILLING_PAST_WALLET, _CLOSED, _GROUP (a ladder that accounts share would move),
 * ERR_BILLING_BASIS, and what rating/ refuses. */
[[nodiscard]] enum err billing_ratio_put(struct store_tx *tx, const struct billing *b,
                                         const struct billing_ratio *ratio, wall_s now);
/* The ratio in force; 1 if nothing was entered. */
[[nodiscard]] enum err billing_ratio_at(struct store_tx *tx, int64_t meter_id, wall_s at,
                                        int64_t *ratio);

/* Accounts with id > *after of which a boundary has passed, ascending, at most cap. Looks at some
 * thousand meters and sets *after to where the next call goes on; 0: all were looked at.
 * ERR_BILLING_ZONE: a project has an unknown zone; of the others the answer stands. */
[[nodiscard]] enum err billing_due(struct store_tx *tx, wall_s now, int64_t *after, int64_t *ids,
                                   size_t cap, size_t *count);

/*
 * Housekeeping: call it every few seconds. Submits the settlement of up to `limit` due accounts to
 * the ledger store, a page of them as one piece of work in which each may fail alone (the caller
 * flushes), seals up to `limit` meter-days in the readings store, and makes events of what the
 * checks of readings found. `b` and the stores must outlive the flush. *left: accounts and meters
 * that are due but were not reached in this call.
 */
struct billing_clerk {
    struct billing billing;
    struct store *ledger;
    int64_t after;       /* where the next round goes on */
    int64_t settlements; /* since start */
    int64_t failures;    /* settlements refused by an error; the last one: */
    enum err last_error;
};
[[nodiscard]] enum err billing_tick(struct billing_clerk *clerk, wall_s now, size_t limit,
                                    size_t *left);

/* Tells readings what it should know of each meter (project, power, full scale): at start and after
 * each change of the site. */
[[nodiscard]] enum err billing_place_meters(struct store_tx *tx, struct readings *readings);

#endif
