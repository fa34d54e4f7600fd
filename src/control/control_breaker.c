/* The mass-cut breaker: a hacked console or a wrong price must not darken a campus. Beyond a bound
 * a second person allows more. */
#include <stdio.h>

#include "control/control_impl.h"

enum err control_breaker_limit(struct store_tx *tx, int64_t project_id, int64_t *meters)
{
    TRY(store_int(tx, meters, "SELECT count(*) FROM meter WHERE project_id = $1", "i", project_id));
    *meters = *meters * CONTROL_BREAKER_PERMILLE / 1000;
    if (*meters < CONTROL_BREAKER_MIN)
        *meters = CONTROL_BREAKER_MIN;
    return ERR_OK;
}

enum err control_breaker_count(struct store_tx *tx, int64_t project_id, int64_t but, wall_s now,
                               int64_t *meters)
{
    return store_int(tx, meters,
                     "SELECT count(DISTINCT c.id) FROM (" CONTROL_DARK_SINCE ") AS c "
                     "JOIN meter m ON m.id = c.id WHERE m.project_id = $1 AND c.id <> $3",
                     "iii", project_id, now.s - CONTROL_BREAKER_S, but);
}

enum err control_breaker_check(struct store_tx *tx, const struct control_meter *m, wall_s now)
{
    int64_t cuts, limit, released;
    TRY(control_breaker_count(tx, m->project_id, m->id, now, &cuts));
    if (cuts < CONTROL_BREAKER_MIN)
        return ERR_OK;
    TRY(control_breaker_limit(tx, m->project_id, &limit));
    if (cuts < limit)
        return ERR_OK;
    TRY(store_int(tx, &released, "SELECT count(*) " CONTROL_LET_THROUGH, "iii", m->project_id,
                  now.s, (int64_t)CONTROL_BREAKER_S));
    return released > 0 ? ERR_OK : ERR_CONTROL_BREAKER;
}

enum err control_breaker_release(struct store_tx *tx, int64_t project_id, const char *actor,
                                 wall_s now)
{
    char object[64];
    struct detail d = {};
    detail_text(&d, "actor", actor);
    detail_int(&d, "until", now.s + CONTROL_BREAKER_S);
    detail_int(&d, "minutes", CONTROL_BREAKER_S / 60);
    snprintf(object, sizeof object, "project:%lld", (long long)project_id);
    TRY(store_exec(tx,
                   "INSERT INTO control_breaker (project_id, released_until, actor) "
                   "VALUES ($1, $2, $3) ON CONFLICT (project_id) DO UPDATE SET "
                   "released_until = excluded.released_until, actor = excluded.actor",
                   "iit", project_id, now.s + CONTROL_BREAKER_S, actor));
    const char *json = detail_end(&d);
    TRY(control_breaker_wake(tx, project_id, now));
    TRY(journal_append(tx, &(struct journal_act){now, actor, "breaker.release", object, json}));
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_BREAKER_RELEASED,
                                                     .project_id = project_id,
                                                     .detail = json});
}

/* --- settings ------------------------------------------------------------------------------------
 */

enum err control_darken(struct store_tx *tx, const struct control_dark *d)
{
    struct control_meter m;
    TRY(control_meter_load(tx, d->meter_id, &m));
    TRY(control_breaker_check(tx, &m, d->now));
    TRY(store_exec(tx, "DELETE FROM control_dark WHERE at <= $1", "i",
                   d->now.s - CONTROL_BREAKER_S));
    return store_exec(tx,
                      "INSERT INTO control_dark (meter_id, circuit, what, at) "
                      "VALUES ($1, $2, $3, $4) ON CONFLICT (meter_id, circuit, what) DO UPDATE "
                      "SET at = excluded.at",
                      "iiti", d->meter_id, d->circuit, d->what, d->now.s);
}

enum err control_lighten(struct store_tx *tx, const struct control_dark *d)
{
    return store_exec(tx,
                      "DELETE FROM control_dark WHERE meter_id = $1 AND circuit = $2 AND what = $3",
                      "iit", d->meter_id, d->circuit, d->what);
}
