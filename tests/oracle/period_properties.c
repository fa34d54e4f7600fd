/*
 * What must hold between bills of dated periods, whatever the plan:
 *   period_properties HOLIDAYS [--plans N] [--seed N]
 * The oracle's plans and stretches are used, its bills are not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequences.h"
#include "stretch_impl.h"

#define EXACT INT64_C(1000000000) /* carry units in a fen */

typedef __int128 money; /* carry units */

/* What a number of bills comes to. */
struct total {
    enum err e;
    money exact;
    int64_t fen, energy, lines;
    struct rating_position at;
};

static struct plan plan, other;
static struct stretch whole, piece;
static struct text json, other_json, why;
static struct rating_plan engine, engine_other;
static struct rating_position start;
static struct rating_row rows[STRETCH_ROWS_MAX];
static struct rating_bill bill;
static struct total first, second;
static uint64_t seed = 20260305;
static int64_t number, failures;

static void add(const struct rating_plan *p, const struct stretch *s, struct total *t)
{
    struct rating_case c;
    if (t->e != ERR_OK)
        return;
    engine_case(s, rows, &c);
    t->e = rating_period(p, &c, &t->at, &bill);
    if (t->e != ERR_OK)
        return;
    t->fen += bill.amount_fen;
    t->energy += bill.energy_wh;
    t->lines += (int64_t)bill.line_count;
    t->exact = (money)t->fen * EXACT + bill.carry;
}

static struct total total_of(const struct rating_plan *p, const struct stretch *s)
{
    struct total t = {.at = start};
    add(p, s, &t);
    return t;
}

static bool same_place(const struct rating_position *x, const struct rating_position *y)
{
    return x->cycle_day == y->cycle_day && x->used_wh == y->used_wh && x->paid.day == y->paid.day &&
           x->paid.month == y->paid.month && x->paid.part_days == y->paid.part_days &&
           x->shared.quota_day == y->shared.quota_day &&
           x->shared.quota_left_wh == y->shared.quota_left_wh &&
           x->shared.season_day == y->shared.season_day &&
           x->shared.season_milli_m2 == y->shared.season_milli_m2;
}

static bool carries_all(const struct plan *p)
{
    bool all = p->rounding <= CARRY;
    for (int i = 0; i < p->component_count; i++)
        all = all && p->components[i].rounding <= CARRY;
    for (int i = 0; i < p->fee_count; i++)
        all = all && p->fees[i].rounding <= CARRY;
    return all;
}

/* Something that is due once a bill. */
static bool by_the_bill(const struct plan *p)
{
    bool area = false;
    for (int i = 0; i < p->fee_count; i++)
        area = area || (p->fees[i].per == PER_AREA && p->fees[i].cycle < 0) ||
               p->fees[i].per == PER_FIRST_RECHARGE;
    return area || (p->minimum_fen && p->minimum_per != 1);
}

static bool shares_units(const struct plan *p)
{
    return p->mix_count ||
           (p->kind == TIME_OF_USE_LADDER && p->form == BY_MATRIX && !p->chronological);
}

/* Rules that go by whole fen of other lines. */
static bool by_fen(const struct plan *p)
{
    return p->factor_count || p->subsidy_count || p->minimum_fen || p->area_most_percent ||
           p->area_least_percent;
}

static bool read_other(void)
{
    text_clear(&other_json);
    plan_print(&other, NULL, &other_json);
    text_clear(&why);
    return engine_read(&other_json, &engine_other, &why);
}

/* --- the properties: 1 holds, 0 does not, -1 says nothing here ----------------------------------
 */

static int last_month(const struct stretch *s)
{
    const struct date *d = day_date(stretch_day(s->closed - 1, stretch_offset(&plan, s)));
    return d->year * 12 + d->month - 1;
}

/* A stretch says what other meters used in its last month only: a piece that ends before knows no
 * more than the pieces before it. */
static int64_t others_of(const struct total *before)
{
    int month = last_month(&piece);
    if (month == last_month(&whole))
        return whole.others;
    return before->at.month == month ? before->at.others_wh : 0;
}

/* The sum of any number of bills is that of one, wherever there was a reading. */
static int cutting(struct chance *c)
{
    struct total t = {.at = start};
    int pieces = 0;
    if (whole.row_count < 2 || whole.bare)
        return -1;
    for (int from = 0; from < whole.row_count;) {
        int to = (int)chance_between(c, from, whole.row_count - 1);
        stretch_cut(&whole, from, to, &piece);
        piece.others = others_of(&t);
        add(&engine, &piece, &t);
        from = to + 1;
        pieces++;
    }
    second = t;
    if (t.e != ERR_OK || t.energy != first.energy || !same_place(&t.at, &first.at))
        return 0;
    if (!carries_all(&plan) || by_the_bill(&plan) || shares_units(&plan))
        return -1;
    money apart = t.exact - first.exact;
    if (by_fen(&plan)) /* whole fen, so what a line's remainder decides may move a little */
        return plan.factor_count ||
               (apart <= (pieces + 1) * EXACT && apart >= -(pieces + 1) * EXACT);
    return apart == 0;
}

