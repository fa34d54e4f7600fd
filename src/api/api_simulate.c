/*
 * What a price plan would have made of the months that an account has behind it: the settled bills
 * against the same usage under the plan on the screen. Nothing is written.
 *
 * The usage is that of the bills, a dated row a day, with its rates where the bills have them; a
 * plan that takes its rates from intervals shares each day out by time. The account's own terms
 * hold, unless the wish says others. What one month leaves behind the next goes on with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_version.h"
#include "billing/billing.h"
#include "rating/period.h"

#define MONTHS_MAX 36
#define ROWS_MAX 31     /* days of a month */
#define CYCLE_MONTHS 24 /* how far back the ladder's position is looked for */

struct simulation {
    struct call *c;
    struct rating_plan plan;
    int64_t account_id, persons, area;
    int32_t offset_s;
    int32_t first_month; /* year * 12 + month - 1: earlier ones move the ladder only */
    struct site_terms terms;
    struct rating_row rows[ROWS_MAX];
    size_t row_count;
    int32_t month; /* of these rows; 0: none yet */
    int64_t settled_fen, energy_wh, last_day;
    struct rating_position position;
    int64_t settled_sum_fen, new_sum_fen;
    bool complete;
    struct rating_bill bill;
};

static int32_t month_of(int64_t day)
{
    struct civil d = civil_from_days((int32_t)day);
    return d.year * 12 + d.month - 1;
}

/* ---- one month ---- */

/* Fees are those of the days that were settled, and of their month. */
static enum err rate_month(struct simulation *s)
{
    wall_s from = s->rows[0].from, to = s->rows[s->row_count - 1].to;
    int64_t persons = s->persons > 0 ? s->persons : s->terms.persons;
    int64_t area = s->area > 0 ? s->area : s->terms.area_milli_m2;
    struct rating_case one = {.opened_at = from,
                              .reading_at = to,
                              .closed_at = to,
                              .offset_s = s->offset_s,
                              .rows = s->rows,
                              .row_count = s->row_count,
                              .persons = (uint16_t)persons,
                              .opened_day = s->terms.opened_day,
                              .area_milli_m2 = (uint32_t)area,
                              .capacity_milli_kva = s->terms.capacity_milli_kva,
                              .contracted_milli_kw = s->terms.contracted_milli_kw};
    if (!s->position.begun)
        s->position = rating_position_of(0, 0, 0);
    s->position.paid.day = civil_local_day(from, s->offset_s) - 1;
    s->position.paid.month = s->month - 1;
    s->position.shared.paid = s->position.paid;
    return rating_period(&s->plan, &one, &s->position, &s->bill);
}

static void put_month(struct simulation *s, enum err e)
{
    struct jwrite *w = &s->c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "month", s->month / 12 * 100 + s->month % 12 + 1);
    jwrite_int(w, "days", (int64_t)s->row_count);
    jwrite_int(w, "energy_wh", s->energy_wh);
    jwrite_int(w, "settled_fen", s->settled_fen);
    if (e == ERR_OK)
        jwrite_int(w, "new_fen", s->bill.amount_fen);
    else
        jwrite_null(w, "new_fen");
    jwrite_text(w, "refusal", e == ERR_OK ? NULL : err_name(e));
    jwrite_text(w, "refusal_zh", e == ERR_OK ? NULL : err_text_zh(e));
    jwrite_text(w, "refusal_en", e == ERR_OK ? NULL : err_text_en(e));
    jwrite_end(w);
    s->settled_sum_fen += s->settled_fen;
    s->new_sum_fen += e == ERR_OK ? s->bill.amount_fen : 0;
    s->complete = s->complete && e == ERR_OK;
}

static void end_month(struct simulation *s)
{
    if (!s->month)
        return;
    enum err e = rate_month(s);
    if (s->month >= s->first_month)
        put_month(s, e);
    s->row_count = 0;
    s->settled_fen = s->energy_wh = 0;
}

/* ---- the bills ---- */

static enum rating_rate rate_named(const char *name)
{
    unsigned i = 0;
    while (i < RATING_RATES && strcmp(name, rating_rate_name((enum rating_rate)i)) != 0)
        i++;
    return (enum rating_rate)i;
}

/* Lines of energy only; a line of all rates together is the total. */
static void take_bill(const char *bill, struct rating_used *used)
{
    json_t *json = json_loads(bill, 0, NULL), *line;
    size_t i;
    json_array_foreach(json_object_get(json, "lines"), i, line)
    {
        const char *kind = json_string_value(json_object_get(line, "kind"));
        const char *name = json_string_value(json_object_get(line, "rate"));
        int64_t wh = json_integer_value(json_object_get(line, "quantity_wh"));
        if (!kind || !name || (strcmp(kind, "energy") != 0 && strcmp(kind, "free") != 0))
            continue;
        enum rating_rate rate = rate_named(name);
        used->total_wh += wh;
        if (rate < RATING_RATES)
            used->rate_wh[rate] += wh;
    }
    json_decref(json);
}

