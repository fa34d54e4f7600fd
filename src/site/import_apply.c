/*
 * From things to the store, in an order in which whatever an object belongs to comes before it.
 * With `write` off the same functions only compare. Facts that the file does not state are kept as
 * they are stored, or get their default if the object is new.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "meter/meter.h"
#include "rating/period.h"
#include "rating/rating.h"
#include "site/import_impl.h"
#include "strategy/strategy.h"

struct apply {
    struct site_import *im;
    struct store_tx *tx;
    bool write;
    wall_s now;
    int64_t project_id;
    bool *touched; /* gateways whose lines or meters changed */
};

/* After the first error nothing more is written: the rest is only looked at, to find them all, and
 * the transaction is rolled back in the end. */
static bool writing(const struct apply *a)
{
    return a->write && a->im->result.error_count == 0;
}

#define SET(field, text) set_text(field, sizeof(field), text)

/* NULL leaves the field as it is. Lengths were checked with the cells. */
static void set_text(char *field, size_t cap, const char *text)
{
    if (!text)
        return;
    size_t len = strlen(text);
    MUST(len < cap);
    memcpy(field, text, len + 1);
}

static void set_default(char *field, size_t cap, const char *text)
{
    if (!field[0])
        set_text(field, cap, text);
}

#define DEFAULT(field, text) set_default(field, sizeof(field), text)

static void count(struct apply *a, enum site_import_object object, enum site_change change)
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
           e == ERR_SITE_PLAN_UNKNOWN || e == ERR_SITE_STRATEGY_UNKNOWN || e == ERR_RATING_PLAN ||
           e == ERR_RATING_UNBILLABLE || e == ERR_STRATEGY_POLICY || e == ERR_CSV_REQUIRED;
}

static const char *column_name(const struct apply *a, enum column c)
{
    return a->im->headers[c] ? a->im->headers[c] : import_column_name(c);
}

static enum err tell(struct apply *a, enum err e, int64_t row, enum column c, const char *value)
{
    if (e == ERR_OK || !is_content(e))
        return e;
    import_error(a->im, row, column_name(a, c), e, value);
    return ERR_OK;
}

/* ERR_OK if it was found or not; `found` says which. */
static enum err maybe(enum err e, bool *found)
{
    *found = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What hangs on something that is new and not written yet would change, although ids do not say so.
 */
static enum site_change beside_new(const struct apply *a, enum site_change change, bool new)
{
    return !writing(a) && change == SITE_SAME && new ? SITE_CHANGED : change;
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
    return site_organisation_apply(a->tx, code, code, writing(a), &p->organisation_id, &change);
}

static enum err apply_project(struct apply *a)
{
    struct thing *t = &a->im->project.list[0];
    struct site_project p = {};
    bool found;
    TRY(maybe(site_project_by_code(a->tx, t->key, &p), &found));
    SET(p.code, t->key);
    SET(p.name, t->facts[0]);
    SET(p.zone, t->facts[1]);
    DEFAULT(p.name, t->key);
    DEFAULT(p.zone, "Asia/Shanghai");
    TRY(apply_organisation(a, t, &p));
    TRY(site_project_apply(a->tx, &p, writing(a), &t->change));
    a->project_id = t->id = p.id;
    count(a, SITE_IMPORT_PROJECT, t->change);
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
    const struct import_text *texts;
    size_t count;
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
    enum err e = s->apply(a->tx, a->project_id, text->code, &v, writing(a), &change);
    if (e == ERR_OK)
        count(a, s->object, change);
    if (!is_content(e))
        return e;
    import_error(a->im, 0, text->code, e, s->problem(a->im, text->body));
    return ERR_OK;
}

static enum err apply_texts(struct apply *a, const struct shelf_import *s)
{
    for (size_t i = 0; i < s->count; i++)
        TRY(apply_text(a, s, &s->texts[i]));
    return ERR_OK;
}

static enum err apply_plans(struct apply *a)
{
    struct shelf_import plans = {
        a->im->plans,     a->im->plan_count,
        site_plan_apply,  plan_problem,
        SITE_IMPORT_PLAN, "SELECT count(*) FROM price_plan WHERE project_id = $1 AND code = $2"};
    struct shelf_import strategies = {
        a->im->strategies,    a->im->strategy_count,
        site_strategy_apply,  strategy_problem,
        SITE_IMPORT_STRATEGY, "SELECT count(*) FROM strategy WHERE project_id = $1 AND code = $2"};
    TRY(apply_texts(a, &plans));
    return apply_texts(a, &strategies);
}

static bool brought(const struct import_text *texts, size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(texts[i].code, code) == 0)
            return true;
    return false;
}

