/* Customers, accounts with their terms, meters: the many things of a file. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "meter/meter_model.h"
#include "rating/rating.h"
#include "site/import_impl.h"

IMPORT_PUT(customer, IMPORT_CUSTOMER)
IMPORT_PUT(account, IMPORT_ACCOUNT)
IMPORT_PUT(meter, IMPORT_METER)

/* --- customers ------------------------------------------------------------------------------ */

enum err import_customer(struct apply *a, size_t i)
{
    struct thing *t = &a->im->customers.list[i];
    struct site_customer c = {};
    bool found;
    TRY(import_maybe(site_customer_by_code(a->tx, a->project_id, t->key, &c), &found));
    c.project_id = a->project_id;
    SET(c.code, t->key);
    SET(c.name, t->facts[0]);
    SET(c.phone, t->facts[1]);
    DEFAULT(c.name, t->key);
    TRY(import_tell(a, put_customer(a, &c, found, &t->change), t->row, COLUMN_CUSTOMER, t->key));
    t->id = c.id;
    import_count(a, SITE_IMPORT_CUSTOMER, t->change);
    return ERR_OK;
}

/* --- plans and strategies that accounts name ------------------------------------------------- */

/* The last one: it becomes the newest version. */
static const char *brought(const struct import_text *texts, size_t n, const char *code)
{
    while (n > 0)
        if (strcmp(texts[--n].code, code) == 0)
            return texts[n].body;
    return NULL;
}

/* Asked once a code: a file names few of them, in many rows. */
static struct thing *asked(struct things *codes, const char *code)
{
    int32_t i = import_thing(codes, code, 0); /* may move the list */
    return &codes->list[i];
}

/* A text of this import that is no plan is told of where it is put. */
static enum err unit_of(const struct apply *a, const char *code, enum rating_unit *unit)
{
    struct rating_plan plan = {.unit = RATING_KWH};
    const char *body = brought(a->im->plans, a->im->plan_count, code);
    if (!body)
        return site_plan_unit(a->tx, a->project_id, code, unit);
    (void)rating_plan_parse(body, strlen(body), &plan, NULL);
    *unit = plan.unit;
    return ERR_OK;
}

static enum err plan_known(struct apply *a, const char *code, int64_t *known)
{
    struct thing *t = asked(&a->plan_codes, code);
    if (t->id == IMPORT_NOT_ASKED) {
        enum rating_unit unit = RATING_KWH;
        enum err e = unit_of(a, code, &unit);
        if (e != ERR_OK && e != ERR_SITE_PLAN_UNKNOWN)
            return e;
        t->id = e == ERR_OK ? IMPORT_KNOWN + (int64_t)unit : IMPORT_UNKNOWN;
    }
    *known = t->id;
    return ERR_OK;
}

static enum err strategy_known(struct apply *a, const char *code, int64_t *known)
{
    struct thing *t = asked(&a->strategy_codes, code);
    if (t->id == IMPORT_NOT_ASKED) {
        int64_t begins_s;
        bool brings = brought(a->im->strategies, a->im->strategy_count, code) != NULL;
        TRY(store_int(a->tx, &begins_s,
                      "SELECT coalesce(min(effective_at), -1) FROM strategy "
                      "WHERE project_id = $1 AND code = $2",
                      "it", a->project_id, code));
        bool later =
            begins_s > a->now.s && a->now.s != 0 && !(brings && a->im->effective_at.s <= a->now.s);
        t->id = begins_s < 0 && !brings ? IMPORT_UNKNOWN : later ? IMPORT_LATER : IMPORT_KNOWN;
    }
    *known = t->id;
    return ERR_OK;
}

/* A plan or strategy must exist in some version, or come with this import. */
static enum err check_known(struct apply *a, const struct thing *t)
{
    struct site_import *im = a->im;
    const char *plan = t->facts[2], *strategy = t->facts[3];
    int64_t known;
    TRY(plan_known(a, plan, &known));
    if (known == IMPORT_UNKNOWN)
        import_error(im, t->row, import_header(im, COLUMN_PLAN), ERR_SITE_PLAN_UNKNOWN, plan);
    TRY(strategy_known(a, strategy, &known));
    if (known == IMPORT_UNKNOWN)
        import_error(im, t->row, import_header(im, COLUMN_STRATEGY), ERR_SITE_STRATEGY_UNKNOWN,
                     strategy);
    return ERR_OK;
}

/* What is off comes back by the strategy that is in force: an account that is there already must
 * not be without one, as it must not be under a baseline that begins later. */
static enum err check_in_force(struct apply *a, const struct thing *t,
                               const struct site_account *stored)
{
    int64_t known;
    TRY(strategy_known(a, t->facts[3], &known));
    bool other = strcmp(stored->strategy_code, t->facts[3]) != 0;
    if (known == IMPORT_LATER && other && stored->closed_at.s == 0)
        import_error(a->im, t->row, import_header(a->im, COLUMN_STRATEGY),
                     ERR_SITE_STRATEGY_UNKNOWN, t->facts[3]);
    return ERR_OK;
}

/* --- accounts ------------------------------------------------------------------------------- */

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
static void take_terms(const struct thing *t, struct site_terms *terms)
{
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
    struct site_terms old = {}, new;
    int64_t any = 0;
    if (t->change != SITE_NEW)
        TRY(site_terms_at(a->tx, account_id, a->now, &old));
    new = old;
    take_terms(t, &new);
    if (same_terms(&old, &new))
        return ERR_OK;
    t->change = t->change == SITE_SAME ? SITE_CHANGED : t->change;
    if (!import_writing(a))
        return ERR_OK;
    if (t->change != SITE_NEW)
        TRY(store_int(a->tx, &any, "SELECT count(*) FROM account_term WHERE account_id = $1", "i",
                      account_id));
    new.from.s = any ? a->now.s : 0;
    TRY(import_tell(a, site_terms_put(a->tx, account_id, &new, "import", a->now), t->row,
                    COLUMN_PERSONS, t->facts[5]));
    return t->change == SITE_NEW ? ERR_OK : import_log_term(a, account_id, new.from);
}

