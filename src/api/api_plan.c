/* Price plans: list, texts, check, a trial of typed-in usage, save. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_version.h"
#include "billing/billing.h"
#include "rating/period.h"
#include "rating/rating.h"
#include "rating/statement.h"

static enum err parse_plan(const char *text, struct rating_plan *plan, struct version_fault *fault)
{
    struct rating_problem p;
    enum err e = rating_plan_parse(text, strlen(text), plan, &p);
    if (e == ERR_OK)
        return ERR_OK;
    fault->code = rating_reason_name(p.reason);
    fault->zh = rating_reason_zh(p.reason);
    fault->en = rating_reason_en(p.reason);
    snprintf(fault->place, sizeof fault->place, "%s", p.place);
    return e;
}

static enum err parse(const char *text, struct version_fault *fault)
{
    struct rating_plan plan;
    return parse_plan(text, &plan, fault);
}

static void put_summary(struct jwrite *w, const char *body)
{
    struct rating_plan plan = {};
    bool known = rating_plan_parse(body, strlen(body), &plan, NULL) == ERR_OK;
    version_put_names(w, body);
    jwrite_text(w, "kind", known ? rating_kind_name(plan.kind) : NULL);
    jwrite_text(w, "unit", known ? rating_unit_name(plan.unit) : NULL);
}

static const struct version_shelf shelf = {
    .list = "plans",
    .action = "plan.save",
    .object = "plan",
    .event = EVENT_PLAN_CHANGED,
    .each = site_plans,
    .put = site_plan_put,
    .parse = parse,
    .put_summary = put_summary,
    .users = "SELECT count(DISTINCT account.id), count(meter.id) FROM account "
             "LEFT JOIN meter ON meter.account_id = account.id "
             "WHERE account.project_id = $1 AND account.plan_code = $2 "
             "AND account.closed_at IS NULL",
};

enum err api_plans(struct call *c)
{
    return version_list(c, &shelf);
}

enum err api_plan_texts(struct call *c)
{
    return version_texts(c, &shelf);
}

enum err api_plan_save(struct call *c)
{
    TRY(version_save(c, &shelf));
    return api_grounds_changed(c, c->project_id);
}

/* ---- the check ---- */

#define WARNINGS_MAX 32
#define WARN_AHEAD_DAYS 400 /* next year's calendar is announced in its November */