static bool names_dates(const struct plan *p)
{
    for (int i = 0; i < p->schedule_count; i++)
        if (p->schedules[i].date_count)
            return true;
    return false;
}

/* Days come again after 28 years, weekdays included, where no calendar of holidays is asked and no
 * date is named. */
static int later(struct chance *c)
{
    const int64_t span = INT64_C(10227) * 86400;
    (void)c;
    if (plan.has_calendar || names_dates(&plan))
        return -1;
    piece = whole;
    piece.opened += span;
    piece.closed += span;
    piece.opened_day += piece.opened_day ? 10227 : 0;
    for (int i = 0; i < piece.row_count; i++) {
        piece.rows[i].from += span;
        piece.rows[i].to += span;
    }
    second = (struct total){.at = {0}};
    add(&engine, &piece, &second);
    struct total now = {.at = {0}};
    add(&engine, &whole, &now);
    return now.e == second.e && now.exact == second.exact && now.lines == second.lines &&
           now.at.used_wh == second.at.used_wh &&
           now.at.shared.quota_left_wh == second.at.shared.quota_left_wh;
}

/* The same local times elsewhere are the same bill. */
static int elsewhere(struct chance *c)
{
    int64_t east = chance_between(c, -12, 12) * 3600;
    if (plan.zone >= 0)
        return -1;
    piece = whole;
    piece.offset += (int)east;
    piece.opened -= east;
    piece.closed -= east;
    for (int i = 0; i < piece.row_count; i++) {
        piece.rows[i].from -= east;
        piece.rows[i].to -= east;
    }
    second = (struct total){.at = start};
    second.at.shared.until_s -= start.begun ? east : 0;
    add(&engine, &piece, &second);
    return second.exact == first.exact && second.lines == first.lines &&
           same_place(&second.at, &first.at);
}

/* Two readings are one row. */
static int bare(struct chance *c)
{
    (void)c;
    if (!whole.bare || plan.factor_count)
        return -1;
    piece = whole;
    piece.bare = false;
    piece.rows[0].estimated = false;
    second = total_of(&engine, &piece);
    return second.e == ERR_OK && second.exact == first.exact && same_place(&second.at, &first.at);
}

/* A position passes through memory unharmed: the same bill again, from the same place. */
static int again(struct chance *c)
{
    (void)c;
    second = total_of(&engine, &whole);
    return second.exact == first.exact && memcmp(&second.at, &first.at, sizeof first.at) == 0;
}

/* Nothing that each meter of an account has for itself but its energy. */
static bool only_shared_dues(const struct plan *p)
{
    bool own = plan_has_steps(p) || p->factor_count || p->minimum_fen || p->mix_count;
    for (int i = 0; i < p->fee_count; i++)
        own = own || (p->fees[i].per != PER_AREA && p->fees[i].per != PER_CAPACITY);
    return !own && carries_all(p) && !by_the_bill(p);
}

/* Half of what was used, or the other half. */
static void halve(struct stretch *s, bool other_half)
{
    for (int i = 0; i < s->row_count; i++) {
        struct row *u = &s->rows[i].used;
        int64_t *all[RATES + 1] = {&u->total};
        for (int r = 0; r < RATES; r++)
            all[r + 1] = &u->rate[r];
        for (int r = 0; r <= RATES; r++)
            *all[r] = other_half ? *all[r] - *all[r] / 2 : *all[r] / 2;
    }
}

static bool begins_at(const struct rating_day *date, int day)
{
    const struct date *d = day_date(day);
    return date->month == d->month && date->day == d->day;
}

/* Something that the account counts begins anew within the stretch, so that the meter that is rated
 * second comes late to what was before. */
static bool may_be_late(const struct stretch *s)
{
    const struct rating_ladder quota = {.cycle = engine.quota.cycle, .start = engine.quota.start};
    int offset = stretch_offset(&plan, s), opened = stretch_day(s->opened, offset),
        closed = stretch_day(s->closed - 1, offset);
    bool late =
        plan.quota && rating_cycle_start(&quota, opened) != rating_cycle_start(&quota, closed);
    for (int day = opened + 1; by_fen(&plan) && day <= closed; day++)
        late = late || day_date(day)->day == 1 || begins_at(&engine.area_bill.start, day) ||
               begins_at(&engine.area_bill.end, day - 1);
    return late;
}