struct fitting {
    int64_t known;
    bool fits;
};

static enum err is_charged_in(void *arg, const struct site_meter *m)
{
    struct fitting *f = arg;
    f->fits = f->fits && f->known == IMPORT_KNOWN + (int64_t)site_meter_unit(m->kind, m->model);
    return ERR_OK;
}

/* What site_account_apply says when it writes: the meters that the account has, in the file or not,
 * are charged in the unit of its plan. A comparison has not stored the plan that comes with it. */
static enum err check_brought_unit(struct apply *a, const struct thing *t, int64_t account_id)
{
    struct fitting f = {.fits = true};
    if (import_writing(a) || t->change != SITE_CHANGED ||
        !brought(a->im->plans, a->im->plan_count, t->facts[2]))
        return ERR_OK;
    TRY(plan_known(a, t->facts[2], &f.known));
    if (f.known == IMPORT_UNKNOWN)
        return ERR_OK;
    TRY(site_meters_of_account(a->tx, account_id, is_charged_in, &f));
    return f.fits ? ERR_OK : ERR_SITE_PLAN_UNIT;
}

enum err import_account(struct apply *a, size_t i)
{
    struct thing *t = &a->im->accounts.list[i];
    struct site_account acc = {.opened_at = a->now};
    const struct thing *place = &a->im->places.list[t->place];
    bool found;
    if (!t->facts[1] || !t->facts[2] || !t->facts[3])
        return ERR_OK; /* told as missing */
    TRY(check_known(a, t));
    TRY(import_maybe(site_account_by_code(a->tx, a->project_id, t->key, &acc), &found));
    if (found)
        TRY(check_in_force(a, t, &acc));
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
    enum err e = put_account(a, &acc, found, &t->change);
    if (e == ERR_OK)
        e = check_brought_unit(a, t, acc.id);
    bool of_plan = e == ERR_SITE_PLAN_UNIT;
    TRY(import_tell(a, e, t->row, of_plan ? COLUMN_PLAN : COLUMN_WALLET,
                    t->facts[of_plan ? 2 : 1]));
    t->change = import_beside_new(
        a, t->change,
        place->change == SITE_NEW ||
            (t->customer >= 0 && a->im->customers.list[t->customer].change == SITE_NEW));
    t->id = acc.id;
    TRY(apply_terms(a, t, acc.id));
    import_count(a, SITE_IMPORT_ACCOUNT, t->change);
    return ERR_OK;
}

/* --- meters ---------------------------------------------------------------------------------- */

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
    else if (other_model)
        m->kind = kind_of(meter_kind_name(model->kind));
    if (cell(r, COLUMN_CIRCUITS))
        m->circuits = strtoll(r->cells[COLUMN_CIRCUITS], NULL, 10);
    else if (other_model)
        m->circuits = model->circuits;
    SET(m->customer_number, cell(r, COLUMN_CUSTOMER_NUMBER));
    DEFAULT(m->customer_number, "000000000000");
}

/* By the account of its row, else by the one it has. */
static enum err check_unit(struct apply *a, const struct import_row *r, const struct site_meter *m)
{
    int64_t known;
    struct site_account stored = {};
    const char *plan = r->account < 0 ? NULL : a->im->accounts.list[r->account].facts[2];
    if (r->account < 0 && m->account_id != 0) {
        TRY(site_account_get(a->tx, m->account_id, &stored));
        plan = stored.plan_code;
    }
    if (!plan)
        return ERR_OK;
    TRY(plan_known(a, plan, &known));
    if (known != IMPORT_UNKNOWN &&
        known != IMPORT_KNOWN + (int64_t)site_meter_unit(m->kind, m->model))
        import_error(a->im, r->row, import_header(a->im, COLUMN_PLAN), ERR_SITE_PLAN_UNIT, plan);
    return ERR_OK;
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

enum err import_meter(struct apply *a, size_t i)
{
    struct import_row *r = &a->im->rows[i];
    struct site_meter m = {};
    enum site_change change = SITE_SAME;
    bool found;
    if (r->faulty)
        return ERR_OK;
    int64_t line_id = a->im->lines.list[r->line].id;
    TRY(import_maybe(site_meter_by_address(a->tx, line_id, r->cells[COLUMN_ADDRESS], &m), &found));
    m.project_id = a->project_id;
    m.line_id = line_id;
    m.place_id = a->im->places.list[r->place].id;
    m.account_id = r->account < 0 ? m.account_id : a->im->accounts.list[r->account].id;
    SET(m.address, r->cells[COLUMN_ADDRESS]);
    fill_meter(r, &m);
    TRY(check_unit(a, r, &m));
    TRY(import_tell(a, put_meter(a, &m, found, &change), r->row, COLUMN_ACCOUNT,
                    r->cells[COLUMN_ACCOUNT]));
    change = import_beside_new(
        a, change,
        a->im->places.list[r->place].change == SITE_NEW ||
            (r->account >= 0 && a->im->accounts.list[r->account].change == SITE_NEW));
    r->change = change_of_row(a, r, change);
    a->touched[r->gateway] |= change != SITE_SAME;
    import_count(a, SITE_IMPORT_METER, change);
    if (!r->wrong)
        a->im->result.rows_by_change[r->change]++;
    return ERR_OK;
}
