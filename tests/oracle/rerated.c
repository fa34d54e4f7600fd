/*
 * Terms and ratios that begin in the past: rerated [--cases N] [--seed N] [--only N].
 * A random plan, with registers of one or of several rates, and perhaps with fees by area and
 * capacity, is lived under for some days and settled each midnight. Then other terms, another ratio
 * of the transformers, or both one after the other, are entered for a moment that was settled
 * already. Each time the true-up is held against the oracle's exact bill of the whole time as it is
 * now less that of it as it was, and every settled day against the oracle to the fen; so is what is
 * settled afterwards.
 */
#include "tests/unit/billing/town.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/oracle/oracle.h"

#define DAYS_MAX 16 /* from 16 February on, into March */
#define HOURS (24 * (DAYS_MAX + 1))
#define FRESH 900 /* a reading so close before a moment stands for it */
#define METER 1
#define ACCOUNT 7
#define NEVER INT64_MAX
#define NEW_YEAR 20'454 /* the first day of 2026 */
#define MARCH 20'513

/* What the account and the meter are, and since when they are something else. */
struct world {
    int64_t persons[2], area[2], capacity[2], terms_from;
    int64_t ratio[2], ratio_from;
};

static struct town *t;
static struct plan plan;
static struct usage usage;
static struct bill bill;
static struct text json;
static struct chance chance;
static int64_t registers[RATES]
                        [HOURS + 1]; /* read on the hour, from T0 on; without rates the first */
static int hours;                    /* that were read */
static mpq_t exact, piece, booked, apart, half;
static uint64_t seed = 20261126;
static int64_t cases = 300, only = -1, number;
static int64_t seen_ratio, seen_terms, seen_shared, seen_steps, seen_rates, seen_area,
    seen_capacity;

/* --- what it should come to
 * --------------------------------------------------------------------------- */

/* The register at a moment: read shortly before, or shared out by time. */
static int64_t register_of(const int64_t *reg, int64_t at)
{
    int64_t since = at - T0, hour = since / 3600, rest = since % 3600;
    if (rest <= FRESH || hour >= hours)
        return reg[hour < hours ? hour : hours];
    seen_shared++;
    return reg[hour] + (reg[hour + 1] - reg[hour]) * rest / 3600;
}

/* The bill of energy that was used in one go. Adds to `exact`; answers where the ladder stands
 * then. */
static int64_t add_piece(int64_t before, struct row row, int64_t persons)
{
    int fees = plan.fee_count;
    plan.fee_count = 0; /* reckon_fees has them */
    usage = (struct usage){.rows = {row},
                           .row_count = 1,
                           .before = before,
                           .persons = (int)persons,
                           .month = 2,
                           .days = 1,
                           .months = 1};
    assert_int_equal(bill_make(&plan, &usage, &bill), BILLED);
    for (int i = 1; i < plan.step_count; i++)
        seen_steps += bill.in_step[i] > 0;
    bill_exact(&bill, piece);
    mpq_add(exact, exact, piece);
    plan.fee_count = fees;
    return before + row.total;
}

/* What was used from..to, by the registers of a meter behind a ratio. */
static struct row row_of(int64_t from, int64_t to, int64_t ratio)
{
    struct row row = {};
    bool rates = plan_has_rates(&plan);
    for (int i = 0; i < (rates ? RATES : 1); i++) {
        int64_t wh = (register_of(registers[i], to) - register_of(registers[i], from)) * ratio;
        row.total += wh;
        row.rate[i] = rates ? wh : 0;
    }
    return row;
}

/* Thousandths at yuan, as fen. */
static void add_fee(const struct part *fee, int64_t thousandths)
{
    mpq_set_si(piece, thousandths, 10);
    mpq_canonicalize(piece);
    mpq_mul(piece, piece, fee->price.value);
    mpq_add(exact, exact, piece);
}

/* A day and a month are charged by the terms that hold as they begin. */
static void reckon_fees(const struct world *w, int64_t until)
{
    for (int64_t day = DAY0; plan.fee_count > 0 && day * DAY - ZONE < until; day++) {
        bool now = day * DAY - ZONE >= w->terms_from;
        int64_t k = day - NEW_YEAR;
        add_fee(&plan.fees[0], w->area[now] * (k + 1) / 365 - w->area[now] * k / 365);
        if (day == DAY0 || day == MARCH)
            add_fee(&plan.fees[1], w->capacity[now]);
        seen_area += now;
        seen_capacity += now && day == MARCH;
    }
}

