/* The engine's bill of a stretch, held against what must stand in it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "rating/line.h"
#include "rating/period.h"
#include "rules.h"

static struct rating_bill bill; /* large */

void engine_case(const struct stretch *s, struct rating_row *rows, struct rating_case *c)
{
    *c = (struct rating_case){.opened_at = {s->opened},
                              .closed_at = {s->closed},
                              .reading_at = {s->closed},
                              .offset_s = s->offset,
                              .persons = (uint16_t)s->persons,
                              .opened_day = s->opened_day,
                              .area_milli_m2 = (uint32_t)s->area,
                              .capacity_milli_kva = s->capacity,
                              .contracted_milli_kw = s->contracted,
                              .demand_milli_kw = s->demand,
                              .others_wh = s->others,
                              .first_recharges = (uint16_t)s->first_recharges,
                              .reactive_wh = s->reactive,
                              .reactive_known = s->reactive_known,
                              .month_ends = s->month_ends};
    c->from.total_wh = s->start.total;
    for (int r = 0; r < RATING_METER_RATES; r++)
        c->from.rate_wh[r] = s->start.rate[r];
    c->to = c->from;
    if (s->bare) {
        const struct stretch_row *row = &s->rows[0];
        c->reading_at = (wall_s){row->to};
        c->to.total_wh += row->used.total;
        for (int r = 0; r < RATING_METER_RATES; r++)
            c->to.rate_wh[r] += row->used.rate[r];
        return;
    }
    for (int i = 0; i < s->row_count; i++) {
        const struct stretch_row *row = &s->rows[i];
        rows[i] = (struct rating_row){.from = {row->from},
                                      .to = {row->to},
                                      .used.total_wh = row->used.total,
                                      .reactive_wh = row->reactive,
                                      .has_rates = row->has_rates,
                                      .estimated = row->estimated};
        for (int r = 0; r < RATING_RATES; r++)
            rows[i].used.rate_wh[r] = row->used.rate[r];
    }
    c->rows = rows;
    c->row_count = (size_t)s->row_count;
}

/* --- money: each line by itself ----------------------------------------------------------------
 */

static struct line one; /* of the engine's, as the oracle rounds it */
static struct decimal one_price;
static mpq_t rest, carried;
static bool ready;

static void prepare(void)
{
    if (ready)
        return;
    mpz_init(one.fen);
    mpq_inits(one.rest, one_price.value, rest, carried, NULL);
    ready = true;
}

static bool rest_is(int64_t carry)
{
    mpq_set_si(carried, carry, 1000000000);
    mpq_canonicalize(carried);
    return mpq_equal(rest, carried);
}

static const enum rounding roundings[RATING_ROUNDINGS] = {
    [RATING_CARRY] = CARRY, [RATING_HALF_UP] = HALF_UP, [RATING_UP] = UP, [RATING_DOWN] = DOWN};

static bool line_is_right(const struct rating_line *x)
{
    if (!rest_is(x->carry_in))
        return false;
    if (x->kind == RATING_ITEM_MINIMUM || x->kind == RATING_ITEM_SUBSIDY ||
        x->kind == RATING_ITEM_SEASON)
        return rest_is(x->carry_out);
    one.quantity = x->quantity_wh;
    one.price = &one_price;
    one.rounding = roundings[x->rounding];
    mpq_set_si(one_price.value, x->price_e8, 100000000);
    mpq_canonicalize(one_price.value);
    line_round(&one, rest);
    return mpz_cmp_si(one.fen, x->amount_fen) == 0 && rest_is(x->carry_out);
}

static void check_money(int64_t carry, struct text *why)
{
    int64_t fen = 0;
    prepare();
    mpq_set_si(rest, carry, 1000000000);
    mpq_canonicalize(rest);
    for (size_t i = 0; i < bill.line_count; i++) {
        const struct rating_line *x = &bill.lines[i];
        if (!line_is_right(x))
            text_add(why, "line %zu is not its quantity times its price\n", i);
        fen += x->amount_fen;
    }
    if (fen != bill.amount_fen || !rest_is(bill.carry))
        text_add(why, "the lines are not the sum\n");
}

