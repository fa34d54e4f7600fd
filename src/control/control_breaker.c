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

/* Meters but this one, that were cut, or whose settings leave a circuit dark. */
static enum err count_dark(struct store_tx *tx, const struct control_meter *m, int64_t since_s,
                           int64_t *meters)
{
    return store_int(
        tx, meters,
        "SELECT count(*) FROM (SELECT r.meter_id AS id FROM relay r WHERE r.desired = 'open' "
        "AND r.changed_at > $2 UNION SELECT d.meter_id FROM control_dark d WHERE d.at > $2) AS c "
        "JOIN meter m ON m.id = c.id WHERE m.project_id = $1 AND c.id <> $3",
        "iii", m->project_id, since_s, m->id);
}

enum err control_breaker_check(struct store_tx *tx, const struct control_meter *m, wall_s now)
{
    int64_t cuts, limit, released;
    TRY(count_dark(tx, m, now.s - CONTROL_BREAKER_S, &cuts));
    if (cuts < CONTROL_BREAKER_MIN)
        return ERR_OK;
    TRY(control_breaker_limit(tx, m->project_id, &limit));
    if (cuts < limit)
        return ERR_OK;
    enum err e =
        store_int(tx, &released, "SELECT released_until FROM control_breaker WHERE project_id = $1",
                  "i", m->project_id);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    return e == ERR_OK && released > now.s ? ERR_OK : ERR_CONTROL_BREAKER;
}

enum err control_breaker_release(struct store_tx *tx, int64_t project_id, const char *actor,
                                 wall_s now)
{
    char object[64];
    struct detail d = {};
    detail_int(&d, "until", now.s + CONTROL_BREAKER_S);
    snprintf(object, sizeof object, "project:%lld", (long long)project_id);
    TRY(store_exec(tx,
                   "INSERT INTO control_breaker (project_id, released_until, actor) "
                   "VALUES ($1, $2, $3) ON CONFLICT (project_id) DO UPDATE SET "
                   "released_until = excluded.released_until, actor = excluded.actor",
                   "iit", project_id, now.s + CONTROL_BREAKER_S, actor));
    return journal_append(
        tx, &(struct journal_act){now, actor, "breaker.release", object, detail_end(&d)});
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