/* Sets `exact` to what everything up to `until` costs; answers the energy. */
static int64_t reckon(const struct world *w, int64_t until)
{
    int64_t energy = 0, from = T0;
    mpq_set_ui(exact, 0, 1);
    while (from < until) {
        int64_t to = until;
        bool terms = from >= w->terms_from, ratio = from >= w->ratio_from;
        if (!terms && w->terms_from < to)
            to = w->terms_from;
        if (!ratio && w->ratio_from < to)
            to = w->ratio_from;
        energy = add_piece(energy, row_of(from, to, w->ratio[ratio]), w->persons[terms]);
        from = to;
    }
    reckon_fees(w, until);
    return energy;
}

/* Money is rounded once, half a fen at most from what is exact. */
static void check_fen(int64_t fen, const char *what, int64_t at)
{
    mpq_set_si(booked, fen, 1);
    mpq_sub(apart, booked, exact);
    mpq_abs(apart, apart);
    if (mpq_cmp(apart, half) > 0)
        fail_msg("--seed %" PRIu64 " --only %" PRId64 ": %s up to %" PRId64 ": %" PRId64
                 " fen instead of %f\n%s",
                 seed, number, what, at - T0, fen, mpq_get_d(exact), json.at);
}

/* --- what it came to
 * ----------------------------------------------------------------------------------- */

struct told {
    int64_t at[DAYS_MAX + 3], fen[DAYS_MAX + 3], energy[DAYS_MAX + 3];
    size_t count;
};

static enum err read_days(struct store_tx *tx, void *arg)
{
    struct told *d = arg;
    struct query q =
        query_open(tx,
                   "SELECT closed_at, sum(amount_fen) OVER past, sum(energy_wh) OVER past "
                   "FROM settlement_basis WINDOW past AS (ORDER BY opened_at)",
                   "");
    d->count = 0;
    while (query_step(&q)) {
        assert_true(d->count < sizeof d->at / sizeof *d->at);
        d->at[d->count] = query_int(&q, 0);
        d->fen[d->count] = query_int(&q, 1);
        d->energy[d->count++] = query_int(&q, 2);
    }
    return query_end(&q);
}

static void check_days(const struct world *w)
{
    struct told d;
    assert_ok(store_read(t->ledger, read_days, &d));
    assert_true(d.count > 0);
    for (size_t i = 0; i < d.count; i++) {
        if (reckon(w, d.at[i]) != d.energy[i])
            fail_msg("--seed %" PRIu64 " --only %" PRId64 ": energy up to %" PRId64 " is %" PRId64,
                     seed, number, d.at[i] - T0, d.energy[i]);
        check_fen(d.fen[i], "settled", d.at[i]);
    }
    assert_int_equal(town_book(t, ACCOUNT, LEDGER_REVENUE), d.fen[d.count - 1]);
    assert_int_equal(town_int(t, "SELECT count(*) FROM true_up u WHERE u.amount_fen <> "
                                 "(SELECT sum(l.value ->> 'difference_fen') "
                                 "FROM json_each(u.bill, '$.lines') l)"),
                     0);
}

/* --- entering
 * ------------------------------------------------------------------------------------------- */

struct correction {
    int64_t from, persons, area, capacity, ratio, now; /* ratio 0: terms */
};

static enum err put(struct store_tx *tx, void *arg)
{
    const struct correction *e = arg;
    const struct billing *b = &t->clerk.billing;
    struct billing_ratio r = {METER, {e->from}, e->ratio, "plate", "user:1"};
    struct site_terms terms = {.from = {e->from},
                               .persons = e->persons,
                               .area_milli_m2 = e->area,
                               .capacity_milli_kva = e->capacity};
    if (e->ratio)
        return billing_ratio_put(tx, b, &r, (wall_s){e->now});
    return billing_terms_put(tx, b, ACCOUNT, &terms, &(struct billing_by){"user:1", "register"},
                             (wall_s){e->now});
}

