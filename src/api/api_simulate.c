/*
 * What a price plan would have made of the months that an account has behind it: the settled bills
 * against the same usage under the plan on the screen. Nothing is written.
 *
 * The usage is that of the bills: each settled period is a row, with its rates where the bill has
 * them. The ladder's position runs on from month to month and starts again in the month in which a
 * cycle begins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_version.h"
#include "rating/rating.h"
#include "rating/statement.h"

#define MONTHS_MAX 36
#define ROWS_MAX 1024   /* settled periods of one month */
#define CYCLE_MONTHS 24 /* how far back the ladder's position is looked for */

struct simulation {
    struct call *c;
    struct rating_plan plan;
    int64_t account_id, persons, area;
    int32_t first_month; /* year * 12 + month - 1: earlier ones move the ladder only */
    struct rating_used rows[ROWS_MAX];
    size_t row_count;
    int32_t month; /* of these rows; 0: none yet */
    int64_t settled_fen, energy_wh, days, last_day;
    int64_t used_wh, carry; /* of the ladder, and rounding */
    int64_t settled_sum_fen, new_sum_fen;
    bool complete;
    struct rating_statement statement;
};

static int32_t month_of(int64_t day)
{
    struct civil d = civil_from_days((int32_t)day);
    return d.year * 12 + d.month - 1;
}

/* Whether the ladder counts from nothing again in this month. */
static bool begins_cycle(const struct rating_plan *plan, int32_t month)
{
    static const int lengths[RATING_CYCLES] = {[RATING_MONTH] = 1,
                                               [RATING_TWO_MONTHS] = 2,
                                               [RATING_SEASON] = 3,
                                               [RATING_YEAR] = 12,
                                               [RATING_HEATING_SEASON] = 12};
    int start = plan->ladder.start.month > 0 ? plan->ladder.start.month - 1 : 0;
    int length = lengths[plan->ladder.cycle];
    return length <= 1 || (month % 12 - start + 12) % length == 0;
}

/* ---- one month ---- */

static enum err rate_month(struct simulation *s)
{
    bool ladder = s->plan.ladder.step_count > 0;
    if (!ladder || begins_cycle(&s->plan, s->month))
        s->used_wh = 0;
    struct rating_request r = {.rows = s->rows,
                               .row_count = s->row_count,
                               .used_before_wh = s->used_wh,
                               .persons = (uint16_t)s->persons,
                               .month = (uint8_t)(s->month % 12 + 1),
                               .carry = s->carry,
                               .days = (uint16_t)s->days,
                               .months = 1,
                               .area_milli_m2 = (uint32_t)s->area};
    TRY(rating_state(&s->plan, &r, &s->statement));
    s->used_wh = s->statement.used_after_wh;
    s->carry = s->statement.carry;
    return ERR_OK;
}

static void put_month(struct simulation *s, enum err e)
{
    struct jwrite *w = &s->c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "month", s->month / 12 * 100 + s->month % 12 + 1);
    jwrite_int(w, "days", s->days);
    jwrite_int(w, "energy_wh", s->energy_wh);
    jwrite_int(w, "settled_fen", s->settled_fen);
    if (e == ERR_OK)
        jwrite_int(w, "new_fen", s->statement.amount_fen);
    else
        jwrite_null(w, "new_fen");
    jwrite_text(w, "refusal", e == ERR_OK ? NULL : err_name(e));
    jwrite_text(w, "refusal_zh", e == ERR_OK ? NULL : err_text_zh(e));
    jwrite_text(w, "refusal_en", e == ERR_OK ? NULL : err_text_en(e));
    jwrite_end(w);
    s->settled_sum_fen += s->settled_fen;
    s->new_sum_fen += e == ERR_OK ? s->statement.amount_fen : 0;
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
    s->settled_fen = s->energy_wh = s->days = 0;
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
        if (!kind || !name || strcmp(kind, "energy") != 0)
            continue;
        enum rating_rate rate = rate_named(name);
        used->total_wh += wh;
        if (rate < RATING_RATES)
            used->rate_wh[rate] += wh;
    }
    json_decref(json);
}

static enum err take_settlement(struct simulation *s, const struct query *q)
{
    int64_t day = query_int(q, 0);
    if (month_of(day) != s->month) {
        end_month(s);
        s->month = month_of(day);
        s->last_day = 0;
    }
    if (s->row_count == ROWS_MAX)
        return ERR_RANGE;
    s->rows[s->row_count] = (struct rating_used){};
    take_bill(query_text(q, 2), &s->rows[s->row_count]);
    s->energy_wh += s->rows[s->row_count++].total_wh;
    s->settled_fen += query_int(q, 1);
    s->days += day != s->last_day;
    s->last_day = day;
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
    end_month(s);
    return e != ERR_OK ? e : ended;
}

/* ---- the call ---- */

static enum err take_plan(struct call *c, const char *text, struct rating_plan *plan)
{
    struct rating_problem p;
    enum err e = rating_plan_parse(text, strlen(text), plan, &p);
    if (e != ERR_OK) {
        snprintf(c->detail, sizeof c->detail, "%s %s", rating_reason_name(p.reason), p.place);
        c->field = "text";
    }
    return e;
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
    s->complete = true;
    enum err e = simulate(s);
    free(s);
    if (e == ERR_OK)
        api_finish(c, ERR_OK);
    return e;
}
