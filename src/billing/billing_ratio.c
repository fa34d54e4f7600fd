/* Transformers before a meter, dated. */
#include <inttypes.h>
#include <stdio.h>

#include "billing/billing_impl.h"
#include "journal/detail.h"

#define RATIO_MAX 1'000'000

enum err billing_ratio_at(struct store_tx *tx, int64_t meter_id, wall_s at, int64_t *ratio)
{
    enum err e = store_int(tx, ratio,
                           "SELECT ratio FROM meter_ratio WHERE meter_id = $1 AND from_at <= $2 "
                           "ORDER BY from_at DESC LIMIT 1",
                           "ii", meter_id, at.s);
    *ratio = e == ERR_OK ? *ratio : 1;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The first moment that is still free: nothing was settled after it, and no change stands there. */
static enum err check_free(struct store_tx *tx, const struct billing_ratio *r)
{
    int64_t taken;
    TRY(store_int(
        tx, &taken,
        "SELECT max(coalesce((SELECT max(opened_at) FROM charge_open WHERE meter_id = $1), "
        "0), coalesce((SELECT max(from_at) FROM meter_ratio WHERE meter_id = $1), 0))",
        "i", r->meter_id));
    return r->from.s > taken ? ERR_OK : ERR_BILLING_PAST;
}

static enum err record(struct store_tx *tx, const struct site_meter *m,
                       const struct billing_ratio *r, wall_s now)
{
    struct detail d = {};
    char object[48];
    snprintf(object, sizeof object, "meter:%" PRId64, m->id);
    detail_int(&d, "ratio", r->ratio);
    detail_int(&d, "from", r->from.s);
    detail_text(&d, "reason", r->reason);
    const char *facts = detail_end(&d);
    TRY(journal_append(tx, &(struct journal_act){.now = now,
                                                 .actor = r->actor,
                                                 .action = "meter.ratio",
                                                 .object = object,
                                                 .detail = facts}));
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_RATIO_CHANGED,
                                                     .project_id = m->project_id,
                                                     .account_id = m->account_id,
                                                     .meter_id = m->id,
                                                     .detail = facts});
}

enum err billing_ratio_put(struct store_tx *tx, const struct billing_ratio *r, wall_s now)
{
    struct site_meter m;
    if (!r->reason || !*r->reason)
        return ERR_BILLING_REASON;
    if (r->ratio < 1 || r->ratio > RATIO_MAX)
        return ERR_RANGE;
    TRY(site_meter_get(tx, r->meter_id, &m));
    TRY(check_free(tx, r));
    TRY(store_exec(tx,
                   "INSERT INTO meter_ratio (meter_id, from_at, ratio, actor, reason, entered_at) "
                   "VALUES ($1, $2, $3, $4, $5, $6)",
                   "iiitti", r->meter_id, r->from.s, r->ratio, r->actor, r->reason, now.s));
    return record(tx, &m, r, now);
}
