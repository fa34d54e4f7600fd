#include "engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CARRY_UNITS INT64_C(1000000000)

static struct rating_statement said; /* large */

bool engine_read(const struct text *json, struct rating_plan *plan, struct text *why)
{
    struct rating_problem problem;
    if (rating_plan_parse(json->at, json->len, plan, &problem) == ERR_OK)
        return true;
    text_add(why, "the plan was refused: %s at %s\n", rating_reason_name(problem.reason),
             problem.place);
    return false;
}

void engine_probe(void)
{
    static struct rating_plan plan;
    struct rating_problem problem;
    for (int i = 0; i < FEATURES; i++)
        if (rating_plan_parse(feature_plans[i], strlen(feature_plans[i]), &plan, &problem) ==
            ERR_OK)
            features |= 1u << i;
        else
            fprintf(stderr, "not yet: %s: %s at %s\n", feature_words[i],
                    rating_reason_name(problem.reason), problem.place);
}

void engine_request(const struct usage *u, struct rating_used *rows, struct rating_request *q)
{
    for (int i = 0; i < u->row_count; i++) {
        rows[i] = (struct rating_used){.total_wh = u->rows[i].total};
        for (int r = 0; r < RATING_RATES; r++)
            rows[i].rate_wh[r] = u->rows[i].rate[r];
    }
    *q = (struct rating_request){
        .rows = rows,
        .row_count = (size_t)u->row_count,
        .used_before_wh = u->before,
        .persons = (uint16_t)u->persons,
        .month = (uint8_t)u->month,
        .carry = u->carry,
        .days = (uint16_t)u->days,
        .months = (uint16_t)u->months,
        .area_milli_m2 = (uint32_t)u->area_milli_m2,
        .capacity_milli_kva = u->capacity,
        .demand_milli_kw = u->demand,
        .contracted_milli_kw = u->contracted,
        .first_recharges = (uint16_t)u->first_recharges,
        .reactive_wh = u->reactive,
        .reactive_known = u->reactive_known,
    };
}

/* --- equality ----------------------------------------------------------------------------------
 */

static bool same_rest(const mpq_t rest, int64_t carry)
{
    mpq_t engine;
    mpq_init(engine);
    mpq_set_si(engine, carry, CARRY_UNITS);
    mpq_canonicalize(engine);
    bool same = mpq_equal(rest, engine);
    mpq_clear(engine);
    return same;
}

static bool same_price(const struct decimal *price, int64_t price_e8)
{
    mpq_t engine;
    if (!price)
        return price_e8 == 0;
    mpq_init(engine);
    mpq_set_si(engine, price_e8, 100000000);
    mpq_canonicalize(engine);
    bool same = mpq_equal(price->value, engine);
    mpq_clear(engine);
    return same;
}

static const enum rating_item_kind item_kinds[] = {
    [ENERGY] = RATING_ITEM_ENERGY,       [SURCHARGE] = RATING_ITEM_SURCHARGE,
    [COMPONENT] = RATING_ITEM_COMPONENT, [FEE] = RATING_ITEM_FEE,
    [MINIMUM] = RATING_ITEM_MINIMUM,     [FREE] = RATING_ITEM_FREE,
    [FACTOR] = RATING_ITEM_FACTOR,       [SUBSIDY] = RATING_ITEM_SUBSIDY,
};
static const enum rating_rounding item_roundings[ROUNDINGS] = {
    [CARRY] = RATING_CARRY, [HALF_UP] = RATING_HALF_UP, [UP] = RATING_UP, [DOWN] = RATING_DOWN};

static bool same_line(const struct line *x, const struct rating_item *t)
{
    int rate = t->rate == RATING_TOTAL ? TOTAL : (int)t->rate;
    bool coded = !x->code == !t->code && (!x->code || strcmp(x->code, t->code) == 0);
    return item_kinds[x->kind] == t->kind && x->step == t->step && coded && x->rate == rate &&
           x->quantity == t->quantity_wh && same_price(x->price, t->price_e8) &&
           (x->kind == MINIMUM || x->kind == SUBSIDY ||
            item_roundings[x->rounding] == t->rounding) &&
           mpz_cmp_si(x->fen, t->amount_fen) == 0 && same_rest(x->rest, t->carry_out);
}

static enum err expected_error(enum verdict v)
{
    static const enum err errors[] = {[BILLED] = ERR_OK,
                                      [BACKWARDS] = ERR_RATING_BACKWARDS,
                                      [RATES_WRONG] = ERR_RATING_RATES,
                                      [MONTH_MISSING] = ERR_RATING_MONTH,
                                      [FEE_COUNT_MISSING] = ERR_RATING_FEE,
                                      [DATES_MISSING] = ERR_RATING_DATES,
                                      [ROWS_WRONG] = ERR_RATING_ROWS,
                                      [LINES_TOO_MANY] = ERR_RATING_LINES};
    return errors[v];
}