/* --- quantities --------------------------------------------------------------------------------
 */

static const enum line_kind kinds[RATING_ITEM_KINDS] = {
    [RATING_ITEM_ENERGY] = ENERGY,       [RATING_ITEM_SURCHARGE] = SURCHARGE,
    [RATING_ITEM_COMPONENT] = COMPONENT, [RATING_ITEM_FEE] = FEE,
    [RATING_ITEM_MINIMUM] = MINIMUM,     [RATING_ITEM_FREE] = FREE,
    [RATING_ITEM_FACTOR] = FACTOR,       [RATING_ITEM_SUBSIDY] = SUBSIDY,
    [RATING_ITEM_SEASON] = SEASON_LIMIT};

static int part_of(const struct due *due, int64_t t)
{
    for (int i = 0; i < due->part_count; i++)
        if (t < due->parts[i].to)
            return i;
    return due->part_count - 1;
}

static bool counts(const struct rating_line *x)
{
    return x->quantity_wh != 0 && x->kind != RATING_ITEM_MINIMUM &&
           x->kind != RATING_ITEM_SUBSIDY && x->kind != RATING_ITEM_FACTOR &&
           x->kind != RATING_ITEM_SEASON;
}

/* The line's schedule if it has a price for the line's rate. */
static int naming_schedule(const struct plan *p, const struct rating_line *x)
{
    bool names = x->schedule >= 0 && x->rate < RATING_RATES && p->schedules[x->schedule].priced &&
                 p->schedules[x->schedule].names[x->rate];
    return names ? x->schedule : -1;
}

/* What the price of a demand rests on. */
static bool demand_is_said(const struct cell *cell, const struct rating_line *x)
{
    return x->from_wh == cell->month && x->to_wh == cell->capacity &&
           !(x->flags & RATING_FLAG_UTILISED) == !cell->utilised;
}

/* Takes a line's quantity from the cell it belongs to. */
static bool take_line(const struct plan *p, struct due *due, const struct rating_line *x)
{
    bool of_part = x->kind == RATING_ITEM_ENERGY || x->kind == RATING_ITEM_SURCHARGE ||
                   x->kind == RATING_ITEM_FREE;
    int part = of_part ? part_of(due, x->from_s) : -1 - section_of(due, x->from_s);
    int rate = x->rate == RATING_TOTAL ? TOTAL : (int)x->rate;
    for (int i = 0; i < due->cell_count; i++) {
        struct cell *cell = &due->cells[i];
        if (cell->kind != kinds[x->kind] || cell->part != part || cell->step != x->step ||
            cell->rate != rate || cell->price_e8 != x->price_e8 ||
            strcmp(cell->code ? cell->code : "", x->code) != 0 ||
            cell->rounding != roundings[x->rounding] || cell->quantity != x->quantity_wh ||
            (cell->kind == FEE && !demand_is_said(cell, x)) ||
            (cell->kind == ENERGY &&
             (cell->entry != x->month_entry || cell->schedule != naming_schedule(p, x))))
            continue;
        cell->quantity -= x->quantity_wh;
        return part < 0 || (x->from_s >= due->parts[part].from && x->to_s <= due->parts[part].to);
    }
    return false;
}

static bool flag(const struct rating_line *x, unsigned bit)
{
    return (x->flags & bit) != 0;
}

/* Its part was cut off a row, or its rate or prices were, inside the part. */
static bool line_is_shared(const struct plan *p, const struct stretch_part *part,
                           const struct rating_line *x)
{
    int schedule = naming_schedule(p, x);
    return part->shared ||
           (x->rate != RATING_TOTAL && part->cut[schedule < 0 ? SCHEDULES_MAX : schedule][x->rate]);
}

