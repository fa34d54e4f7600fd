/*
 * Price plans and strategies: two tables of the same shape. What differs is named in one struct, so
 * that each rule about versions is written once.
 */
#include <string.h>

#include "rating/period.h"
#include "rating/rating.h"
#include "site/site_impl.h"
#include "strategy/strategy.h"

struct shelf {
    const char *sequence;
    enum err unknown;
    const char *in_force, *by_version, *next, *last, *insert, *all;
};

#define SHELF(table)                                                                               \
    .sequence = table,                                                                             \
    .in_force = "SELECT version, effective_at, body FROM " table                                   \
                " WHERE project_id = $1 AND code = $2 AND effective_at <= $3 "                     \
                "ORDER BY version DESC LIMIT 1",                                                   \
    .by_version = "SELECT version, effective_at, body FROM " table                                 \
                  " WHERE project_id = $1 AND code = $2 AND version = $3",                         \
    .next = "SELECT version, effective_at, body FROM " table                                       \
            " WHERE project_id = $1 AND code = $2 AND effective_at > $3 "                          \
            "ORDER BY effective_at, version DESC LIMIT 1",                                         \
    .last = "SELECT version, effective_at, body FROM " table                                       \
            " WHERE project_id = $1 AND code = $2 AND version > $3 "                               \
            "ORDER BY version DESC LIMIT 1",                                                       \
    .insert = "INSERT INTO " table " (id, project_id, code, version, effective_at, body) "         \
              "VALUES ($1, $2, $3, $4, $5, $6)",                                                   \
    .all = "SELECT version, effective_at, body, code FROM " table                                  \
           " WHERE project_id = $1 ORDER BY code, version"

static const struct shelf plans = {SHELF("price_plan"), .unknown = ERR_SITE_PLAN_UNKNOWN};
static const struct shelf strategies = {SHELF("strategy"), .unknown = ERR_SITE_STRATEGY_UNKNOWN};

static void take(const struct query *q, struct site_version *out)
{
    out->version = query_int(q, 0);
    out->effective_at = (wall_s){query_int(q, 1)};
    site_take_text(q, 2, out->body, sizeof out->body);
}

struct key {
    int64_t project_id;
    const char *code;
};

