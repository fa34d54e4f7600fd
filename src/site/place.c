/* Organisations, projects, places. */
#include <string.h>

#include "base/must.h"
#include "site/site_impl.h"

/* --- organisations -------------------------------------------------------------------------- */

enum err site_organisation_apply(struct store_tx *tx, const char *code, const char *name,
                                 bool write, int64_t *id, enum site_change *change)
{
    bool same = false;
    if (!site_code_fits(code) || !site_name_fits(name, SITE_NAME_MAX))
        return ERR_SITE_TEXT;
    struct query q =
        query_open(tx, "SELECT id, name = $2 FROM organisation WHERE code = $1", "tt", code, name);
    bool found = query_step(&q);
    *id = found ? query_int(&q, 0) : 0;
    same = found && query_int(&q, 1) != 0;
    TRY(query_end(&q));
    *change = !found ? SITE_NEW : same ? SITE_SAME : SITE_CHANGED;
    if (same || !write)
        return ERR_OK;
    if (found)
        return store_exec(tx, "UPDATE organisation SET name = $2 WHERE id = $1", "it", *id, name);
    TRY(store_next_id(tx, "organisation", id));
    return store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES ($1, $2, $3)", "itt",
                      *id, code, name);
}

enum err site_organisation_put(struct store_tx *tx, const char *code, const char *name, int64_t *id,
                               enum site_change *change)
{
    return site_organisation_apply(tx, code, name, true, id, change);
}

/* --- projects ------------------------------------------------------------------------------- */

#define PROJECT "SELECT id, organisation_id, code, name, zone FROM project "

static void take_project(const struct query *q, struct site_project *p)
{
    p->id = query_int(q, 0);
    p->organisation_id = query_int(q, 1);
    site_take_text(q, 2, p->code, sizeof p->code);
    site_take_text(q, 3, p->name, sizeof p->name);
    site_take_text(q, 4, p->zone, sizeof p->zone);
}