/* Of all parts that it is about. */
static void check_component(const struct due *due, const struct rating_line *x, size_t i,
                            struct text *why)
{
    bool shared = false, estimated = false, guessed = false;
    for (int k = 0; k < due->part_count; k++) {
        const struct stretch_part *part = &due->parts[k];
        if (part->to <= x->from_s || part->from >= x->to_s)
            continue;
        shared = shared || part->shared;
        estimated = estimated || part->estimated;
        guessed = guessed || part->guessed;
    }
    if (x->apportioned != shared || flag(x, RATING_FLAG_ESTIMATED) != estimated ||
        flag(x, RATING_FLAG_CALENDAR) != guessed)
        text_add(why, "line %zu does not bear the marks of its parts\n", i);
}

static void check_marks(const struct plan *p, const struct due *due, const struct rating_line *x,
                        size_t i, struct text *why)
{
    const struct stretch_part *part = &due->parts[part_of(due, x->from_s)];
    bool by_time = plan_has_rates(p) && x->rate != RATING_TOTAL &&
                   (p->intervals == 1 || x->rate == RATING_DEEP_VALLEY);
    if (!counts(x) || x->kind == RATING_ITEM_FEE)
        return;
    if (x->kind == RATING_ITEM_COMPONENT) {
        check_component(due, x, i, why);
        return;
    }
    bool shared = line_is_shared(p, part, x);
    if (!x->apportioned && shared)
        text_add(why, "line %zu does not say that it was shared out\n", i);
    if (x->apportioned && !shared && (x->kind != RATING_ITEM_FREE || !part->within))
        text_add(why, "line %zu says that it was shared out\n", i);
    if (x->step >= 0 && flag(x, RATING_FLAG_MOVED_IN) != part->moved_in)
        text_add(why, "line %zu: moved in or not\n", i);
    if (flag(x, RATING_FLAG_ESTIMATED) != part->estimated)
        text_add(why, "line %zu: estimated or not\n", i);
    if (flag(x, RATING_FLAG_CALENDAR) != part->guessed)
        text_add(why, "line %zu: the calendar knew the year or not\n", i);
    if (flag(x, RATING_FLAG_INTERVALS) != by_time)
        text_add(why, "line %zu: by intervals or not\n", i);
}

/* The registers when what the line is about began and ended. */
static void check_registers(const struct stretch *s, const struct rating_line *x, size_t i,
                            struct text *why)
{
    int rate = x->rate == RATING_TOTAL || flag(x, RATING_FLAG_INTERVALS) ? TOTAL : (int)x->rate;
    if (!counts(x) || x->kind == RATING_ITEM_FEE)
        return;
    int64_t from = register_at(s, rate, x->from_s), to = register_at(s, rate, x->to_s);
    if (x->from_wh != from || x->to_wh != to)
        text_add(why, "line %zu: the registers are %" PRId64 " and %" PRId64 "\n", i, from, to);
}

/* Energy, components, fees, power factor, minimum, season, subsidies; section by section. */
static void check_order(const struct due *due, struct text *why)
{
    static const int ranks[RATING_ITEM_KINDS] = {
        [RATING_ITEM_COMPONENT] = 1, [RATING_ITEM_FEE] = 2,    [RATING_ITEM_FACTOR] = 3,
        [RATING_ITEM_MINIMUM] = 4,   [RATING_ITEM_SEASON] = 5, [RATING_ITEM_SUBSIDY] = 6,
    };
    for (size_t i = 1; i < bill.line_count; i++) {
        const struct rating_line *x = &bill.lines[i - 1], *y = &bill.lines[i];
        int before = section_of(due, x->from_s), now = section_of(due, y->from_s);
        if (now < before || (now == before && ranks[y->kind] < ranks[x->kind]) ||
            (now == before && ranks[y->kind] == 0 && ranks[x->kind] == 0 &&
             part_of(due, y->from_s) < part_of(due, x->from_s)))
            text_add(why, "line %zu is out of order\n", i);
    }
}

