#include <string.h>

#include "base/zone.h"
#include "billing/billing_impl.h"
#include "rating/period.h"

enum err billing_wall_offset(const char *zone, wall_s at, int32_t *offset_s)
{
    (void)at; /* zones that change their offset are not supported yet */
    return zone_offset(zone, offset_s) ? ERR_OK : ERR_BILLING_ZONE;
}

enum err billing_project_offset(struct store_tx *tx, int64_t project_id, wall_s at,
                                int32_t *offset_s)
{
    struct site_project project;
    TRY(site_project_get(tx, project_id, &project));
    return billing_wall_offset(project.zone, at, offset_s);
}

static enum err read_plan(const struct site_version *v, struct billing_plan *out)
{
    out->version = v->version;
    out->effective_at = v->effective_at;
    TRY(rating_plan_parse(v->body, strlen(v->body), &out->plan, NULL));
    return rating_plan_settles(&out->plan);
}

enum err billing_plan_in_force(struct store_tx *tx, int64_t project_id, const char *code, wall_s at,
                               struct billing_plan *out)
{
    struct site_version v;
    TRY(site_plan_in_force(tx, project_id, code, at, &v));
    return read_plan(&v, out);
}

enum err billing_plan_version(struct store_tx *tx, int64_t project_id, const char *code,
                              int64_t version, struct billing_plan *out)
{
    struct site_version v;
    TRY(site_plan_version(tx, project_id, code, version, &v));
    return read_plan(&v, out);
}
