/* Shared by the parts of billing/ that settle. */
#ifndef YUFU_BILLING_BILLING_SETTLE_IMPL_H
#define YUFU_BILLING_BILLING_SETTLE_IMPL_H

#include "billing/billing_impl.h"

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
    struct site_account account;
    int32_t offset_s;
    wall_s now;
    bool forced; /* by a person: up to the newest reading, now */
    struct charge charge;
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

/* The first boundary after `since`; *found false if there is none yet. */
[[nodiscard]] enum err boundary_find(const struct settle *s, wall_s since, struct boundary *b,
                                     bool *found);
/* What was changed by a person, or by the clock of the account, and a new price. */
[[nodiscard]] enum err boundary_find_change(const struct settle *s, struct boundary *b,
                                            bool *found);
[[nodiscard]] enum err boundary_find_price(const struct settle *s, wall_s since, struct boundary *b,
                                           bool *found);
/* Registers at the boundary: the last reading at or before it, or shared out in a gap that has
 * ended. ERR_NOT_FOUND: that reading may still be on its way, so it is too early to say. */
[[nodiscard]] enum err boundary_registers(const struct settle *s, struct boundary *b);
/* Ends the period of this meter for good. */
bool boundary_is_last(enum split why);

#endif