/* Two meters, read at the same times, cost an account what one that counts both would. */
static int two_meters(struct chance *c)
{
    struct total meters[2] = {{.at = start}, {.at = start}};
    bool shares_out = plan.intervals == 1 || plan.entry_count || plan.schedule_count;
    int pieces = 0;
    if (whole.bare || !whole.row_count || shares_out || !only_shared_dues(&plan) ||
        (plan.quota && plan_has_rates(&plan)))
        return -1;
    meters[1].at.carry = 0;
    for (int from = 0; from < whole.row_count; pieces++) {
        int to = (int)chance_between(c, from, whole.row_count - 1);
        for (int m = 0; m < 2; m++) {
            stretch_cut(&whole, from, to, &piece);
            if (may_be_late(&piece))
                return -1;
            halve(&piece, m);
            add(&engine, &piece, &meters[m]);
            meters[!m].at.shared = meters[m].at.shared;
        }
        from = to + 1;
    }
    second = meters[1];
    if (meters[0].e != ERR_OK || meters[1].e != ERR_OK)
        return 0;
    second.fen += meters[0].fen;
    second.energy += meters[0].energy;
    money apart = meters[0].exact + meters[1].exact - first.exact;
    if (second.energy != first.energy || !same_place(&second.at, &first.at))
        return 0;
    if (!by_fen(&plan))
        return apart == 0;
    return apart <= (2 * pieces + 2) * EXACT && apart >= -(2 * pieces + 2) * EXACT;
}

static int same_with_other(void)
{
    if (!read_other())
        return 0;
    second = total_of(&engine_other, &whole);
    return second.e == ERR_OK && second.energy == first.energy && second.exact == first.exact &&
           second.at.used_wh == first.at.used_wh;
}

/* One schedule without a condition is the plan's own periods. */
static int one_schedule(struct chance *c)
{
    (void)c;
    if (!plan_has_rates(&plan) || plan.schedule_count || plan.span_count > SCHEDULE_SPANS_MAX)
        return -1;
    plan_read(&other, json.at);
    other.schedule_count = 1;
    other.schedules[0].span_count = plan.span_count;
    memcpy(other.schedules[0].spans, plan.spans, sizeof other.schedules[0].spans);
    other.span_count = 0;
    return same_with_other();
}

/* Months at the plan's own prices are no other prices. */
static int months_at_own_prices(struct chance *c)
{
    if (plan.entry_count || plan.mix_count || plan_has_steps(&plan) || by_fen(&plan) ||
        !carries_all(&plan) || shares_units(&plan) || plan.quota)
        return -1;
    plan_read(&other, json.at);
    struct entry *e = &other.entries[other.entry_count++];
    e->months = 1u << chance_between(c, 0, 11) | 1u << chance_between(c, 0, 11);
    e->form = plan.has_price ? ENTRY_PRICE : ENTRY_RATES;
    memcpy(e->price[0].text, plan.price.text, sizeof plan.price.text);
    for (int r = 0; r < RATES; r++) {
        e->names[r] = plan.priced[r];
        memcpy(e->rate_price[0][r].text, plan.rate_price[r].text, sizeof plan.rate_price[r].text);
    }
    return same_with_other();
}

/* One part of a hundred percent is the plan's price. */
static int mix_of_one(struct chance *c)
{
    (void)c;
    if (plan_has_steps(&plan) || plan.mix_count || plan.entry_count || plan.schedule_count ||
        plan.has_ceiling)
        return -1;
    plan_read(&other, json.at);
    struct mix *m = &other.mix[other.mix_count++];
    snprintf(m->code, sizeof m->code, "all");
    decimal_set(&m->percent, 100, 0);
    memcpy(m->price.text, plan.price.text, sizeof m->price.text);
    for (int r = 0; r < RATES; r++)
        memcpy(m->rate_price[r].text, plan.rate_price[r].text, sizeof m->price.text);
    other.has_price = other.has_prices = false;
    return same_with_other();
}

/* A quota of nothing left over: what is free counts if it counts, and the ladder goes on as far. */
static int quota_that_counts(struct chance *c)
{
    (void)c;
    if (!plan_has_steps(&plan) || !plan.quota)
        return -1;
    plan_read(&other, json.at);
    other.quota = 0;
    other.has_ceiling = false;
    if (!read_other())
        return 0;
    second = total_of(&engine_other, &whole);
    if (second.e == ERR_RATING_LINES || second.e == ERR_RATING_RATES)
        return -1; /* more lines, or what was free has no price */
    if (second.e != ERR_OK)
        return 0;
    return plan.quota_counts == 1 ? second.at.used_wh == first.at.used_wh
                                  : second.at.used_wh >= first.at.used_wh;
}

