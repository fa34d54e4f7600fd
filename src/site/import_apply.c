/*
 * From things to the store, in an order in which whatever an object belongs to comes before it.
 * With `write` off the same functions only compare. Facts that the file does not state are kept as
 * they are stored, or get their default if the object is new.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "rating/period.h"
#include "rating/rating.h"
#include "site/import_impl.h"
#include "strategy/strategy.h"

bool import_writing(const struct apply *a)
{
    return a->write && a->im->result.error_count == 0;
}

void import_set(char *field, size_t cap, const char *text)
{
    if (!text)
        return;
    size_t len = strlen(text);
    MUST(len < cap);
    memcpy(field, text, len + 1);
}

void import_default(char *field, size_t cap, const char *text)
{
    if (!field[0])
        import_set(field, cap, text);
}

void import_count(struct apply *a, enum site_import_object object, enum site_change change)
{
    a->im->result.objects[object][change]++;
}

/* The things of the store are checked again there; what it refuses about content is told with the
 * row, and the walk goes on. Only errors of the store itself end it. */
static bool is_content(enum err e)
{
    return e == ERR_SITE_TEXT || e == ERR_SITE_LINE || e == ERR_SITE_METER ||
           e == ERR_SITE_PROJECT || e == ERR_SITE_WALLET_FIXED || e == ERR_SITE_METER_ACCOUNT ||
           e == ERR_SITE_GATEWAY_PROJECT || e == ERR_SITE_EFFECTIVE || e == ERR_SITE_TERMS ||
           e == ERR_SITE_PLAN_UNKNOWN || e == ERR_SITE_UNIT_FIXED || e == ERR_SITE_PLAN_UNIT ||
           e == ERR_SITE_STRATEGY_UNKNOWN || e == ERR_RATING_PLAN || e == ERR_RATING_UNBILLABLE ||
           e == ERR_STRATEGY_POLICY || e == ERR_CSV_REQUIRED;
}

enum err import_tell(struct apply *a, enum err e, int64_t row, enum column c, const char *value)
{
    if (e == ERR_OK || !is_content(e))
        return e;
    import_error(a->im, row, import_header(a->im, c), e, value);
    return ERR_OK;
}

