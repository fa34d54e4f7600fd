/* Which gateways may use the legacy seal, why, and until when. */
#include <string.h>

#include "site/site_impl.h"

enum err site_legacy_allow(struct store_tx *tx, int64_t gateway_id, const struct site_legacy *l)
{
    int64_t known;
    TRY(store_int(tx, &known, "SELECT 1 FROM gateway WHERE id = $1", "i", gateway_id));
    if (l->reason[0] == '\0')
        return ERR_SITE_TEXT;
    if (l->until.s <= l->allowed_at.s ||
        l->until.s > l->allowed_at.s + SITE_LEGACY_DAYS * INT64_C(86'400))
        return ERR_SITE_LEGACY;
    return store_exec(
        tx,
        "INSERT INTO gateway_legacy (gateway_id, until_at, reason, actor, allowed_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (gateway_id) DO UPDATE SET "
        "until_at = excluded.until_at, reason = excluded.reason, "
        "actor = excluded.actor, allowed_at = excluded.allowed_at",
        "iitti", gateway_id, l->until.s, l->reason, l->actor, l->allowed_at.s);
}

enum err site_legacy_end(struct store_tx *tx, int64_t gateway_id)
{
    TRY(store_exec(tx, "DELETE FROM gateway_legacy WHERE gateway_id = $1", "i", gateway_id));
    return store_changes(tx) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_legacy_used(struct store_tx *tx, int64_t gateway_id, wall_s now)
{
    TRY(store_exec(tx, "UPDATE gateway_legacy SET used_at = $2 WHERE gateway_id = $1", "ii",
                   gateway_id, now.s));
    return store_changes(tx) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_legacy_get(struct store_tx *tx, int64_t gateway_id, struct site_legacy *l)
{
    struct query q = query_open(tx,
                                "SELECT until_at, reason, actor, allowed_at, used_at "
                                "FROM gateway_legacy WHERE gateway_id = $1",
                                "i", gateway_id);
    bool found = query_step(&q);
    *l = (struct site_legacy){};
    if (found) {
        l->until.s = query_int(&q, 0);
        site_take_text(&q, 1, l->reason, sizeof l->reason);
        site_take_text(&q, 2, l->actor, sizeof l->actor);
        l->allowed_at.s = query_int(&q, 3);
        l->used_at.s = query_int(&q, 4);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}