static enum err find(struct store_tx *tx, const char *sql, const struct key *key, int64_t number,
                     struct site_version *out)
{
    struct query q = query_open(tx, sql, "iti", key->project_id, key->code, number);
    bool found = query_step(&q);
    if (found)
        take(&q, out);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err known(enum err e, const struct shelf *shelf)
{
    return e == ERR_NOT_FOUND ? shelf->unknown : e;
}

enum err site_plan_in_force(struct store_tx *tx, int64_t project_id, const char *code, wall_s at,
                            struct site_version *out)
{
    return known(find(tx, plans.in_force, &(struct key){project_id, code}, at.s, out), &plans);
}

enum err site_strategy_in_force(struct store_tx *tx, int64_t project_id, const char *code,
                                wall_s at, struct site_version *out)
{
    return known(find(tx, strategies.in_force, &(struct key){project_id, code}, at.s, out),
                 &strategies);
}

enum err site_plan_version(struct store_tx *tx, int64_t project_id, const char *code,
                           int64_t version, struct site_version *out)
{
    return known(find(tx, plans.by_version, &(struct key){project_id, code}, version, out), &plans);
}

enum err site_plan_next(struct store_tx *tx, int64_t project_id, const char *code, wall_s after,
                        struct site_version *out)
{
    return find(tx, plans.next, &(struct key){project_id, code}, after.s, out);
}

enum err site_plan_versions(struct store_tx *tx, int64_t project_id, const char *code,
                            site_plan_version_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT version, effective_at FROM price_plan "
                                "WHERE project_id = $1 AND code = $2 ORDER BY version",
                                "it", project_id, code);
    while (e == ERR_OK && query_step(&q))
        e = each(arg, query_int(&q, 0), (wall_s){query_int(&q, 1)});
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* The newest version decides what is in force from its own time on, so that time may not lie before
 * an older version's. */
static enum err put(struct store_tx *tx, const struct shelf *shelf, const struct key *key,
                    const struct site_version *wished, bool write, enum site_change *change)
{
    struct site_version last = {};
    int64_t id;
    if (!site_code_fits(key->code))
        return ERR_SITE_TEXT;
    enum err e = find(tx, shelf->last, key, 0, &last);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *change = e != ERR_OK                            ? SITE_NEW
              : strcmp(last.body, wished->body) == 0 ? SITE_SAME
                                                     : SITE_CHANGED;
    if (*change == SITE_SAME)
        return ERR_OK;
    if (*change == SITE_CHANGED && wished->effective_at.s < last.effective_at.s)
        return ERR_SITE_EFFECTIVE;
    if (!write)
        return ERR_OK;
    TRY(store_next_id(tx, shelf->sequence, &id));
    return store_exec(tx, shelf->insert, "iitiit", id, key->project_id, key->code, last.version + 1,
                      wished->effective_at.s, wished->body);
}

enum err site_plan_unit(struct store_tx *tx, int64_t project_id, const char *code,
                        enum rating_unit *unit)
{
    struct site_version last;
    struct rating_plan plan;
    TRY(known(find(tx, plans.last, &(struct key){project_id, code}, 0, &last), &plans));
    TRY(rating_plan_parse(last.body, strlen(last.body), &plan, NULL));
    *unit = plan.unit;
    return ERR_OK;
}

/* What accounts were sold by it, and the meters they have, stay in that unit. */
static enum err check_unit(struct store_tx *tx, const struct key *key, enum rating_unit unit)
{
    enum rating_unit before;
    enum err e = site_plan_unit(tx, key->project_id, key->code, &before);
    if (e == ERR_SITE_PLAN_UNKNOWN)
        return ERR_OK;
    TRY(e);
    return before == unit ? ERR_OK : ERR_SITE_UNIT_FIXED;
}

enum err site_plan_apply(struct store_tx *tx, int64_t project_id, const char *code,
                         const struct site_version *v, bool write, enum site_change *change)
{
    struct rating_plan plan;
    TRY(rating_plan_parse(v->body, strlen(v->body), &plan, NULL));
    TRY(rating_plan_settles(&plan));
    TRY(check_unit(tx, &(struct key){project_id, code}, plan.unit));
    return put(tx, &plans, &(struct key){project_id, code}, v, write, change);
}

enum err site_strategy_apply(struct store_tx *tx, int64_t project_id, const char *code,
                             const struct site_version *v, bool write, enum site_change *change)
{
    struct strategy_policy policy;
    TRY(strategy_policy_parse(v->body, strlen(v->body), &policy, NULL));
    return put(tx, &strategies, &(struct key){project_id, code}, v, write, change);
}

static enum err make_version(const char *body, wall_s effective_at, struct site_version *out)
{
    size_t len = strlen(body);
    if (len > SITE_BODY_MAX)
        return ERR_SITE_TEXT;
    out->effective_at = effective_at;
    memcpy(out->body, body, len + 1);
    return ERR_OK;
}

enum err site_plan_put(struct store_tx *tx, int64_t project_id, const char *code,
                       wall_s effective_at, const char *body, enum site_change *change)
{
    struct site_version v = {};
    TRY(make_version(body, effective_at, &v));
    return site_plan_apply(tx, project_id, code, &v, true, change);
}

enum err site_strategy_put(struct store_tx *tx, int64_t project_id, const char *code,
                           wall_s effective_at, const char *body, enum site_change *change)
{
    struct site_version v = {};
    TRY(make_version(body, effective_at, &v));
    return site_strategy_apply(tx, project_id, code, &v, true, change);
}

static enum err list(struct store_tx *tx, const struct shelf *shelf, int64_t project_id,
                     site_version_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, shelf->all, "i", project_id);
    while (e == ERR_OK && query_step(&q)) {
        struct site_version v;
        char code[SITE_CODE_MAX + 1];
        take(&q, &v);
        site_take_text(&q, 3, code, sizeof code);
        e = each(arg, code, &v);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err site_plans(struct store_tx *tx, int64_t project_id, site_version_each *each, void *arg)
{
    return list(tx, &plans, project_id, each, arg);
}

enum err site_strategies(struct store_tx *tx, int64_t project_id, site_version_each *each,
                         void *arg)
{
    return list(tx, &strategies, project_id, each, arg);
}