enum err import_maybe(enum err e, bool *found)
{
    *found = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum site_change import_beside_new(const struct apply *a, enum site_change change, bool new)
{
    return !import_writing(a) && change == SITE_SAME && new ? SITE_CHANGED : change;
}

/* --- project, plans ------------------------------------------------------------------------- */

static enum err apply_organisation(struct apply *a, const struct thing *t, struct site_project *p)
{
    enum site_change change;
    const char *code = t->facts[2] ? t->facts[2] : p->id ? NULL : t->key;
    if (!code)
        return ERR_OK; /* the project keeps its own */
    enum err e = store_int(a->tx, &p->organisation_id,
                           "SELECT id FROM organisation WHERE code = $1", "t", code);
    if (e != ERR_NOT_FOUND)
        return e;
    return site_organisation_apply(a->tx, code, code, import_writing(a), &p->organisation_id,
                                   &change);
}

static enum err apply_project(struct apply *a, size_t i)
{
    struct thing *t = &a->im->project.list[i];
    struct site_project p = {};
    struct import_facts before = {};
    bool found;
    TRY(import_maybe(site_project_by_code(a->tx, t->key, &p), &found));
    SET(p.code, t->key);
    SET(p.name, t->facts[0]);
    SET(p.zone, t->facts[1]);
    DEFAULT(p.name, t->key);
    DEFAULT(p.zone, "Asia/Shanghai");
    TRY(apply_organisation(a, t, &p));
    if (found)
        TRY(import_facts(a->tx, IMPORT_PROJECT, p.id, &before));
    TRY(site_project_apply(a->tx, &p, import_writing(a), &t->change));
    if (t->change == SITE_CHANGED && import_writing(a))
        TRY(import_log_change(a, IMPORT_PROJECT, p.id, &before));
    a->project_id = t->id = p.id;
    import_count(a, SITE_IMPORT_PROJECT, t->change);
    return ERR_OK;
}

/* Why a plan is refused, in one word and its place; a plan that is only not billable, by its kind.
 */
static const char *plan_problem(struct site_import *im, const char *body)
{
    struct rating_plan plan;
    struct rating_problem problem;
    if (rating_plan_parse(body, strlen(body), &plan, &problem) == ERR_OK)
        return rating_plan_settles(&plan) == ERR_OK ? "" : rating_kind_name(plan.kind);
    return import_text(im, "%s %s", rating_reason_name(problem.reason), problem.place);
}

static const char *strategy_problem(struct site_import *im, const char *body)
{
    struct strategy_policy policy;
    struct strategy_problem problem;
    if (strategy_policy_parse(body, strlen(body), &policy, &problem) == ERR_OK)
        return "";
    return import_text(im, "%s %s", strategy_fault_name(problem.fault), problem.place);
}

typedef enum err version_apply(struct store_tx *tx, int64_t project_id, const char *code,
                               const struct site_version *v, bool write, enum site_change *change);
typedef const char *version_problem(struct site_import *im, const char *body);

struct shelf_import {
    version_apply *apply;
    version_problem *problem;
    enum site_import_object object;
    const char *any; /* the first version of a code */
};

static enum err apply_text(struct apply *a, const struct shelf_import *s,
                           const struct import_text *text)
{
    struct site_version v = {};
    enum site_change change;
    int64_t older = 0;
    TRY(store_int(a->tx, &older, s->any, "it", a->project_id, text->code));
    if (older > 0)
        v.effective_at = a->im->effective_at.s ? a->im->effective_at : a->now;
    if (strlen(text->body) > SITE_BODY_MAX) {
        import_error(a->im, 0, text->code, ERR_SITE_TEXT, "");
        return ERR_OK;
    }
    SET(v.body, text->body);
    enum err e = s->apply(a->tx, a->project_id, text->code, &v, import_writing(a), &change);
    if (e == ERR_OK)
        import_count(a, s->object, change);
    if (!is_content(e))
        return e;
    import_error(a->im, 0, text->code, e, s->problem(a->im, text->body));
    return ERR_OK;
}

static const struct shelf_import plan_shelf = {
    site_plan_apply, plan_problem, SITE_IMPORT_PLAN,
    "SELECT count(*) FROM price_plan WHERE project_id = $1 AND code = $2"};
static const struct shelf_import strategy_shelf = {
    site_strategy_apply, strategy_problem, SITE_IMPORT_STRATEGY,
    "SELECT count(*) FROM strategy WHERE project_id = $1 AND code = $2"};

static enum err apply_plan(struct apply *a, size_t i)
{
    return apply_text(a, &plan_shelf, &a->im->plans[i]);
}

static enum err apply_strategy(struct apply *a, size_t i)
{
    return apply_text(a, &strategy_shelf, &a->im->strategies[i]);
}

/* --- places, gateways, lines ---------------------------------------------------------------- */

IMPORT_PUT(place, IMPORT_PLACE)
IMPORT_PUT(gateway, IMPORT_GATEWAY)
IMPORT_PUT(line, IMPORT_LINE)

static enum err apply_place(struct apply *a, size_t i)
{
    struct things *all = &a->im->places;
    struct thing *t = &all->list[i];
    struct site_place p = {};
    bool found;
    TRY(import_maybe(site_place_by_path(a->tx, a->project_id, t->key, &p), &found));
    p.project_id = a->project_id;
    p.kind = t->place_kind;
    p.parent_id = t->parent < 0 ? 0 : all->list[t->parent].id;
    SET(p.code, t->key);
    SET(p.name, t->facts[0]);
    TRY(put_place(a, &p, found, &t->change));
    t->id = p.id;
    import_count(a, SITE_IMPORT_PLACE, t->change);
    return ERR_OK;
}

static enum err apply_gateway(struct apply *a, size_t i)
{
    struct thing *t = &a->im->gateways.list[i];
    struct site_gateway g = {};
    bool found;
    TRY(import_maybe(site_gateway_by_serial(a->tx, t->key, &g), &found));
    g.project_id = a->project_id;
    SET(g.serial, t->key);
    SET(g.name, t->facts[0]);
    DEFAULT(g.name, t->key);
    TRY(import_tell(a, put_gateway(a, &g, found, &t->change), t->row, COLUMN_GATEWAY, t->key));
    t->id = g.id;
    import_count(a, SITE_IMPORT_GATEWAY, t->change);
    return ERR_OK;
}

static enum err apply_line(struct apply *a, size_t i)
{
    struct thing *t = &a->im->lines.list[i];
    struct site_line line = {.baud = 2400, .parity = 'E'};
    bool found;
    int64_t gateway_id = a->im->gateways.list[t->parent].id;
    int64_t number = strtoll(t->facts[3], NULL, 10);
    TRY(import_maybe(site_line_by_number(a->tx, gateway_id, number, &line), &found));
    line.gateway_id = gateway_id;
    line.number = number;
    SET(line.endpoint, t->facts[0]);
    if (t->facts[1])
        line.baud = strtoll(t->facts[1], NULL, 10);
    if (t->facts[2])
        line.parity = t->facts[2][0];
    if (!line.endpoint[0] && a->im->parse_error_total > 0)
        return ERR_OK; /* it may stand in a row that was not taken */
    if (!line.endpoint[0])
        return import_tell(a, ERR_CSV_REQUIRED, t->row, COLUMN_ENDPOINT, t->key);
    TRY(import_tell(a, put_line(a, &line, found, &t->change), t->row, COLUMN_LINE, t->key));
    t->id = line.id;
    a->touched[t->parent] |= t->change != SITE_SAME;
    import_count(a, SITE_IMPORT_LINE, t->change);
    return ERR_OK;
}

/* --- the walk ------------------------------------------------------------------------------- */

static enum err bump_gateway(struct apply *a, size_t i)
{
    if (import_writing(a) && a->touched[i])
        return site_gateway_config_bump(a->tx, a->im->gateways.list[i].id);
    return ERR_OK;
}

static size_t plan_count(const struct site_import *im)
{
    return im->plan_count;
}

static size_t strategy_count(const struct site_import *im)
{
    return im->strategy_count;
}

static size_t meter_count(const struct site_import *im)
{
    return im->row_count;
}

#define THING_COUNT(name)                                                                          \
    static size_t name##_count(const struct site_import *im)                                       \
    {                                                                                              \
        return im->name.count;                                                                     \
    }
THING_COUNT(project)
THING_COUNT(places)
THING_COUNT(gateways)
THING_COUNT(lines)
THING_COUNT(customers)
THING_COUNT(accounts)

static const struct {
    size_t (*count)(const struct site_import *im);
    enum err (*one)(struct apply *a, size_t i);
} steps[] = {{project_count, apply_project},     {plan_count, apply_plan},
             {strategy_count, apply_strategy},   {places_count, apply_place},
             {gateways_count, apply_gateway},    {lines_count, apply_line},
             {customers_count, import_customer}, {accounts_count, import_account},
             {meter_count, import_meter},        {gateways_count, bump_gateway}};

#define STEPS (sizeof steps / sizeof *steps)

void import_apply_end(struct site_import *im)
{
    free(im->apply.touched);
    import_things_free(&im->apply.plan_codes);
    import_things_free(&im->apply.strategy_codes);
    im->apply = (struct apply){};
}

enum err import_apply_begin(struct site_import *im, bool write, const char *actor, wall_s now)
{
    import_apply_end(im);
    im->apply = (struct apply){.im = im, .begun = true, .write = write, .actor = actor, .now = now};
    for (enum import_table t = 0; t < IMPORT_TABLES; t++)
        im->apply.ids[t].before = -1;
    im->apply.touched = calloc(im->gateways.count + 1, sizeof *im->apply.touched);
    return im->apply.touched ? ERR_OK : ERR_MEMORY;
}

enum err import_apply_some(struct site_import *im, struct store_tx *tx, int64_t items, bool *more)
{
    struct apply *a = &im->apply;
    a->tx = tx;
    while (a->step < STEPS && items > 0) {
        if (a->item == steps[a->step].count(im)) {
            a->step++;
            a->item = 0;
            continue;
        }
        TRY(steps[a->step].one(a, a->item++));
        items--;
    }
    *more = a->step < STEPS;
    im->result.project_id = a->project_id;
    return ERR_OK;
}

void import_apply_where(const struct site_import *im, int64_t *done, int64_t *total)
{
    *done = *total = 0;
    for (size_t i = 0; i < STEPS; i++) {
        int64_t count = (int64_t)steps[i].count(im);
        *total += count;
        *done += i < im->apply.step ? count : i == im->apply.step ? (int64_t)im->apply.item : 0;
    }
}
