/* What one piece of work has at hand while it settles. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "billing/billing_settle_impl.h"

struct desk_version {
    int64_t version;
    wall_s effective_at;
    struct billing_plan *plan; /* NULL: not asked for yet */
};

/* All versions of one plan, in their order. */
struct desk_code {
    int64_t project_id;
    char code[SITE_CODE_MAX + 1];
    struct desk_version *list;
    size_t count;
};

enum err desk_open(struct desk **out, struct store_tx *tx)
{
    struct desk *d = malloc(sizeof *d); /* not cleared: it is large, and most of it is room */
    if (!d)
        return ERR_MEMORY;
    d->tx = tx;
    d->offset_project = 0;
    d->codes = NULL;
    d->code_count = d->code_cap = d->last = 0;
    *out = d;
    return ERR_OK;
}

void desk_close(struct desk *d)
{
    for (size_t i = 0; i < d->code_count; i++) {
        for (size_t k = 0; k < d->codes[i].count; k++)
            free(d->codes[i].list[k].plan);
        free(d->codes[i].list);
    }
    free(d->codes);
    free(d);
}

enum err desk_offset(struct desk *d, int64_t project_id, wall_s now, int32_t *offset_s)
{
    if (d->offset_project != project_id)
        TRY(billing_project_offset(d->tx, project_id, now, &d->offset_s));
    d->offset_project = project_id;
    *offset_s = d->offset_s;
    return ERR_OK;
}

/* --- versions
 * -------------------------------------------------------------------------------------- */

static enum err add_version(void *arg, int64_t version, wall_s effective_at)
{
    struct desk_code *c = arg;
    struct desk_version *more = realloc(c->list, (c->count + 1) * sizeof *more);
    if (!more)
        return ERR_MEMORY;
    more[c->count++] = (struct desk_version){.version = version, .effective_at = effective_at};
    c->list = more;
    return ERR_OK;
}

static enum err add_code(struct desk *d, int64_t project_id, const char *code)
{
    if (d->code_count == d->code_cap) {
        size_t cap = d->code_cap ? d->code_cap * 2 : 8;
        struct desk_code *more = realloc(d->codes, cap * sizeof *more);
        if (!more)
            return ERR_MEMORY;
        d->codes = more;
        d->code_cap = cap;
    }
    struct desk_code *c = &d->codes[d->code_count];
    *c = (struct desk_code){.project_id = project_id};
    text_copy(c->code, sizeof c->code, code);
    enum err e = site_plan_versions(d->tx, project_id, code, add_version, c);
    if (e != ERR_OK) {
        free(c->list);
        return e;
    }
    d->last = d->code_count++;
    return ERR_OK;
}

static bool is_code(const struct desk_code *c, int64_t project_id, const char *code)
{
    return c->project_id == project_id && strcmp(c->code, code) == 0;
}

/* Neighbours often have the same plan. */
static enum err find_code(struct desk *d, int64_t project_id, const char *code,
                          struct desk_code **out)
{
    bool same = d->code_count > 0 && is_code(&d->codes[d->last], project_id, code);
    for (size_t i = 0; !same && i < d->code_count; i++) {
        same = is_code(&d->codes[i], project_id, code);
        d->last = same ? i : d->last;
    }
    if (!same)
        TRY(add_code(d, project_id, code));
    *out = &d->codes[d->last];
    return ERR_OK;
}

enum err desk_plan_in_force(struct desk *d, int64_t project_id, const char *code, wall_s at,
                            int64_t *version)
{
    struct desk_code *c;
    TRY(find_code(d, project_id, code, &c));
    for (size_t i = c->count; i > 0; i--)
        if (c->list[i - 1].effective_at.s <= at.s) {
            *version = c->list[i - 1].version;
            return ERR_OK;
        }
    return ERR_SITE_PLAN_UNKNOWN;
}

enum err desk_plan_next(struct desk *d, int64_t project_id, const char *code, wall_s after,
                        wall_s *at)
{
    struct desk_code *c;
    TRY(find_code(d, project_id, code, &c));
    at->s = INT64_MAX;
    bool found = false;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].effective_at.s > after.s && c->list[i].effective_at.s <= at->s) {
            *at = c->list[i].effective_at;
            found = true;
        }
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- plans
 * ----------------------------------------------------------------------------------------- */

static enum err read_plan(struct desk *d, const struct desk_code *c, struct desk_version *v)
{
    struct billing_plan *plan = malloc(sizeof *plan);
    if (!plan)
        return ERR_MEMORY;
    enum err e = billing_plan_version(d->tx, c->project_id, c->code, v->version, plan);
    if (e != ERR_OK) {
        free(plan);
        return e;
    }
    v->plan = plan;
    return ERR_OK;
}

enum err desk_plan(struct desk *d, int64_t project_id, const char *code, int64_t version,
                   const struct billing_plan **out)
{
    struct desk_code *c;
    TRY(find_code(d, project_id, code, &c));
    for (size_t i = 0; i < c->count; i++) {
        struct desk_version *v = &c->list[i];
        if (v->version != version)
            continue;
        if (!v->plan)
            TRY(read_plan(d, c, v));
        *out = v->plan;
        return ERR_OK;
    }
    return ERR_SITE_PLAN_UNKNOWN;
}
