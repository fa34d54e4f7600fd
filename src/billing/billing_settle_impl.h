/* Shared by the parts of billing/ that settle. */
#ifndef YUFU_BILLING_BILLING_SETTLE_IMPL_H
#define YUFU_BILLING_BILLING_SETTLE_IMPL_H

#include "billing/billing_impl.h"

/* --- the desk (billing_desk.c) -------------------------------------------------------------------
 */

/* What one piece of work of the ledger's store has at hand while it settles one account or many:
 * the price plans that it has read, and room for a bill. It lives as long as that piece of work,
 * and in there nothing but settling is done, which enters no prices: what was read cannot become
 * old, also where an account fails and what was written for it is undone. */
struct desk_code;
struct desk {
    struct store_tx *tx;
    struct desk_code *codes;
    size_t code_count, code_cap, last;
    int64_t offset_project; /* whose offset_s is known; 0: none */
    int32_t offset_s;
    struct rating_bill bill; /* of the period that is being settled */
    char json[BILLING_BILL_MAX];
};
/* Close it in the same piece of work. ERR_MEMORY. */
[[nodiscard]] enum err desk_open(struct desk **out, struct store_tx *tx);
void desk_close(struct desk *d);
/* billing_project_offset now; every account of a piece of work is settled at the same moment. */
[[nodiscard]] enum err desk_offset(struct desk *d, int64_t project_id, wall_s now,
                                   int32_t *offset_s);
/* As site_plan_in_force, site_plan_next and billing_plan_version; the plan is the desk's. */
[[nodiscard]] enum err desk_plan_in_force(struct desk *d, int64_t project_id, const char *code,
                                          wall_s at, int64_t *version);
[[nodiscard]] enum err desk_plan_next(struct desk *d, int64_t project_id, const char *code,
                                      wall_s after, wall_s *at);
[[nodiscard]] enum err desk_plan(struct desk *d, int64_t project_id, const char *code,
                                 int64_t version, const struct billing_plan **out);

/* --- one meter's settlement ----------------------------------------------------------------------
 */

/* What was found beyond the boundary at hand. It holds for the later boundaries of the same piece
 * of work, until one lies behind it. */
struct ahead {
    wall_s ratio, terms; /* the next change; INT64_MAX: none; 0: not looked for */
    bool holder_known;
    int64_t holder; /* the account that has the meter; 0: none */
    bool unbroken;  /* no register began anew up to now */
    bool registers_known;
    wall_s registers_at; /* the moment of what follows */
    struct readings_registers registers;
};

struct boundary {
    wall_s at;
    enum split why;
    bool new_price;                             /* a day's end at which a price begins as well */
    struct readings_registers closing, opening; /* set by boundary_registers */
    enum estimate estimated;                    /* both of them */
};

struct settle {
    struct store_tx *tx;
    const struct billing *b;
    struct desk *desk;
    struct site_account account;
    int32_t offset_s;
    wall_s now;
    bool forced; /* by a person: up to the newest reading, now */
    struct charge charge;
    struct ahead ahead;
    struct billing_settled *result;
    const struct billing_repair
        *repair; /* for the first period that is held; NULL: none, or used */
    const struct billing_exchange *exchange; /* the period ends now, by it; NULL: not exchanged */
};

/* --- decisions of a person (billing_repair.c)
 * ------------------------------------------------------ */

/* Whether the decision at hand fits what the period is held for. */
bool repair_fits(const struct settle *s, const char *reason);
/* Puts the decision's registers where there was no reading. */
void repair_boundary(const struct settle *s, struct boundary *b);
/* Changes the closing registers so that they can be rated. */
[[nodiscard]] enum err repair_closing(const struct settle *s, const struct rating_plan *plan,
                                      const struct boundary *b, int64_t wh[READINGS_REGISTERS]);
/* What is due for one open charge, with decision or exchange. */
[[nodiscard]] enum err settle_one(struct settle *s);

/* All that is due for one account; billing_settle_account with a desk that others use as well. */
[[nodiscard]] enum err settle_at_desk(struct desk *desk, const struct billing *b,
                                      int64_t account_id, wall_s now, struct billing_settled *out);

/* The first boundary after `since`, which never goes back; *found false if there is none yet. */
[[nodiscard]] enum err boundary_find(struct settle *s, wall_s since, struct boundary *b,
                                     bool *found);
/* What was changed by a person, or by the clock of the account, and a new price. */
[[nodiscard]] enum err boundary_find_change(struct settle *s, struct boundary *b, bool *found);
[[nodiscard]] enum err boundary_find_price(const struct settle *s, wall_s since, struct boundary *b,
                                           bool *found);
/* Registers at the boundary: the last reading at or before it, or shared out in a gap that has
 * ended. ERR_NOT_FOUND: that reading may still be on its way, so it is too early to say. */
[[nodiscard]] enum err boundary_registers(const struct settle *s, struct boundary *b);
/* Ends the period of this meter for good. */
bool boundary_is_last(enum split why);

#endif
