/* Terms of an account, or the ratio of a meter, that begin in the past: rated again at once. */
#include "billing/billing_rerate_impl.h"

#define AT_ONCE_IDS (INT64_C(1) << 40) /* above the ids of price_plan */
#define HOLDERS_MAX 8                  /* accounts that had one meter since then */

/* Accounts with a settled or an open period of the meter, or of their own, since then. */
static enum err find_holders(struct store_tx *tx, const struct rerate_past *p,
                             int64_t ids[HOLDERS_MAX], size_t *count)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT account_id FROM settlement WHERE ($1 = 0 OR meter_id = $1) "
        "AND ($2 = 0 OR account_id = $2) AND closed_at > $3 UNION SELECT account_id FROM "
        "charge_open WHERE ($1 = 0 OR meter_id = $1) AND ($2 = 0 OR account_id = $2) "
        "AND opened_at >= $3",
        "iii", p->meter_id, p->account_id, p->from.s);
    *count = 0;
    while (e == ERR_OK && query_step(&q)) {
        e = *count < HOLDERS_MAX ? ERR_OK : ERR_BILLING_METERS;
        if (e == ERR_OK)
            ids[(*count)++] = query_int(&q, 0);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

enum err billing_rates_again(struct store_tx *tx, int64_t account_id, int64_t meter_id, wall_s from,
                             bool *yes)
{
    int64_t ids[HOLDERS_MAX];
    size_t count;
    TRY(find_holders(
        tx, &(struct rerate_past){.account_id = account_id, .meter_id = meter_id, .from = from},
        ids, &count));
    *yes = count > 0;
    return ERR_OK;
}

static enum err begin_at_once(struct store_tx *tx, const struct rerate_past *p, wall_s now,
                              struct run *run)
{
    TRY(store_exec(tx,
                   "INSERT INTO sequence (name, last) VALUES ('rerate_past', 1) "
                   "ON CONFLICT (name) DO UPDATE SET last = last + 1",
                   ""));
    *run = (struct run){.project_id = p->project_id, .effective_at = p->from, .cause = p->cause};
    TRY(store_int(tx, &run->version, "SELECT last FROM sequence WHERE name = 'rerate_past'", ""));
    run->id = AT_ONCE_IDS + run->version;
    return store_exec(tx,
                      "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, "
                      "begun_at, done_at, cause) VALUES ($1, $2, '', $3, $4, $5, $5, $6)",
                      "iiiiit", run->id, p->project_id, run->version, p->from.s, now.s,
                      rerate_cause_name(p->cause));
}

enum err rerate_at_once(struct store_tx *tx, const struct billing *b, const struct rerate_past *p,
                        wall_s now)
{
    int64_t ids[HOLDERS_MAX];
    size_t count;
    struct run run;
    TRY(find_holders(tx, p, ids, &count));
    if (count == 0)
        return ERR_OK;
    TRY(begin_at_once(tx, p, now, &run));
    for (size_t i = 0; i < count; i++)
        TRY(rerate_account(tx, b, &run, ids[i], now));
    return ERR_OK;
}