/* A plan or strategy must exist in some version, or come with this import. */
static enum err check_known(struct apply *a, const struct thing *t)
{
    struct site_import *im = a->im;
    int64_t plans = 0, strategies = 0;
    const char *plan = t->facts[2], *strategy = t->facts[3];
    TRY(store_int(a->tx, &plans,
                  "SELECT count(*) FROM price_plan WHERE project_id = $1 AND code = $2", "it",
                  a->project_id, plan));
    TRY(store_int(a->tx, &strategies,
                  "SELECT count(*) FROM strategy WHERE project_id = $1 AND code = $2", "it",
                  a->project_id, strategy));
    if (plans == 0 && !brought(im->plans, im->plan_count, plan))
        import_error(im, t->row, column_name(a, COLUMN_PLAN), ERR_SITE_PLAN_UNKNOWN, plan);
    if (strategies == 0 && !brought(im->strategies, im->strategy_count, strategy))
        import_error(im, t->row, column_name(a, COLUMN_STRATEGY), ERR_SITE_STRATEGY_UNKNOWN,
                     strategy);
    return ERR_OK;
}

/* --- places, gateways, lines ---------------------------------------------------------------- */

static enum err apply_places(struct apply *a)
{
    struct things *all = &a->im->places;
    for (size_t i = 0; i < all->count; i++) {
        struct thing *t = &all->list[i];
        struct site_place p = {.project_id = a->project_id, .kind = t->place_kind};
        p.parent_id = t->parent < 0 ? 0 : all->list[t->parent].id;
        SET(p.code, t->key);
        SET(p.name, t->facts[0]);
        TRY(site_place_apply(a->tx, &p, writing(a), &t->change));
        t->id = p.id;
        count(a, SITE_IMPORT_PLACE, t->change);
    }
    return ERR_OK;
}

static enum err apply_gateways(struct apply *a)
{
    struct things *all = &a->im->gateways;
    for (size_t i = 0; i < all->count; i++) {
        struct thing *t = &all->list[i];
        struct site_gateway g = {};
        bool found;
        TRY(maybe(site_gateway_by_serial(a->tx, t->key, &g), &found));
        g.project_id = a->project_id;
        SET(g.serial, t->key);
        SET(g.name, t->facts[0]);
        DEFAULT(g.name, t->key);
        TRY(tell(a, site_gateway_apply(a->tx, &g, writing(a), &t->change), t->row, COLUMN_GATEWAY,
                 t->key));
        t->id = g.id;
        count(a, SITE_IMPORT_GATEWAY, t->change);
    }
    return ERR_OK;
}

static enum err apply_line(struct apply *a, struct thing *t)
{
    struct site_line line = {.baud = 2400, .parity = 'E'};
    bool found;
    int64_t gateway_id = a->im->gateways.list[t->parent].id;
    int64_t number = strtoll(t->facts[3], NULL, 10);
    TRY(maybe(site_line_by_number(a->tx, gateway_id, number, &line), &found));
    line.gateway_id = gateway_id;
    line.number = number;
    SET(line.endpoint, t->facts[0]);
    if (t->facts[1])
        line.baud = strtoll(t->facts[1], NULL, 10);
    if (t->facts[2])
        line.parity = t->facts[2][0];
    if (!line.endpoint[0])
        return tell(a, ERR_CSV_REQUIRED, t->row, COLUMN_ENDPOINT, t->key);
    TRY(tell(a, site_line_apply(a->tx, &line, writing(a), &t->change), t->row, COLUMN_LINE,
             t->key));
    t->id = line.id;
    a->touched[t->parent] |= t->change != SITE_SAME;
    count(a, SITE_IMPORT_LINE, t->change);
    return ERR_OK;
}

static enum err apply_lines(struct apply *a)
{
    for (size_t i = 0; i < a->im->lines.count; i++)
        TRY(apply_line(a, &a->im->lines.list[i]));
    return ERR_OK;
}

/* --- customers, accounts, meters ------------------------------------------------------------ */

static enum err apply_customers(struct apply *a)
{
    struct things *all = &a->im->customers;
    for (size_t i = 0; i < all->count; i++) {
        struct thing *t = &all->list[i];
        struct site_customer c = {};
        bool found;
        TRY(maybe(site_customer_by_code(a->tx, a->project_id, t->key, &c), &found));
        c.project_id = a->project_id;
        SET(c.code, t->key);
        SET(c.name, t->facts[0]);
        SET(c.phone, t->facts[1]);
        DEFAULT(c.name, t->key);
        TRY(tell(a, site_customer_apply(a->tx, &c, writing(a), &t->change), t->row, COLUMN_CUSTOMER,
                 t->key));
        t->id = c.id;
        count(a, SITE_IMPORT_CUSTOMER, t->change);
    }
    return ERR_OK;
}