/* Whose usage counts is the caller's business. */
static int counting(struct chance *c)
{
    if (!plan_has_steps(&plan))
        return -1;
    plan_read(&other, json.at);
    other.count = (int)chance_between(c, -1, 2);
    return same_with_other();
}

static struct {
    const char *name;
    int (*holds)(struct chance *c);
    int64_t tried;
} properties[] = {
    {"the same again", again, 0},
    {"cutting at readings", cutting, 0},
    {"two meters of an account", two_meters, 0},
    {"28 years later", later, 0},
    {"the same hours elsewhere", elsewhere, 0},
    {"two readings are one row", bare, 0},
    {"one schedule is the periods", one_schedule, 0},
    {"months at the plan's prices", months_at_own_prices, 0},
    {"a mix of one", mix_of_one, 0},
    {"a quota and the ladder", quota_that_counts, 0},
    {"whose usage counts", counting, 0},
};
#define PROPERTIES (sizeof properties / sizeof properties[0])
#define STRETCHES 6

static void fail(const char *name)
{
    if (++failures > 3)
        return;
    text_clear(&why);
    text_add(&why, "%s: --seed %" PRIu64 ", plan %" PRId64 "\n%s\n", name, seed, number, json.at);
    stretch_print(&whole, &why);
    text_add(&why, "other plan: %s\n", other_json.at ? other_json.at : "");
    text_add(&why,
             "%s %" PRId64 " fen, carry %" PRId64 ", energy %" PRId64 ", used %" PRId64
             "\n%s %" PRId64 " fen, carry %" PRId64 ", energy %" PRId64 ", used %" PRId64 "\n",
             err_name(first.e), first.fen, first.at.carry, first.energy, first.at.used_wh,
             err_name(second.e), second.fen, second.at.carry, second.energy, second.at.used_wh);
    fputs(why.at, stdout);
}

static void try_stretch(int64_t *opened, struct chance *c)
{
    struct stand stand = {.used = start.used_wh};
    int offset = whole.offset, day = whole.opened_day;
    int64_t contracted = whole.contracted;
    stretch_make(&plan, *opened, &stand, c, &whole);
    stretch_account(&plan, &stand, &whole, c);
    whole.month_ends = false;
    whole.opened_day = day;
    if (start.begun) {
        whole.offset = offset;
        whole.contracted = contracted;
    } else
        whole.opened_day = chance_percent(c, 50) ? 0 : (int)((whole.opened + whole.offset) / 86400);
    first = total_of(&engine, &whole);
    if (first.e != ERR_OK) /* a rate without a price on that day, an area that is not known */
        return;
    for (size_t k = 0; k < PROPERTIES; k++) {
        int holds = properties[k].holds(c);
        properties[k].tried += holds >= 0;
        if (holds == 0)
            fail(properties[k].name);
    }
    start = first.at;
    *opened = whole.closed;
}

static void try_plan(void)
{
    struct chance c = chance_begin(seed, (uint64_t)number);
    plan_make(&plan, RATING_RATES, &c);
    text_clear(&json);
    plan_print(&plan, &c, &json);
    text_clear(&why);
    if (!engine_read(&json, &engine, &why)) {
        fail("reading");
        return;
    }
    int64_t opened = some_opening(&plan, &c);
    start = (struct rating_position){0};
    for (int i = 0; i < STRETCHES; i++)
        try_stretch(&opened, &c);
}

int main(int argc, char **argv)
{
    int64_t plans = 20000;
    for (int i = 2; i + 1 < argc; i += 2)
        *(strcmp(argv[i], "--seed") == 0 ? (int64_t *)&seed : &plans) =
            strtoll(argv[i + 1], NULL, 10);
    if (argc < 2 || !days_begin(argv[1]))
        return 2;
    engine_probe();
    plan_init(&plan);
    plan_init(&other);
    for (number = 0; number < plans; number++)
        try_plan();
    int64_t tried = 0, idle = 0;
    for (size_t k = 0; k < PROPERTIES; k++) {
        printf("%8" PRId64 "  %s\n", properties[k].tried, properties[k].name);
        tried += properties[k].tried;
        idle += properties[k].tried == 0;
    }
    printf("seed %" PRIu64 "; %" PRId64 " plans, %" PRId64 " checks, %" PRId64 " failures\n", seed,
           plans, tried, failures);
    return failures || idle;
}