static bool same_steps(const struct rating_plan *plan, const struct bill *b)
{
    for (size_t i = 0; i < plan->ladder.step_count; i++)
        if (said.step_wh[i] != b->in_step[i])
            return false;
    return true;
}

bool engine_same_statement(const struct rating_plan *plan, const struct usage *u,
                           enum verdict verdict, const struct bill *b, struct text *why)
{
    static struct rating_used rows[ROWS_MAX];
    struct rating_request q;
    engine_request(u, rows, &q);
    enum err e = rating_state(plan, &q, &said);
    if (e != expected_error(verdict)) {
        text_add(why, "the engine says %s, not %s\n", err_name(e),
                 err_name(expected_error(verdict)));
        return false;
    }
    if (verdict != BILLED)
        return true;
    bool sums = said.energy_wh == b->energy && said.used_after_wh == b->after &&
                mpz_cmp_si(b->fen, said.amount_fen) == 0 && same_rest(b->rest, said.carry);
    if (!sums)
        text_add(why, "the sums differ\n");
    if (!same_steps(plan, b))
        text_add(why, "the steps differ\n");
    if (said.item_count != (size_t)b->line_count)
        text_add(why, "%zu lines, not %d\n", said.item_count, b->line_count);
    for (int i = 0; i < b->line_count && (size_t)i < said.item_count; i++)
        if (!same_line(&b->lines[i], &said.items[i]))
            text_add(why, "line %d differs\n", i);
    return why->len == 0;
}

/* --- charges -----------------------------------------------------------------------------------
 */

bool engine_charges(const struct rating_plan *plan, const struct usage *u)
{
    /* A register cannot stand below zero, so a charge has no word for that. */
    return u->row_count == 1 && u->before >= 0 && rating_plan_billable(plan) == ERR_OK &&
           (plan->kind == RATING_FLAT || plan->kind == RATING_TIME_OF_USE);
}

/* A charge has a line for every priced rate, also without quantity: those are passed over. */
static bool same_charge_lines(const struct rating_bill *bill, const struct bill *b)
{
    int at = 0;
    for (size_t i = 0; i < bill->line_count; i++) {
        const struct rating_line *t = &bill->lines[i];
        if (t->quantity_wh == 0 && t->amount_fen == 0)
            continue;
        const struct line *x = &b->lines[at++];
        if (at > b->line_count || x->quantity != t->quantity_wh ||
            !same_price(x->price, t->price_e8) || mpz_cmp_si(x->fen, t->amount_fen) != 0 ||
            !same_rest(x->rest, t->carry_out))
            return false;
    }
    return at == b->line_count;
}

bool engine_same_charge(const struct rating_plan *plan, const struct usage *u, enum verdict verdict,
                        const struct bill *b, struct text *why)
{
    struct rating_usage between = {.from = {.total_wh = u->before}};
    struct rating_bill bill;
    if (u->rows[0].rate[RATING_DEEP_VALLEY] != 0)
        return true; /* a meter has no register for it, so there is nothing to charge from */
    between.to.total_wh = u->before + u->rows[0].total;
    for (int r = 0; r < RATING_METER_RATES; r++) {
        between.from.rate_wh[r] = u->before + r;
        between.to.rate_wh[r] = u->before + r + u->rows[0].rate[r];
    }
    enum err e = rating_charge(plan, &between, u->carry, &bill);
    if (e != expected_error(verdict))
        text_add(why, "the charge says %s, not %s\n", err_name(e),
                 err_name(expected_error(verdict)));
    else if (verdict == BILLED &&
             (bill.energy_wh != b->energy || mpz_cmp_si(b->fen, bill.amount_fen) != 0 ||
              !same_rest(b->rest, bill.carry) || !same_charge_lines(&bill, b)))
        text_add(why, "the charge differs\n");
    return why->len == 0;
}

void engine_print(const struct rating_plan *plan, const struct usage *u, struct text *out)
{
    static struct rating_used rows[ROWS_MAX];
    struct rating_request q;
    engine_request(u, rows, &q);
    enum err e = rating_state(plan, &q, &said);
    if (e != ERR_OK) {
        text_add(out, "  %s\n", err_name(e));
        return;
    }
    for (size_t i = 0; i < said.item_count; i++) {
        const struct rating_item *t = &said.items[i];
        char price[RATING_PRICE_TEXT_MAX];
        rating_price_print(t->price_e8, price);
        text_add(out, "  %s/%d/%s = %" PRId64 " x %s -> %" PRId64 " fen, rest %" PRId64 "/1e9\n",
                 rating_item_name(t->kind), t->step, t->code ? t->code : rating_rate_name(t->rate),
                 t->quantity_wh, price, t->amount_fen, t->carry_out);
    }
    text_add(out,
             "  energy %" PRId64 ", after %" PRId64 ", %" PRId64 " fen, rest %" PRId64 "/1e9\n",
             said.energy_wh, said.used_after_wh, said.amount_fen, said.carry);
}