/* Noon UTC of the day: the same day in every zone from UTC-12 to UTC+11. */
static wall_s day_of(const char *date)
{
    struct civil c = {.year = (int32_t)strtol(date, NULL, 10),
                      .month = (uint8_t)strtol(date + 5, NULL, 10),
                      .day = (uint8_t)strtol(date + 8, NULL, 10),
                      .hour = 12};
    return civil_to_wall(c, 0);
}

/* What the file says of the terms, over those that hold. */
static enum err take_terms(struct apply *a, const struct thing *t, int64_t account_id,
                           struct site_terms *terms)
{
    TRY(site_terms_at(a->tx, account_id, a->now, terms));
    if (t->facts[5])
        terms->persons = strtol(t->facts[5], NULL, 10);
    if (t->facts[6])
        MUST(import_milli(t->facts[6], &terms->area_milli_m2));
    if (t->facts[7])
        MUST(import_milli(t->facts[7], &terms->capacity_milli_kva));
    if (t->facts[8])
        MUST(import_milli(t->facts[8], &terms->contracted_milli_kw));
    if (t->facts[9])
        terms->opened_day = civil_local_day(day_of(t->facts[9]), 0);
    SET(terms->ladder_group, t->facts[10]);
    return ERR_OK;
}

static bool same_terms(const struct site_terms *a, const struct site_terms *b)
{
    return a->persons == b->persons && a->area_milli_m2 == b->area_milli_m2 &&
           a->capacity_milli_kva == b->capacity_milli_kva &&
           a->contracted_milli_kw == b->contracted_milli_kw && a->opened_day == b->opened_day &&
           strcmp(a->ladder_group, b->ladder_group) == 0;
}

/* The first terms of an account hold from its beginning, later ones from now on. */
static enum err apply_terms(struct apply *a, struct thing *t, int64_t account_id)
{
    struct site_terms old, new;
    int64_t any;
    TRY(site_terms_at(a->tx, account_id, a->now, &old));
    TRY(take_terms(a, t, account_id, &new));
    if (same_terms(&old, &new))
        return ERR_OK;
    t->change = t->change == SITE_SAME ? SITE_CHANGED : t->change;
    if (!writing(a))
        return ERR_OK;
    TRY(store_int(a->tx, &any, "SELECT count(*) FROM account_term WHERE account_id = $1", "i",
                  account_id));
    new.from.s = any ? a->now.s : 0;
    return tell(a, site_terms_put(a->tx, account_id, &new, "import", a->now), t->row,
                COLUMN_PERSONS, t->facts[5]);
}

static enum err apply_account(struct apply *a, struct thing *t)
{
    struct site_account acc = {.opened_at = a->now};
    const struct thing *place = &a->im->places.list[t->place];
    bool found;
    TRY(check_known(a, t));
    TRY(maybe(site_account_by_code(a->tx, a->project_id, t->key, &acc), &found));
    acc.project_id = a->project_id;
    acc.place_id = place->id;
    if (t->customer >= 0)
        acc.customer_id = a->im->customers.list[t->customer].id;
    SET(acc.code, t->key);
    SET(acc.name, t->facts[0]);
    DEFAULT(acc.name, place->facts[0]);
    acc.wallet = strcmp(t->facts[1], "meter") == 0 ? SITE_WALLET_METER : SITE_WALLET_PLATFORM;
    SET(acc.plan_code, t->facts[2]);
    SET(acc.strategy_code, t->facts[3]);
    if (t->facts[4])
        acc.contract_at = day_of(t->facts[4]);
    TRY(tell(a, site_account_apply(a->tx, &acc, writing(a), &t->change), t->row, COLUMN_WALLET,
             t->facts[1]));
    t->change =
        beside_new(a, t->change,
                   place->change == SITE_NEW ||
                       (t->customer >= 0 && a->im->customers.list[t->customer].change == SITE_NEW));
    t->id = acc.id;
    TRY(apply_terms(a, t, acc.id));
    count(a, SITE_IMPORT_ACCOUNT, t->change);
    return ERR_OK;
}

static enum err apply_accounts(struct apply *a)
{
    for (size_t i = 0; i < a->im->accounts.count; i++)
        TRY(apply_account(a, &a->im->accounts.list[i]));
    return ERR_OK;
}

static const char *cell(const struct import_row *r, enum column c)
{
    return r->cells[c][0] ? r->cells[c] : NULL;
}

