/* Bulk rating against rating_state: the same fen, the same carry, the same refusals. */
#include "tests/unit/check.h"

#include <string.h>

#include "base/rand.h"
#include "rating/bulk.h"
#include "rating/statement.h"

#define PLANS 64
#define ROWS 512

static int64_t pick(struct rand_stream *r, int64_t below)
{
    return (int64_t)rand_below(r, (uint64_t)below);
}

/* Of any size: small ones, usual ones, and some that do not fit. */
static int64_t pick_size(struct rand_stream *r)
{
    uint64_t bits = rand_u64(r);
    return (int64_t)(bits >> (1 + rand_below(r, 63)));
}

static int64_t pick_price(struct rand_stream *r)
{
    switch (rand_below(r, 6)) {
    case 0:
        return 0;
    case 1:
        return pick(r, 1'000) * 100'000; /* amounts that end at half a fen */
    case 2:
        return pick(r, RATING_PRICE_MAX_E8 + 1);
    default:
        return pick(r, 2 * UNITS_PRICE_SCALE);
    }
}

static void make_steps(struct rand_stream *r, struct rating_ladder *l)
{
    int64_t to = 0, to_high = 0;
    l->step_count = 1 + (size_t)pick(r, RATING_BULK_STEPS_MAX);
    for (size_t i = 0; i < l->step_count; i++) {
        to += 1 + pick(r, 300'000);
        to_high += 1 + pick(r, 300'000);
        bool last = i + 1 == l->step_count;
        l->steps[i].to_wh = last ? RATING_STEP_OPEN : to;
        l->steps[i].to_high_wh = last ? RATING_STEP_OPEN : to_high;
        l->steps[i].price_e8 = pick_price(r);
    }
}

static struct rating_plan make_plan(struct rand_stream *r)
{
    struct rating_plan p = {.kind = (enum rating_kind)pick(r, RATING_KINDS),
                            .price_e8 = pick_price(r),
                            .rounding = RATING_CARRY};
    for (unsigned i = 0; i < RATING_RATES; i++) {
        p.priced[i] = rand_chance(r, 800);
        p.rate_price_e8[i] = p.priced[i] ? pick_price(r) : 0;
    }
    p.ladder.form =
        rand_chance(r, 500) && p.kind == RATING_LADDER ? RATING_BY_PRICE : RATING_BY_SURCHARGE;
    p.ladder.apportion = rand_chance(r, 500) ? RATING_PRO_RATA : RATING_CHRONOLOGICAL;
    p.ladder.cycle = RATING_MONTH;
    p.ladder.high_from = rand_chance(r, 500) ? 11 : 0;
    p.ladder.high_to = p.ladder.high_from ? 3 : 0;
    p.ladder.household_from = rand_chance(r, 300) ? 5 : 0;
    p.ladder.household_extra_wh = 100'000;
    p.ladder.household_each_more_wh = 7'001;
    make_steps(r, &p.ladder);
    p.component_count = (size_t)pick(r, 4);
    for (size_t i = 0; i < p.component_count; i++)
        p.components[i] = (struct rating_part){
            .code = "tax",
            .price_e8 = pick_price(r),
            .rounding = rand_chance(r, 500) ? RATING_CARRY : RATING_ROUNDING_PLAN};
    return p;
}

struct table {
    int64_t from[RATING_RATES + 1][ROWS], to[RATING_RATES + 1][ROWS], position[ROWS], carry[ROWS];
    int64_t amount_fen[ROWS], carry_out[ROWS];
    uint16_t plan[ROWS], refused[ROWS];
};
static struct table t;
static struct rating_plan plans[PLANS];
static struct rating_compiled compiled[PLANS];

/* A quantity that ends at, just before or just after a bound of the account's plan. */
static int64_t near_step(struct rand_stream *r, const struct rating_compiled *c)
{
    int64_t wh = c->from_wh[rand_below(r, c->step_count)];
    return wh + pick(r, 3) - 1;
}

static int64_t pick_quantity(struct rand_stream *r, const struct rating_compiled *c,
                             int64_t position)
{
    if (rand_chance(r, 100))
        return pick_size(r);
    if (rand_chance(r, 300))
        return pick(r, 4);
    if (c->step_count && rand_chance(r, 500)) {
        int64_t wh = near_step(r, c) - position;
        if (wh >= 0)
            return wh;
    }
    return pick(r, 1'000'000);
}

static void make_row(struct rand_stream *r, size_t i)
{
    t.plan[i] = (uint16_t)pick(r, PLANS);
    const struct rating_compiled *c = &compiled[t.plan[i]];
    int64_t position = pick(r, 1'500'000);
    if (c->step_count && rand_chance(r, 400))
        position = near_step(r, c);
    t.position[i] = rand_chance(r, 10) ? pick_size(r) : position;
    t.carry[i] = rand_chance(r, 100)   ? pick(r, 2) * UNITS_EXACT_PER_FEN - UNITS_EXACT_PER_FEN / 2
                 : rand_chance(r, 100) ? 0
                                       : pick(r, UNITS_EXACT_PER_FEN) - UNITS_EXACT_PER_FEN / 2;
    int64_t sum = pick_quantity(r, c, t.position[i]), left = sum;
    for (unsigned k = 0; k < RATING_RATES; k++) {
        int64_t part = k + 1 == RATING_RATES             ? left
                       : left > 0 && rand_chance(r, 600) ? pick(r, left)
                                                         : 0;
        if (rand_chance(r, 300) && c->by_rate && !plans[t.plan[i]].priced[k])
            part = 0;
        left -= part;
        t.from[k][i] = rand_chance(r, 5) ? -pick(r, 9) : pick(r, 1'000'000'000);
        t.to[k][i] = t.from[k][i] + (part > INT64_MAX / 4 ? INT64_MAX / 4 : part);
    }
    t.from[RATING_TOTAL][i] = pick(r, 1'000'000'000);
    t.to[RATING_TOTAL][i] = t.from[RATING_TOTAL][i] + (sum > INT64_MAX / 2 ? INT64_MAX / 2 : sum);
    if (rand_chance(r, 50))
        t.to[RATING_TOTAL][i] += pick(r, 121) - 60;
}

static enum err state_of(size_t i, bool with_total, int64_t *amount_fen, int64_t *carry)
{
    const struct rating_compiled *c = &compiled[t.plan[i]];
    struct rating_used used = {};
    static struct rating_statement s;
    *amount_fen = 0;
    *carry = t.carry[i];
    for (unsigned k = 0; k < RATING_RATES; k++) {
        used.rate_wh[k] = t.to[k][i] - t.from[k][i];
        used.total_wh += used.rate_wh[k];
        if ((c->by_rate || !with_total) && t.from[k][i] < 0)
            return ERR_RATING_BACKWARDS;
    }
    if (with_total)
        used.total_wh = t.to[RATING_TOTAL][i] - t.from[RATING_TOTAL][i];
    enum err e = rating_state(&plans[t.plan[i]],
                              &(struct rating_request){.rows = &used,
                                                       .row_count = 1,
                                                       .used_before_wh = t.position[i],
                                                       .persons = c->class.persons,
                                                       .month = c->class.month,
                                                       .carry = t.carry[i]},
                              &s);
    if (e == ERR_OK) {
        *amount_fen = s.amount_fen;
        *carry = s.carry;
    }
    return e;
}

static struct rating_columns columns_of(bool with_total)
{
    struct rating_columns in = {
        .count = ROWS, .position_wh = t.position, .carry = t.carry, .plan = t.plan};
    for (unsigned k = 0; k < RATING_RATES + (with_total ? 1 : 0); k++) {
        in.from_wh[k] = t.from[k];
        in.to_wh[k] = t.to[k];
    }
    return in;
}

static const struct rating_amounts results = {t.amount_fen, t.carry_out, t.refused};

static void test_bulk_is_rating_state(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(1, "bulk");
    size_t cases = 0, charged = 0, refused = 0;
    for (int round = 0; round < 4'000; round++) {
        for (size_t p = 0; round % 20 == 0 && p < PLANS; p++) {
            uint8_t first = (uint8_t)(1 + pick(&r, 12));
            struct rating_class class = {first, (uint16_t)pick(&r, 9)};
            plans[p] = make_plan(&r);
            assert_ok(rating_compile(&plans[p], class, &compiled[p]));
        }
        for (size_t i = 0; i < ROWS; i++)
            make_row(&r, i);
        bool with_total = round % 2;
        struct rating_columns in = columns_of(with_total);
        refused += rating_bulk(compiled, PLANS, &in, &results);
        for (size_t i = 0; i < ROWS; i++, cases++) {
            int64_t fen, carry;
            enum err e = state_of(i, with_total, &fen, &carry);
            if (e != t.refused[i] || fen != t.amount_fen[i] || carry != t.carry_out[i])
                fail_msg("round %d row %zu: %s %lld %lld, but %s %lld %lld", round, i,
                         err_name((enum err)t.refused[i]), (long long)t.amount_fen[i],
                         (long long)t.carry_out[i], err_name(e), (long long)fen, (long long)carry);
            charged += fen > 0;
        }
    }
    assert_true(cases == 4'000 * ROWS);
    assert_true(charged > cases / 2 && refused > cases / 50 && refused < cases / 2);
}

static void test_shapes_of_columns(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(2, "bulk");
    for (size_t p = 0; p < PLANS; p++) {
        plans[p] = make_plan(&r);
        assert_ok(rating_compile(&plans[p], (struct rating_class){.month = 7}, &compiled[p]));
    }
    for (size_t i = 0; i < ROWS; i++) {
        make_row(&r, i);
        for (unsigned k = 1; k < RATING_RATES; k++)
            t.from[k][i] = t.to[k][i] = 0;
        t.from[0][i] = 5;
        t.to[0][i] = 5 + t.to[RATING_TOTAL][i] - t.from[RATING_TOTAL][i];
    }
    t.plan[7] = PLANS;
    struct rating_columns all = columns_of(true), one = columns_of(true);
    size_t refused = rating_bulk(compiled, PLANS, &all, &results);
    int64_t amount_fen[ROWS];
    memcpy(amount_fen, t.amount_fen, sizeof amount_fen);
    assert_int_equal(t.refused[7], ERR_RANGE);
    for (unsigned k = 1; k < RATING_RATES; k++)
        one.from_wh[k] = one.to_wh[k] = NULL;
    assert_int_equal(refused, rating_bulk(compiled, PLANS, &one, &results));
    assert_memory_equal(amount_fen, t.amount_fen, sizeof amount_fen);
    one.from_wh[RATING_TOTAL] = one.to_wh[RATING_TOTAL] = NULL;
    assert_true(refused >= rating_bulk(compiled, PLANS, &one, &results));
}

static void test_a_carry_that_cannot_be(void **state)
{
    (void)state;
    struct rating_plan flat = {.kind = RATING_FLAT, .price_e8 = 50'000'000};
    plans[0] = flat;
    assert_ok(rating_compile(&plans[0], (struct rating_class){}, &compiled[0]));
    memset(&t, 0, sizeof t);
    t.carry[0] = INT64_MAX;
    t.carry[1] = INT64_MIN;
    t.carry[2] = UNITS_EXACT_PER_FEN / 2 + 1;
    t.carry[3] = -UNITS_EXACT_PER_FEN / 2 - 1;
    struct rating_columns in = columns_of(true);
    assert_int_equal(rating_bulk(compiled, 1, &in, &results), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t.refused[i], ERR_RANGE);
        assert_int_equal(t.carry_out[i], t.carry[i]);
    }
}

static void test_what_cannot_be_compiled(void **state)
{
    (void)state;
    struct rating_compiled c;
    struct rating_class any = {.month = 1};
    struct rand_stream r = rand_split(3, "bulk");
    struct rating_plan good = {.kind = RATING_TIME_OF_USE_LADDER}, p;
    good.ladder.form = RATING_BY_SURCHARGE;
    make_steps(&r, &good.ladder);
    assert_ok(rating_compile(&good, any, &c));
    p = good, p.ladder.form = RATING_BY_MATRIX;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.fee_count = 1;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.minimum_fen = 500;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.rounding = RATING_HALF_UP;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.component_count = 1, p.components[0].rounding = RATING_UP;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.ladder.step_count = RATING_BULK_STEPS_MAX + 1;
    assert_err(ERR_RATING_BULK, rating_compile(&p, any, &c));
    p = good, p.ladder.high_from = 5, p.ladder.high_to = 10;
    assert_err(ERR_RATING_MONTH, rating_compile(&p, (struct rating_class){}, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bulk_is_rating_state),
        cmocka_unit_test(test_shapes_of_columns),
        cmocka_unit_test(test_a_carry_that_cannot_be),
        cmocka_unit_test(test_what_cannot_be_compiled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