static void check_bounds(const struct plan *p, const struct due *due, const struct rating_line *x,
                         size_t i, struct text *why)
{
    if (x->step < 0 || !plan_has_steps(p))
        return;
    const struct stretch_part *part = &due->parts[part_of(due, x->from_s)];
    int64_t to = part->ends[x->step] < 0 ? RATING_STEP_OPEN : part->ends[x->step];
    int64_t from = x->step ? part->ends[x->step - 1] : 0;
    if (x->step_from_wh != from || x->step_to_wh != to)
        text_add(why, "line %zu: its step goes from %" PRId64 " to %" PRId64 "\n", i, from, to);
}

static void check_lines(const struct rating_plan *plan, const struct plan *p,
                        const struct stretch *s, struct due *due, struct text *why)
{
    for (size_t i = 0; i < bill.line_count; i++) {
        if (counts(&bill.lines[i]) && !take_line(p, due, &bill.lines[i]))
            text_add(why, "line %zu should not be there\n", i);
        check_marks(p, due, &bill.lines[i], i, why);
        check_registers(s, &bill.lines[i], i, why);
        check_bounds(p, due, &bill.lines[i], i, why);
        engine_check_words(plan, p, &bill.lines[i], i, why);
    }
    for (int i = 0; i < due->cell_count; i++)
        if (due->cells[i].quantity != 0)
            text_add(why, "cell %d is not billed\n", i);
}

/* --- by the month ------------------------------------------------------------------------------
 */

static bool factor_is_on(const struct plan *p, const struct rating_line *x)
{
    if (x->kind == RATING_ITEM_ENERGY || x->kind == RATING_ITEM_SURCHARGE)
        return p->factor_on[0];
    for (int i = 0; i < p->fee_count && x->kind == RATING_ITEM_FEE; i++)
        if (strcmp(p->fees[i].code, x->code) == 0)
            return (p->fees[i].per == PER_CAPACITY && p->factor_on[1]) ||
                   (p->fees[i].per == PER_DEMAND && p->factor_on[2]);
    return false;
}

static bool is_rule(const struct rating_line *x)
{
    return x->kind == RATING_ITEM_FACTOR || x->kind == RATING_ITEM_MINIMUM ||
           x->kind == RATING_ITEM_SEASON || x->kind == RATING_ITEM_SUBSIDY;
}

/* Of one section: what all lines but subsidies, season and minimum come to, and those the factor is
 * on. */
static void sum_section(const struct plan *p, const struct due *due, int index, int64_t *fen,
                        int64_t *on)
{
    *fen = *on = 0;
    for (size_t i = 0; i < bill.line_count; i++) {
        const struct rating_line *x = &bill.lines[i];
        if (section_of(due, x->from_s) != index || x->kind == RATING_ITEM_MINIMUM ||
            x->kind == RATING_ITEM_SEASON || x->kind == RATING_ITEM_SUBSIDY)
            continue;
        *fen += x->amount_fen;
        *on += factor_is_on(p, x) ? x->amount_fen : 0;
    }
}

/* The amount is quantity * price less what it is of, half up. */
static bool season_is_said(const struct rule_line *r, const struct rating_line *x)
{
    const char *rule = r->quantity == 0 ? "season_back" : r->least ? "season_least" : "season_most";
    int64_t fen = season_bound(r->price_e8, r->quantity);
    return x->from_wh + x->amount_fen == fen && strcmp(rating_line_rule(NULL, x), rule) == 0;
}

static bool rule_fits(const struct due *due, const struct rule_line *r, const struct rating_line *x)
{
    return kinds[x->kind] == r->kind && section_of(due, x->from_s) == r->section &&
           strcmp(r->code ? r->code : "", x->code) == 0 && x->quantity_wh == r->quantity &&
           x->price_e8 == r->price_e8 && (r->kind == FACTOR || x->amount_fen == r->fen) &&
           (r->kind != SEASON_LIMIT || season_is_said(r, x));
}