static enum site_meter_kind kind_of(const char *name)
{
    enum site_meter_kind kind = SITE_ELECTRICITY;
    while (kind < SITE_GAS && strcmp(site_meter_kind_name(kind), name) != 0)
        kind++;
    return kind;
}

/* What the row leaves open: the model's own number of circuits, as long as the model stays. */
static void fill_meter(const struct import_row *r, struct site_meter *m)
{
    const struct meter_model *model = meter_model_find(r->cells[COLUMN_MODEL]);
    bool other_model = strcmp(m->model, model->name) != 0;
    SET(m->model, model->name);
    if (cell(r, COLUMN_KIND))
        m->kind = kind_of(r->cells[COLUMN_KIND]);
    if (cell(r, COLUMN_CIRCUITS))
        m->circuits = strtoll(r->cells[COLUMN_CIRCUITS], NULL, 10);
    else if (other_model)
        m->circuits = model->circuits;
    SET(m->customer_number, cell(r, COLUMN_CUSTOMER_NUMBER));
    DEFAULT(m->customer_number, "000000000000");
}

static enum site_change stronger(enum site_change a, enum site_change b)
{
    return a == SITE_NEW || b == SITE_NEW ? SITE_NEW : a == SITE_CHANGED ? a : b;
}

/* A row is new if its meter is; else changed if anything that it describes is. */
static enum site_change change_of_row(const struct apply *a, const struct import_row *r,
                                      enum site_change meter)
{
    const struct site_import *im = a->im;
    enum site_change around =
        stronger(im->places.list[r->place].change,
                 stronger(im->gateways.list[r->gateway].change, im->lines.list[r->line].change));
    if (r->account >= 0)
        around = stronger(around, im->accounts.list[r->account].change);
    if (r->customer >= 0)
        around = stronger(around, im->customers.list[r->customer].change);
    around = stronger(around, im->project.list[0].change);
    return meter == SITE_NEW                              ? SITE_NEW
           : meter == SITE_CHANGED || around != SITE_SAME ? SITE_CHANGED
                                                          : SITE_SAME;
}

static enum err apply_meter(struct apply *a, struct import_row *r)
{
    struct site_meter m = {};
    enum site_change change = SITE_SAME;
    bool found;
    int64_t line_id = a->im->lines.list[r->line].id;
    TRY(maybe(site_meter_by_address(a->tx, line_id, r->cells[COLUMN_ADDRESS], &m), &found));
    m.project_id = a->project_id;
    m.line_id = line_id;
    m.place_id = a->im->places.list[r->place].id;
    m.account_id = r->account < 0 ? m.account_id : a->im->accounts.list[r->account].id;
    SET(m.address, r->cells[COLUMN_ADDRESS]);
    fill_meter(r, &m);
    TRY(tell(a, site_meter_apply(a->tx, &m, writing(a), &change), r->row, COLUMN_ACCOUNT,
             r->cells[COLUMN_ACCOUNT]));
    change =
        beside_new(a, change,
                   a->im->places.list[r->place].change == SITE_NEW ||
                       (r->account >= 0 && a->im->accounts.list[r->account].change == SITE_NEW));
    r->change = change_of_row(a, r, change);
    a->touched[r->gateway] |= change != SITE_SAME;
    count(a, SITE_IMPORT_METER, change);
    a->im->result.rows_by_change[r->change]++;
    return ERR_OK;
}

static enum err apply_meters(struct apply *a)
{
    for (size_t i = 0; i < a->im->row_count; i++)
        TRY(apply_meter(a, &a->im->rows[i]));
    return ERR_OK;
}

static enum err bump_gateways(struct apply *a)
{
    for (size_t i = 0; i < a->im->gateways.count; i++)
        if (writing(a) && a->touched[i])
            TRY(site_gateway_config_bump(a->tx, a->im->gateways.list[i].id));
    return ERR_OK;
}

enum err import_apply(struct site_import *im, struct store_tx *tx, bool write, wall_s now)
{
    typedef enum err step(struct apply * a);
    static step *const steps[] = {apply_project,  apply_plans,  apply_places,
                                  apply_gateways, apply_lines,  apply_customers,
                                  apply_accounts, apply_meters, bump_gateways};
    struct apply a = {.im = im, .tx = tx, .write = write, .now = now};
    enum err e = ERR_OK;
    a.touched = calloc(im->gateways.count + 1, sizeof *a.touched);
    if (!a.touched)
        return ERR_MEMORY;
    for (size_t i = 0; e == ERR_OK && i < sizeof steps / sizeof *steps; i++)
        e = steps[i](&a);
    im->result.project_id = a.project_id;
    free(a.touched);
    return e;
}