static void enter(struct world *w, bool ratio, int64_t from, int64_t now)
{
    struct correction e = {.from = from, .now = now};
    if (ratio) {
        e.ratio = w->ratio[1];
        w->ratio_from = from;
        seen_ratio++;
    } else {
        e.persons = w->persons[1];
        e.area = w->area[1];
        e.capacity = w->capacity[1];
        w->terms_from = from;
        seen_terms++;
    }
    assert_ok(store_run(t->ledger, put, &e));
}

/* The true-up against the oracle's two bills of the same settled time. */
static void correct(struct world *w, bool ratio, int64_t from, int64_t settled, int64_t now)
{
    int64_t old_fen = town_book(t, ACCOUNT, LEDGER_REVENUE);
    int64_t before = town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM true_up");
    reckon(w, settled);
    check_fen(old_fen, "before it was corrected", settled);
    enter(w, ratio, from, now);
    int64_t line = town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM true_up") - before;
    reckon(w, settled);
    check_fen(old_fen + line, "trued up", settled);
    check_days(w);
}

/* --- a case
 * -----------------------------------------------------------------------------------------------
 */

/* Every day its share of an area, and every month a capacity. */
static void make_fees(void)
{
    static const struct part shape[] = {
        {.code = "house", .per = PER_AREA, .rounding = -1, .cycle = YEAR},
        {.code = "kva", .per = PER_CAPACITY, .rounding = -1, .cycle = -1}};
    plan.fee_count = 2;
    for (int i = 0; i < 2; i++) {
        struct part *x = &plan.fees[i];
        memcpy(x->code, shape[i].code, sizeof x->code);
        x->per = shape[i].per;
        x->rounding = shape[i].rounding;
        x->cycle = shape[i].cycle;
        decimal_set(&x->price, chance_between(&chance, 1, 5000), 2);
    }
}

/* Its rates are the meter's, or it has none. */
static bool is_for_meters(void)
{
    return !plan_needs_dates(&plan) && plan.form != BY_MATRIX &&
           !(plan_has_rates(&plan) && plan.priced[RATES - 1]);
}

/* One with steps among what will be used. */
static void make_plan(int64_t most, int days)
{
    do
        plan_make(&plan, 4, &chance);
    while (!is_for_meters() || (plan.kind == FLAT && chance_percent(&chance, 80)));
    plan.fee_count = 0;
    plan.minimum_fen = 0;
    plan.unit = -1;
    plan.rounding = CARRY;
    for (int i = 0; i < plan.component_count; i++)
        plan.components[i].rounding = -1;
    /* None of its cycles begins anew in the days from 16 February on. */
    plan.cycle = days > 11 || chance_percent(&chance, 50) ? YEAR : MONTH;
    plan.start_month = plan.start_day = 0;
    int64_t low = 0;
    for (int i = 0; i < plan.step_count - 1; i++) {
        low += 1 + chance_between(&chance, 0, most * 2 / plan.step_count);
        plan.steps[i].to = plan.steps[i].to_high = low;
    }
    if (plan.cycle != MONTH)
        plan.high_from = plan.high_to = 0;
    if (chance_percent(&chance, 50))
        make_fees();
    text_clear(&json);
    plan_print(&plan, &chance, &json);
}

