/* What a price plan asks of an account: persons, area, capacity, demand, moving in, a group. */
#include "site/site_impl.h"

#define TERMS                                                                                      \
    "SELECT from_at, persons, area_milli_m2, capacity_milli_kva, contracted_milli_kw, "            \
    "opened_day, ladder_group, entered_at, actor "                                                 \
    "FROM account_term WHERE account_id = $1 "

static void take(const struct query *q, struct site_terms *out)
{
    *out = (struct site_terms){.from = {query_int(q, 0)},
                               .persons = query_int(q, 1),
                               .area_milli_m2 = query_int(q, 2),
                               .capacity_milli_kva = query_int(q, 3),
                               .contracted_milli_kw = query_int(q, 4),
                               .opened_day = (int32_t)query_int(q, 5)};
    site_take_text(q, 6, out->ladder_group, sizeof out->ladder_group);
    out->entered_at.s = query_int(q, 7);
    site_take_text(q, 8, out->actor, sizeof out->actor);
}

enum err site_terms_at(struct store_tx *tx, int64_t account_id, wall_s at, struct site_terms *out)
{
    *out = (struct site_terms){};
    struct query q = query_open(tx, TERMS "AND from_at <= $2 ORDER BY from_at DESC LIMIT 1", "ii",
                                account_id, at.s);
    if (query_step(&q))
        take(&q, out);
    return query_end(&q);
}

enum err site_terms_next(struct store_tx *tx, int64_t account_id, wall_s after, wall_s *at)
{
    return store_int(tx, &at->s,
                     "SELECT from_at FROM account_term WHERE account_id = $1 AND from_at > $2 "
                     "ORDER BY from_at LIMIT 1",
                     "ii", account_id, after.s);
}

enum err site_terms_list(struct store_tx *tx, int64_t account_id, site_terms_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, TERMS "ORDER BY from_at", "i", account_id);
    while (e == ERR_OK && query_step(&q)) {
        struct site_terms t;
        take(&q, &t);
        e = each(arg, &t);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static bool within(int64_t value, int64_t max)
{
    return value >= 0 && value <= max;
}

static bool fits(const struct site_terms *t)
{
    return within(t->persons, SITE_PERSONS_MAX) && within(t->area_milli_m2, UINT32_MAX) &&
           within(t->capacity_milli_kva, SITE_POWER_MAX) &&
           within(t->contracted_milli_kw, SITE_POWER_MAX) && t->opened_day >= 0 && t->from.s >= 0;
}

enum err site_terms_put(struct store_tx *tx, int64_t account_id, const struct site_terms *t,
                        const char *actor, wall_s now)
{
    int64_t last;
    if (!fits(t))
        return ERR_SITE_TERMS;
    if (t->ladder_group[0] && !site_code_fits(t->ladder_group))
        return ERR_SITE_TEXT;
    TRY(store_int(tx, &last,
                  "SELECT coalesce(max(from_at), -1) FROM account_term WHERE account_id = $1", "i",
                  account_id));
    if (t->from.s <= last)
        return ERR_SITE_EFFECTIVE;
    return store_exec(tx,
                      "INSERT INTO account_term (account_id, from_at, persons, area_milli_m2, "
                      "capacity_milli_kva, contracted_milli_kw, opened_day, ladder_group, actor, "
                      "entered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                      "iiiiiiitti", account_id, t->from.s, t->persons, t->area_milli_m2,
                      t->capacity_milli_kva, t->contracted_milli_kw, (int64_t)t->opened_day,
                      t->ladder_group, actor, now.s);
}