static enum err one_project(struct query *q, struct site_project *p)
{
    bool found = query_step(q);
    if (found)
        take_project(q, p);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_project_get(struct store_tx *tx, int64_t id, struct site_project *p)
{
    struct query q = query_open(tx, PROJECT "WHERE id = $1", "i", id);
    return one_project(&q, p);
}

enum err site_project_by_code(struct store_tx *tx, const char *code, struct site_project *p)
{
    struct query q = query_open(tx, PROJECT "WHERE code = $1", "t", code);
    return one_project(&q, p);
}

enum err site_projects(struct store_tx *tx, site_project_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, PROJECT "ORDER BY code", "");
    while (e == ERR_OK && query_step(&q)) {
        struct site_project p = {};
        take_project(&q, &p);
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err site_project_apply(struct store_tx *tx, struct site_project *p, bool write,
                            enum site_change *change)
{
    struct site_project old = {};
    if (!site_code_fits(p->code) || !site_name_fits(p->name, SITE_NAME_MAX) ||
        !site_name_fits(p->zone, SITE_ZONE_MAX))
        return ERR_SITE_TEXT;
    enum err e = site_project_by_code(tx, p->code, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool same = e == ERR_OK && old.organisation_id == p->organisation_id &&
                strcmp(old.name, p->name) == 0 && strcmp(old.zone, p->zone) == 0;
    p->id = old.id;
    *change = e != ERR_OK ? SITE_NEW : same ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    if (*change == SITE_CHANGED)
        return store_exec(tx,
                          "UPDATE project SET organisation_id = $2, name = $3, zone = $4 "
                          "WHERE id = $1",
                          "iitt", p->id, p->organisation_id, p->name, p->zone);
    TRY(store_next_id(tx, "project", &p->id));
    return store_exec(tx,
                      "INSERT INTO project (id, organisation_id, code, name, zone) "
                      "VALUES ($1, $2, $3, $4, $5)",
                      "iittt", p->id, p->organisation_id, p->code, p->name, p->zone);
}

enum err site_project_put(struct store_tx *tx, struct site_project *p, enum site_change *change)
{
    return site_project_apply(tx, p, true, change);
}

/* --- places --------------------------------------------------------------------------------- */

static const char *const place_kinds[] = {"building", "floor", "room", "shop"};

const char *site_place_kind_name(enum site_place_kind kind)
{
    MUST(kind <= SITE_SHOP);
    return place_kinds[kind];
}

static enum site_place_kind place_kind_of(const char *name)
{
    enum site_place_kind kind = SITE_BUILDING;
    while (kind < SITE_SHOP && strcmp(place_kinds[kind], name) != 0)
        kind++;
    return kind;
}

#define PLACE "SELECT id, project_id, coalesce(parent_id, 0), kind, code, name FROM place "

static void take_place(const struct query *q, struct site_place *p)
{
    p->id = query_int(q, 0);
    p->project_id = query_int(q, 1);
    p->parent_id = query_int(q, 2);
    p->kind = place_kind_of(query_text(q, 3));
    site_take_text(q, 4, p->code, sizeof p->code);
    site_take_text(q, 5, p->name, sizeof p->name);
}

static enum err one_place(struct query *q, struct site_place *p)
{
    bool found = query_step(q);
    if (found)
        take_place(q, p);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err site_place_get(struct store_tx *tx, int64_t id, struct site_place *p)
{
    struct query q = query_open(tx, PLACE "WHERE id = $1", "i", id);
    return one_place(&q, p);
}

enum err site_places(struct store_tx *tx, int64_t project_id, site_place_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, PLACE "WHERE project_id = $1 ORDER BY code", "i", project_id);
    while (e == ERR_OK && query_step(&q)) {
        struct site_place p = {};
        take_place(&q, &p);
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* A path is made of codes; its parent, if it has one, is the path without the last of them. */
static bool path_fits(const char *path)
{
    return site_name_fits(path, SITE_PATH_MAX) && strpbrk(path, " ,\"'") == NULL &&
           path[0] != '/' && path[strlen(path) - 1] != '/' && strstr(path, "//") == NULL;
}

static enum err check_parent(struct store_tx *tx, const struct site_place *p)
{
    struct site_place parent = {};
    if (p->parent_id == 0)
        return ERR_OK;
    TRY(site_place_get(tx, p->parent_id, &parent));
    return parent.project_id == p->project_id ? ERR_OK : ERR_SITE_PROJECT;
}

static bool place_fits(const struct site_place *p)
{
    return path_fits(p->code) && site_name_fits(p->name, SITE_NAME_MAX);
}

enum err site_place_by_path(struct store_tx *tx, int64_t project_id, const char *path,
                            struct site_place *p)
{
    struct query q =
        query_open(tx, PLACE "WHERE project_id = $1 AND code = $2", "it", project_id, path);
    return one_place(&q, p);
}

enum err site_place_add(struct store_tx *tx, struct site_place *p)
{
    if (!place_fits(p))
        return ERR_SITE_TEXT;
    if (!p->id)
        TRY(store_next_id(tx, "place", &p->id));
    return store_exec(tx,
                      "INSERT INTO place (id, project_id, parent_id, kind, code, name) "
                      "VALUES ($1, $2, nullif($3, 0), $4, $5, $6)",
                      "iiittt", p->id, p->project_id, p->parent_id, place_kinds[p->kind], p->code,
                      p->name);
}

enum err site_place_apply(struct store_tx *tx, struct site_place *p, bool write,
                          enum site_change *change)
{
    struct site_place old = {};
    if (!place_fits(p))
        return ERR_SITE_TEXT;
    TRY(check_parent(tx, p));
    enum err e = site_place_by_path(tx, p->project_id, p->code, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    bool same = e == ERR_OK && old.parent_id == p->parent_id && old.kind == p->kind &&
                strcmp(old.name, p->name) == 0;
    p->id = old.id;
    *change = e != ERR_OK ? SITE_NEW : same ? SITE_SAME : SITE_CHANGED;
    if (*change == SITE_SAME || !write)
        return ERR_OK;
    if (*change == SITE_CHANGED)
        return store_exec(tx,
                          "UPDATE place SET parent_id = nullif($2, 0), kind = $3, name = $4 "
                          "WHERE id = $1",
                          "iitt", p->id, p->parent_id, place_kinds[p->kind], p->name);
    return site_place_add(tx, p);
}

enum err site_place_put(struct store_tx *tx, struct site_place *p, enum site_change *change)
{
    return site_place_apply(tx, p, true, change);
}