static void put_warnings(struct call *c, const struct rating_plan *plan)
{
    struct rating_problem list[WARNINGS_MAX];
    int32_t today = (int32_t)(c->now.s / 86'400);
    size_t n = rating_plan_warnings(plan, NULL, today, today + WARN_AHEAD_DAYS, list, WARNINGS_MAX);
    for (size_t i = 0; i < n && i < WARNINGS_MAX; i++) {
        jwrite_object(&c->out, NULL);
        jwrite_text(&c->out, "code", rating_reason_name(list[i].reason));
        jwrite_text(&c->out, "place", list[i].place);
        jwrite_text(&c->out, "zh", rating_reason_zh(list[i].reason));
        jwrite_text(&c->out, "en", rating_reason_en(list[i].reason));
        jwrite_end(&c->out);
    }
}

enum err api_plan_check(struct call *c)
{
    const char *text = "";
    struct rating_plan plan;
    struct version_fault fault = {};
    TRY(api_fields(c, (struct api_field[]){{"text", API_FIELD_TEXT, 1, SITE_BODY_MAX, &text}, {}}));
    enum err e = parse_plan(text, &plan, &fault);
    version_put_check(&c->out, text, &fault);
    jwrite_bool(&c->out, "billable", e == ERR_OK && rating_plan_settles(&plan) == ERR_OK);
    jwrite_array(&c->out, "warnings");
    if (e == ERR_OK)
        put_warnings(c, &plan);
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    api_finish(c, ERR_OK);
    return ERR_OK;
}

/* ---- a trial: one stretch of usage, typed in ---- */

struct trial {
    struct rating_plan plan;
    struct rating_used used;
    struct rating_request request;
    struct rating_statement statement;
    int64_t from_s, to_s; /* both 0: the usage is not dated */
    int32_t offset_s;
    struct rating_bill bill;
};

#define TRIAL_WH_MAX INT64_C(1'000'000'000'000)

/* A member that may be left out. */
static enum err take(struct call *c, const char *name, int64_t max, int64_t *out)
{
    const json_t *v = json_object_get(json_object_get(c->body, "usage"), name);
    *out = 0;
    if (!v)
        return ERR_OK;
    *out = json_integer_value(v);
    if (!json_is_integer(v) || *out < 0 || *out > max)
        return api_bad(c, name, ERR_API_FIELD, "a whole number in its range is expected");
    return ERR_OK;
}

static enum err take_used(struct call *c, struct rating_used *used)
{
    char name[32];
    TRY(take(c, "total_wh", TRIAL_WH_MAX, &used->total_wh));
    for (unsigned i = 0; i < RATING_RATES; i++) {
        snprintf(name, sizeof name, "%s_wh", rating_rate_name((enum rating_rate)i));
        TRY(take(c, name, TRIAL_WH_MAX, &used->rate_wh[i]));
    }
    return ERR_OK;
}

/* What the rules of a bill are counted in. */
static enum err take_terms(struct call *c, struct rating_request *r)
{
    int64_t recharges;
    TRY(take(c, "capacity_milli_kva", TRIAL_WH_MAX, &r->capacity_milli_kva));
    TRY(take(c, "demand_milli_kw", TRIAL_WH_MAX, &r->demand_milli_kw));
    TRY(take(c, "contracted_milli_kw", TRIAL_WH_MAX, &r->contracted_milli_kw));
    TRY(take(c, "first_recharges", 120, &recharges));
    TRY(take(c, "reactive_wh", TRIAL_WH_MAX, &r->reactive_wh));
    r->first_recharges = (uint16_t)recharges;
    r->reactive_known = json_object_get(json_object_get(c->body, "usage"), "reactive_wh");
    return ERR_OK;
}

static enum err take_request(struct call *c, struct rating_request *r)
{
    int64_t persons, month, days, months, area;
    TRY(take(c, "used_before_wh", TRIAL_WH_MAX, &r->used_before_wh));
    TRY(take(c, "persons", RATING_PERSONS_MAX, &persons));
    TRY(take(c, "month", 12, &month));
    TRY(take(c, "days", 3660, &days));
    TRY(take(c, "months", 120, &months));
    TRY(take(c, "area_milli_m2", UINT32_MAX, &area));
    r->persons = (uint16_t)persons;
    r->month = (uint8_t)month;
    r->days = (uint16_t)days;
    r->months = (uint16_t)months;
    r->area_milli_m2 = (uint32_t)area;
    return take_terms(c, r);
}

/* `season_fen`: what a heating season had come to. */
static void put_item(struct jwrite *w, const struct rating_item *t, int64_t season_fen)
{
    char price[RATING_PRICE_TEXT_MAX];
    rating_price_print(t->price_e8, price);
    jwrite_object(w, NULL);
    jwrite_text(w, "kind", rating_item_name(t->kind));
    jwrite_text(w, "rate", rating_rate_name(t->rate));
    if (t->code)
        jwrite_text(w, "code", t->code);
    if (t->step >= 0)
        jwrite_int(w, "step", t->step + 1);
    if (t->kind == RATING_ITEM_FACTOR) {
        rating_price_print(t->price_e8 * RATING_PERCENT_PER_FACTOR_PRICE, price);
        jwrite_int(w, "of_fen", t->quantity_wh);
        jwrite_text(w, "percent", price);
    }
    if (t->kind == RATING_ITEM_SEASON)
        jwrite_int(w, "of_fen", season_fen);
    jwrite_int(w, "quantity_wh", t->kind == RATING_ITEM_FACTOR ? 0 : t->quantity_wh);
    jwrite_text(w, "price", t->kind == RATING_ITEM_FACTOR ? "0" : price);
    jwrite_text(w, "rounding", rating_rounding_name(t->rounding));
    jwrite_int(w, "carry_in", t->carry_in);
    jwrite_int(w, "carry_out", t->carry_out);
    jwrite_int(w, "amount_fen", t->amount_fen);
    jwrite_end(w);
}

static void put_statement(struct jwrite *w, const struct rating_statement *s)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "amount_fen", s->amount_fen);
    jwrite_int(w, "energy_wh", s->energy_wh);
    jwrite_array(w, "lines");
    for (size_t i = 0; i < s->item_count; i++)
        put_item(w, &s->items[i], 0);
    jwrite_end(w);
    jwrite_end(w);
}