/* Bills of several meters, or of parts of a day, are one row of their day. */
static struct rating_row *row_of(struct simulation *s, int64_t day)
{
    struct rating_row *row = &s->rows[s->row_count - (day == s->last_day)];
    if (day == s->last_day)
        return row;
    *row = (struct rating_row){.from = civil_day_start((int32_t)day, s->offset_s),
                               .to = civil_day_start((int32_t)day + 1, s->offset_s),
                               .has_rates = true};
    s->row_count++;
    s->last_day = day;
    return row;
}

static enum err take_settlement(struct simulation *s, const struct query *q)
{
    int64_t day = query_int(q, 0);
    struct rating_used used = {};
    if (month_of(day) != s->month) {
        end_month(s);
        s->month = month_of(day);
    }
    struct rating_used *sum = &row_of(s, day)->used;
    take_bill(query_text(q, 2), &used);
    TRY(units_add(sum->total_wh, used.total_wh, &sum->total_wh));
    for (unsigned r = 0; r < RATING_RATES; r++)
        TRY(units_add(sum->rate_wh[r], used.rate_wh[r], &sum->rate_wh[r]));
    s->energy_wh += used.total_wh;
    s->settled_fen += query_int(q, 1);
    return ERR_OK;
}

static enum err read_months(struct store_tx *tx, void *arg)
{
    struct simulation *s = arg;
    struct site_account account;
    enum err e = ERR_OK;
    TRY(site_account_get(tx, s->account_id, &account));
    if (account.project_id != s->c->project_id)
        return ERR_NOT_FOUND;
    TRY(billing_project_offset(tx, account.project_id, s->c->now, &s->offset_s));
    TRY(site_terms_at(tx, s->account_id, s->c->now, &s->terms));
    int32_t from = s->first_month - CYCLE_MONTHS;
    struct query q = query_open(
        tx,
        "SELECT business_day, amount_fen, bill FROM settlement "
        "WHERE account_id = $1 AND business_day >= $2 "
        "ORDER BY business_day, closed_at, meter_id",
        "ii", s->account_id, (int64_t)civil_days_from_date(from / 12, (uint8_t)(from % 12 + 1), 1));
    while (e == ERR_OK && query_step(&q))
        e = take_settlement(s, &q);
    enum err ended = query_end(&q);
    if (e == ERR_OK)
        end_month(s);
    return e != ERR_OK ? e : ended;
}

/* ---- the call ---- */

static enum err take_plan(struct call *c, const char *text, struct rating_plan *plan)
{
    struct rating_problem p;
    enum err e = rating_plan_parse(text, strlen(text), plan, &p);
    struct version_fault fault = {.code = rating_reason_name(p.reason)};
    snprintf(fault.place, sizeof fault.place, "%s", p.place);
    return e == ERR_OK ? ERR_OK : version_refuse(c, text, &fault, e);
}

static enum err take_wish(struct simulation *s)
{
    struct call *c = s->c;
    const char *text = "";
    int64_t months = 0;
    TRY(api_fields(
        c, (struct api_field[]){{"text", API_FIELD_TEXT, 1, SITE_BODY_MAX, &text},
                                {"account_id", API_FIELD_INT, 1, INT64_C(1) << 53, &s->account_id},
                                {"months", API_FIELD_INT, 1, MONTHS_MAX, &months},
                                {"persons", API_FIELD_INT, 0, RATING_PERSONS_MAX, &s->persons},
                                {"area_milli_m2", API_FIELD_INT, 0, UINT32_MAX, &s->area},
                                {}}));
    TRY(take_plan(c, text, &s->plan));
    s->first_month = month_of(c->now.s / 86'400) - (int32_t)months;
    return ERR_OK;
}

static enum err simulate(struct simulation *s)
{
    struct jwrite *w = &s->c->out;
    TRY(take_wish(s));
    jwrite_object(w, NULL);
    jwrite_array(w, "months");
    TRY(store_read(s->c->api->options.ledger, read_months, s));
    jwrite_end(w);
    jwrite_int(w, "settled_fen", s->settled_sum_fen);
    jwrite_int(w, "new_fen", s->new_sum_fen);
    jwrite_bool(w, "complete", s->complete);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_plan_simulate(struct call *c)
{
    struct simulation *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->c = c;
    s->last_day = -1;
    s->complete = true;
    enum err e = simulate(s);
    free(s);
    if (e == ERR_OK)
        api_finish(c, ERR_OK);
    return e;
}