/* In the order of the bill; a line that says nothing may be there or not. */
static void match_rules(const struct due *due, const struct rule_lines *rules, struct text *why)
{
    int at = 0;
    for (size_t i = 0; i < bill.line_count; i++) {
        const struct rating_line *x = &bill.lines[i];
        if (!is_rule(x) || (x->quantity_wh * x->price_e8 == 0 && x->amount_fen == 0))
            continue;
        while (at < rules->count && rules->lines[at].kind == FACTOR &&
               (rules->lines[at].quantity == 0 || rules->lines[at].price_e8 == 0))
            at++;
        if (at == rules->count || !rule_fits(due, &rules->lines[at++], x))
            text_add(why, "line %zu is not by the rules\n", i);
    }
    for (; at < rules->count; at++)
        if (rules->lines[at].kind != FACTOR ||
            (rules->lines[at].quantity != 0 && rules->lines[at].price_e8 != 0))
            text_add(why, "a line by the rules is missing\n");
}

static void print_rules(const struct rule_lines *rules, struct text *why)
{
    for (int i = 0; i < rules->count && why->len > 0; i++) {
        const struct rule_line *r = &rules->lines[i];
        text_add(why, "  rule: section %d kind %d %s %" PRId64 " x %" PRId64 " %" PRId64 " fen\n",
                 r->section, r->kind, r->code ? r->code : "", r->quantity, r->price_e8, r->fen);
    }
}

