/* What is entered by people and dated: transformers before a meter, terms of an account. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static enum err check_last(struct store_tx *tx, const struct billing_ratio *r)
{
    int64_t taken;
    TRY(store_int(tx, &taken,
                  "SELECT coalesce(max(from_at), 0) FROM meter_ratio WHERE meter_id = $1", "i",
                  r->meter_id));
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

enum err billing_ratio_put(struct store_tx *tx, const struct billing *b,
                           const struct billing_ratio *r, wall_s now)
{
    struct site_meter m;
    if (!r->reason || !*r->reason)
        return ERR_BILLING_REASON;
    if (r->ratio < 1 || r->ratio > RATIO_MAX)
        return ERR_RANGE;
    TRY(site_meter_get(tx, r->meter_id, &m));
    TRY(check_last(tx, r));
    TRY(store_exec(tx,
                   "INSERT INTO meter_ratio (meter_id, from_at, ratio, actor, reason, entered_at) "
                   "VALUES ($1, $2, $3, $4, $5, $6)",
                   "iiitti", r->meter_id, r->from.s, r->ratio, r->actor, r->reason, now.s));
    TRY(record(tx, &m, r, now));
    return rerate_at_once(
        tx, b,
        &(struct rerate_past){
            .cause = RERATE_RATIO, .project_id = m.project_id, .meter_id = m.id, .from = r->from},
        now);
}

/* --- terms
 * -------------------------------------------------------------------------------------------- */

static enum err record_terms(struct store_tx *tx, const struct site_account *a,
                             const struct site_terms *t, const struct billing_by *by, wall_s now)
{
    struct detail d = {};
    char object[48];
    snprintf(object, sizeof object, "account:%" PRId64, a->id);
    detail_int(&d, "from", t->from.s);
    detail_int(&d, "persons", t->persons);
    detail_int(&d, "area_milli_m2", t->area_milli_m2);
    detail_int(&d, "capacity_milli_kva", t->capacity_milli_kva);
    detail_int(&d, "contracted_milli_kw", t->contracted_milli_kw);
    detail_int(&d, "opened_day", t->opened_day);
    detail_text(&d, "ladder_group", t->ladder_group);
    detail_text(&d, "reason", by->reason);
    const char *facts = detail_end(&d);
    TRY(journal_append(tx, &(struct journal_act){.now = now,
                                                 .actor = by->actor,
                                                 .action = "account.terms",
                                                 .object = object,
                                                 .detail = facts}));
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_TERMS_CHANGED,
                                                     .project_id = a->project_id,
                                                     .account_id = a->id,
                                                     .detail = facts});
}

/* Energy that was counted in a group's ladder does not go to another one. */
static enum err check_group(struct store_tx *tx, int64_t account_id, const struct site_terms *t)
{
    struct site_terms before;
    int64_t settled;
    TRY(site_terms_at(tx, account_id, t->from, &before));
    TRY(store_int(tx, &settled,
                  "SELECT EXISTS (SELECT 1 FROM settlement WHERE account_id = $1 "
                  "AND closed_at > $2)",
                  "ii", account_id, t->from.s));
    bool moves = settled && strcmp(before.ladder_group, t->ladder_group) != 0;
    return moves ? ERR_BILLING_PAST_GROUP : ERR_OK;
}

enum err billing_terms_put(struct store_tx *tx, const struct billing *b, int64_t account_id,
                           const struct site_terms *terms, const struct billing_by *by, wall_s now)
{
    struct site_account a;
    if (!by->reason || !*by->reason)
        return ERR_BILLING_REASON;
    TRY(site_account_get(tx, account_id, &a));
    bool first = terms->from.s == 0; /* an account that had none was settled without them */
    if (!first)
        TRY(check_group(tx, account_id, terms));
    TRY(site_terms_put(tx, account_id, terms, by->actor, now));
    TRY(record_terms(tx, &a, terms, by, now));
    struct rerate_past past = {.cause = RERATE_TERMS,
                               .project_id = a.project_id,
                               .account_id = account_id,
                               .from = terms->from};
    return first ? ERR_OK : rerate_at_once(tx, b, &past, now);
}

/* --- what a project wants of true-ups
 * -------------------------------------------------------------------------------------------- */

#define GRACE_DAYS 7
#define KEPT_PERCENT 50

/* One number of what a project wants; its own default without a row. */
static enum err read_rule(struct store_tx *tx, const char *sql, int64_t project_id, int64_t other,
                          int64_t *value)
{
    enum err e = store_int(tx, value, sql, "i", project_id);
    *value = e == ERR_OK ? *value : other;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

struct rule {
    const char *sql, *action, *name;
    int64_t project_id, value, max;
};

static enum err write_rule(struct store_tx *tx, const struct rule *r, const struct billing_by *by,
                           wall_s now)
{
    struct detail d = {};
    char object[48];
    if (!by->reason || !*by->reason)
        return ERR_BILLING_REASON;
    if (r->value < 0 || r->value > r->max)
        return ERR_RANGE;
    TRY(store_exec(tx, r->sql, "iii", r->project_id, r->value, (int64_t)GRACE_DAYS));
    snprintf(object, sizeof object, "project:%" PRId64, r->project_id);
    detail_int(&d, r->name, r->value);
    detail_text(&d, "reason", by->reason);
    return journal_append(tx, &(struct journal_act){.now = now,
                                                    .actor = by->actor,
                                                    .action = r->action,
                                                    .object = object,
                                                    .detail = detail_end(&d)});
}

enum err billing_grace_days(struct store_tx *tx, int64_t project_id, int64_t *days)
{
    return read_rule(tx, "SELECT grace_days FROM billing_rule WHERE project_id = $1", project_id,
                     GRACE_DAYS, days);
}

enum err billing_grace_set(struct store_tx *tx, int64_t project_id, int64_t days,
                           const struct billing_by *by, wall_s now)
{
    const struct rule r = {
        "INSERT INTO billing_rule (project_id, grace_days) "
        "SELECT $1, $2 WHERE $3 IS NOT NULL "
        "ON CONFLICT (project_id) DO UPDATE SET grace_days = excluded.grace_days",
        "billing.grace",
        "grace_days",
        project_id,
        days,
        366};
    return write_rule(tx, &r, by, now);
}

enum err billing_kept_percent(struct store_tx *tx, int64_t project_id, int64_t *percent)
{
    return read_rule(tx, "SELECT kept_percent FROM billing_rule WHERE project_id = $1", project_id,
                     KEPT_PERCENT, percent);
}

enum err billing_kept_set(struct store_tx *tx, int64_t project_id, int64_t percent,
                          const struct billing_by *by, wall_s now)
{
    const struct rule r = {
        "INSERT INTO billing_rule (project_id, grace_days, kept_percent) "
        "SELECT $1, $3, $2 WHERE true "
        "ON CONFLICT (project_id) DO UPDATE SET kept_percent = excluded.kept_percent",
        "billing.kept",
        "kept_percent",
        project_id,
        percent,
        100};
    return write_rule(tx, &r, by, now);
}