/* Of each rate that has a price, or of the total. */
static void use_energy(int days, int64_t most)
{
    bool rates = plan_has_rates(&plan);
    hours = 24 * days;
    for (int r = 0; r < RATES; r++) {
        bool runs = rates ? plan.priced[r] : r == 0;
        int64_t *reg = registers[r];
        reg[0] = runs ? chance_between(&chance, 0, 100'000) * 10 : 0;
        for (int i = 0; i < HOURS; i++)
            reg[i + 1] = reg[i] + (runs ? chance_between(&chance, 0, most / 10) * 10 : 0);
        seen_rates += rates && runs;
    }
}

static void read_hours(int from, int to)
{
    for (int i = from; i <= to; i++) {
        int64_t at = T0 + i * 3600, wh[RATES], sum = 0;
        for (int r = 0; r < RATES; r++)
            sum += wh[r] = registers[r][i];
        if (plan_has_rates(&plan))
            town_say(t, METER, 1, at, POINT_ENERGY_WH, sum, POINT_ENERGY_RATE1_WH, wh[0],
                     POINT_ENERGY_RATE2_WH, wh[1], POINT_ENERGY_RATE3_WH, wh[2],
                     POINT_ENERGY_RATE4_WH, wh[3], 0);
        else
            town_wh(t, METER, at, sum);
    }
}

static void begin(const struct world *w)
{
    town_plan(t, "any", 1, 1, json.at);
    town_exec(t, "UPDATE account SET plan_code = 'any' WHERE id = 7");
    assert_ok(store_run(t->ledger, put,
                        &(struct correction){.persons = w->persons[0],
                                             .area = w->area[0],
                                             .capacity = w->capacity[0],
                                             .now = T0 - 120}));
    if (w->ratio[0] > 1)
        assert_ok(
            store_run(t->ledger, put,
                      &(struct correction){.from = T0 - 60, .ratio = w->ratio[0], .now = T0 - 60}));
}

/* On a reading, close to one, or, where no rate must be told from another, between two. */
static int64_t some_moment(int days)
{
    bool close = plan_has_rates(&plan) || chance_percent(&chance, 30);
    return T0 + chance_between(&chance, 0, 24 * days - 1) * 3600 +
           (close ? (chance_percent(&chance, 50) ? 1 : 900) : chance_between(&chance, 1, 3599));
}

static void one_case(void)
{
    void *state;
    bool march = chance_percent(&chance, 25);
    int days =
        (int)(march ? chance_between(&chance, 13, DAYS_MAX - 1) : chance_between(&chance, 1, 6));
    int64_t most = chance_between(&chance, 0, 400) * 10;
    struct world w = {
        .persons = {chance_between(&chance, 0, 9), chance_between(&chance, 0, 9)},
        .area = {chance_between(&chance, 1, 500'000), chance_between(&chance, 1, 500'000)},
        .capacity = {chance_between(&chance, 1, 900'000), chance_between(&chance, 1, 900'000)},
        .terms_from = NEVER,
        .ratio = {chance_between(&chance, 1, 30), chance_between(&chance, 1, 30)},
        .ratio_from = NEVER};
    make_plan(12 * days * most * (w.ratio[0] + w.ratio[1]) / 2, days);
    use_energy(days, most);
    assert_int_equal(town_open(&state), 0);
    t = state;
    begin(&w);
    read_hours(0, hours);
    int64_t end = T0 + days * DAY;
    town_tick(t, end);
    check_days(&w);
    bool ratio = chance_percent(&chance, 50);
    correct(&w, ratio, some_moment(days), end, end + 60);
    if (chance_percent(&chance, 50))
        correct(&w, !ratio, some_moment(days), end, end + 120);
    hours += 24; /* and the next day */
    read_hours(hours - 23, hours);
    town_tick(t, end + DAY);
    check_days(&w);
    town_close(&state);
}

static void random_cases(void **state)
{
    (void)state;
    for (number = 0; number < cases; number++) {
        chance = chance_begin(seed, (uint64_t)number);
        if (only < 0 || number == only)
            one_case();
    }
    print_message("%" PRId64 " cases: %" PRId64 " ratios, %" PRId64 " terms, %" PRId64
                  " registers shared out, %" PRId64 " lines above the first step, %" PRId64
                  " registers of rates, %" PRId64 " days and %" PRId64 " months of other fees\n",
                  cases, seen_ratio, seen_terms, seen_shared, seen_steps, seen_rates, seen_area,
                  seen_capacity);
    assert_true(only >= 0 ||
                (seen_ratio > 0 && seen_terms > 0 && seen_shared > 0 && seen_steps > 0 &&
                 seen_rates > 0 && seen_area > 0 && seen_capacity > 0));
}

int main(int count, char **words)
{
    for (int i = 1; i + 1 < count; i += 2) {
        int64_t value = strtoll(words[i + 1], NULL, 10);
        if (strcmp(words[i], "--cases") == 0)
            cases = value;
        else if (strcmp(words[i], "--only") == 0)
            only = value;
        else
            seed = (uint64_t)value;
    }
    features = 0;
    plan_init(&plan);
    bill_init(&bill);
    mpq_inits(exact, piece, booked, apart, half, NULL);
    mpq_set_ui(half, 1, 2);
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_cases)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mpq_clears(exact, piece, booked, apart, half, NULL);
    bill_free(&bill);
    plan_free(&plan);
    text_free(&json);
    return failed;
}