static void check_rules(const struct plan *p, const struct due *due, struct stand *stand,
                        const struct stretch *s, struct text *why)
{
    static struct rule_lines rules;
    struct month_stand *at = &stand->month;
    int64_t all = 0;
    rules.count = 0;
    for (int i = 0; i < due->section_count; i++) {
        const struct section *x = &due->sections[i];
        int64_t fen, on;
        rules_enter(x, at);
        sum_section(p, due, i, &fen, &on);
        rules_factor(p, x, i, at, on, &rules);
        at->factor_fen += on;
        at->active += x->active;
        at->reactive += x->reactive;
        at->fen += fen;
        all += fen;
        int64_t missing = rules_minimum(p, x, i == due->section_count - 1, at->fen, all);
        if (missing)
            rules.lines[rules.count++] = (struct rule_line){i, MINIMUM, NULL, 0, 0, missing};
        at->fen += missing;
        all += missing;
        rules_season(p, s, x, i, fen + missing, &stand->season, &rules);
        rules_subsidies(p, i, at, &rules);
        at->demand = at->demand > s->demand ? at->demand : s->demand;
        at->demanded = true;
        at->capacity = s->capacity;
        at->others = x->others;
        if (x->ends)
            *at = (struct month_stand){0};
    }
    match_rules(due, &rules, why);
    print_rules(&rules, why);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static enum err expected_error(enum verdict v)
{
    static const enum err errors[VERDICTS] = {[BILLED] = ERR_OK,
                                              [BACKWARDS] = ERR_RATING_BACKWARDS,
                                              [RATES_WRONG] = ERR_RATING_RATES,
                                              [FEE_COUNT_MISSING] = ERR_RATING_FEE,
                                              [ROWS_WRONG] = ERR_RATING_ROWS,
                                              [LINES_TOO_MANY] = ERR_RATING_LINES};
    return errors[v];
}

static void check_stand(const struct plan *p, const struct rating_position *at,
                        const struct stand *stand, struct text *why)
{
    if (!at->begun || at->carry != bill.carry || at->paid.day != stand->fee_day ||
        at->paid.month != stand->fee_month)
        text_add(why, "the position differs\n");
    if (memcmp(&at->paid, &at->shared.paid, sizeof at->paid) != 0)
        text_add(why, "the only meter of an account has paid to another day than its account\n");
    if (plan_has_steps(p) && (at->cycle_day != stand->cycle_day || at->used_wh != stand->used))
        text_add(why, "the ladder stands at %" PRId64 " of the cycle of %d\n", at->used_wh,
                 at->cycle_day);
    if (p->quota &&
        (at->shared.quota_day != stand->quota_day || at->shared.quota_left_wh != stand->quota_left))
        text_add(why, "%" PRId64 " of the quota of %d are left\n", at->shared.quota_left_wh,
                 at->shared.quota_day);
    bool parts = false;
    for (int i = 0; i < p->fee_count; i++)
        parts = parts || p->fees[i].part_month > 0;
    if (at->paid.part_days != (parts ? stand->part_days : 0))
        text_add(why, "%d days of the month are charged, not %d\n", at->paid.part_days,
                 stand->part_days);
    const struct season_stand *season = &stand->season;
    if (at->shared.season_day != season->first || at->shared.season_fen != season->fen ||
        at->shared.season_milli_m2 != season->area ||
        at->shared.season_limit_fen != season->limit || at->shared.season_most_e8 != season->most ||
        at->shared.season_least_e8 != season->least)
        text_add(why, "the season of %d has come to %" PRId64 " fen on %" PRId64 "\n",
                 at->shared.season_day, at->shared.season_fen, at->shared.season_milli_m2);
}

/* Sections may have a power factor twice, a minimum, a season twice, and subsidies. */
static int lines_at_most(const struct due *due)
{
    return due->cell_count + due->section_count * (SUBSIDIES_MAX + 5);
}

bool engine_same_period(const struct rating_plan *plan, const struct plan *p,
                        const struct stretch *s, enum verdict *verdict, struct due *due,
                        struct stand *stand, struct rating_position *at, struct text *why)
{
    static struct rating_row rows[STRETCH_ROWS_MAX];
    struct rating_case c;
    struct rating_position before = *at;
    engine_case(s, rows, &c);
    memset(&bill, 0xa5, sizeof bill);
    enum err e = rating_period(plan, &c, at, &bill);
    if (e == ERR_RATING_LINES && lines_at_most(due) > RATING_LINES_MAX)
        *verdict = LINES_TOO_MANY;
    /* with two things wrong, either may be said */
    if (e == ERR_RATING_FEE && *verdict == RATES_WRONG && due->fee_missing)
        *verdict = FEE_COUNT_MISSING;
    if (e != expected_error(*verdict)) {
        text_add(why, "the engine says %s, not %s\n", err_name(e),
                 err_name(expected_error(*verdict)));
        return false;
    }
    if (e != ERR_OK) {
        if (memcmp(&before, at, sizeof before) != 0)
            text_add(why, "the position moved\n");
        return why->len == 0;
    }
    check_money(before.carry, why);
    check_lines(plan, p, s, due, why);
    check_order(due, why);
    check_rules(p, due, stand, s, why);
    if (bill.energy_wh != due->energy)
        text_add(why, "the energy is %" PRId64 ", not %" PRId64 "\n", bill.energy_wh, due->energy);
    check_stand(p, at, stand, why);
    stand->carry = bill.carry;
    return why->len == 0;
}

int64_t engine_period_fen(void)
{
    return bill.amount_fen;
}

size_t engine_period_lines(void)
{
    return bill.line_count;
}

void engine_print_period(struct text *out)
{
    for (size_t i = 0; i < bill.line_count; i++) {
        const struct rating_line *x = &bill.lines[i];
        text_add(out,
                 "  %zu: %s/%d/%s %s%s%s flags %d entry %d schedule %d %" PRId64 "..%" PRId64
                 " registers %" PRId64 "..%" PRId64 ": %" PRId64 " x %" PRId64 "e-8, in %" PRId64
                 " -> %" PRId64 " fen, out %" PRId64 "\n",
                 i, rating_item_name(x->kind), x->step, rating_rate_name(x->rate), x->code,
                 x->apportioned ? " apportioned " : " ", rating_rounding_name(x->rounding),
                 x->flags, x->month_entry, x->schedule, x->from_s, x->to_s, x->from_wh, x->to_wh,
                 x->quantity_wh, x->price_e8, x->carry_in, x->amount_fen, x->carry_out);
    }
}