static void put_bill(struct jwrite *w, const struct rating_bill *b)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "amount_fen", b->amount_fen);
    jwrite_int(w, "energy_wh", b->energy_wh);
    jwrite_array(w, "lines");
    for (size_t i = 0; i < b->line_count; i++) {
        const struct rating_line *l = &b->lines[i];
        put_item(w,
                 &(struct rating_item){.kind = l->kind,
                                       .rate = l->rate,
                                       .step = l->step,
                                       .code = l->code[0] ? l->code : NULL,
                                       .rounding = l->rounding,
                                       .quantity_wh = l->quantity_wh,
                                       .price_e8 = l->price_e8,
                                       .carry_in = l->carry_in,
                                       .carry_out = l->carry_out,
                                       .amount_fen = l->amount_fen},
                 l->from_wh);
    }
    jwrite_end(w);
    jwrite_end(w);
}

/* One row from the first moment to the last, on an account that was there before: the fees of the
 * days and months that begin in it, and of the first day and month if it begins with them. */
static enum err rate_dated(struct trial *t)
{
    const struct rating_request *r = &t->request;
    struct rating_row row = {.from = {t->from_s},
                             .to = {t->to_s},
                             .used = t->used,
                             .reactive_wh = r->reactive_wh,
                             .has_rates = true};
    struct rating_case one = {.opened_at = row.from,
                              .reading_at = row.to,
                              .closed_at = row.to,
                              .offset_s = t->offset_s,
                              .rows = &row,
                              .row_count = 1,
                              .persons = r->persons,
                              .area_milli_m2 = r->area_milli_m2,
                              .capacity_milli_kva = r->capacity_milli_kva,
                              .contracted_milli_kw = r->contracted_milli_kw,
                              .demand_milli_kw = r->demand_milli_kw,
                              .first_recharges = r->first_recharges,
                              .reactive_known = r->reactive_known};
    int32_t offset_s = t->plan.has_zone ? t->plan.zone_offset_s : t->offset_s;
    int32_t before = civil_local_day((wall_s){t->from_s - 1}, offset_s);
    struct civil day = civil_from_days(before);
    struct rating_position position = rating_position_of(before, day.year * 12 + day.month - 1, 0);
    position.used_wh = r->used_before_wh;
    if (t->plan.ladder.step_count > 0)
        position.cycle_day =
            rating_cycle_start(&t->plan.ladder, civil_local_day(row.from, offset_s));
    return rating_period(&t->plan, &one, &position, &t->bill);
}

struct zone_wish {
    const struct call *c;
    int32_t offset_s;
};

static enum err read_offset(struct store_tx *tx, void *arg)
{
    struct zone_wish *z = arg;
    return billing_project_offset(tx, z->c->project_id, z->c->now, &z->offset_s);
}

static enum err take_dates(struct call *c, struct trial *t)
{
    struct zone_wish zone = {.c = c};
    TRY(take(c, "from_s", INT64_C(253402300799), &t->from_s));
    TRY(take(c, "to_s", INT64_C(253402300799), &t->to_s));
    if (t->to_s == 0 && t->from_s == 0)
        return ERR_OK;
    if (t->to_s <= t->from_s)
        return api_bad(c, "to_s", ERR_API_FIELD, "the end is not after the beginning");
    TRY(store_read(c->api->options.ledger, read_offset, &zone));
    t->offset_s = zone.offset_s;
    return ERR_OK;
}

static enum err try_plan(struct call *c, struct trial *t)
{
    struct version_fault fault = {};
    const json_t *text = json_object_get(c->body, "text");
    if (!json_is_string(text) || json_object_size(c->body) != 2 ||
        !json_is_object(json_object_get(c->body, "usage")))
        return api_bad(c, "text", ERR_API_FIELD, "a text and a usage are expected");
    TRY(take_used(c, &t->used));
    TRY(take_request(c, &t->request));
    TRY(take_dates(c, t));
    enum err e = parse_plan(json_string_value(text), &t->plan, &fault);
    if (e != ERR_OK)
        return version_refuse(c, json_string_value(text), &fault, e);
    t->request.rows = &t->used;
    t->request.row_count = 1;
    TRY(t->to_s > 0 ? rate_dated(t) : rating_state(&t->plan, &t->request, &t->statement));
    if (t->to_s > 0)
        put_bill(&c->out, &t->bill);
    else
        put_statement(&c->out, &t->statement);
    api_finish(c, ERR_OK);
    return ERR_OK;
}

enum err api_plan_trial(struct call *c)
{
    struct trial *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_MEMORY;
    enum err e = try_plan(c, t);
    free(t);
    return e;
}
