/*
 * The n-day rule: its vectors, tuning it to a budget, nobody left unlooked at, and that it reaches
 * the warnings and cuts that rating everybody would.
 */
#include "tests/unit/control/fee_world.h"

#include "base/rand.h"
#include "control/nday.h"

static struct nday costs(int64_t day_fen)
{
    struct nday f = {.known = true, .days = NDAY_AHEAD_MAX};
    for (int n = 0; n < NDAY_AHEAD_MAX; n++)
        for (int q = 0; q < FORECAST_QUANTILES; q++)
            f.cost_fen[n][q] = (n + 1) * day_fen;
    return f;
}

static void test_vectors(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    static const struct {
        int64_t available_fen, day_fen;
        int days;
        bool selected;
    } v[] = {
        {1'200, 380, 3, false},                         /* 11.40 < 12.00 */
        {1'200, 380, 4, true},  {1'140, 380, 3, false}, /* equal is covered */
        {0, 0, 5, false},                               /* nobody there, nothing stands */
        {0, 1, 5, true},                                /* but a standing fee */
        {-200, 0, 1, true},                             /* in arrears: always */
    };
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        struct nday f = costs(v[i].day_fen);
        int32_t need = nday_need(&p, &f, v[i].available_fen);
        assert_int_equal(need > 0 && need <= v[i].days, v[i].selected);
    }
    struct nday f = costs(380);
    p.cut_at_fen = -1'000; /* an overdraft covers as well */
    assert_int_equal(nday_need(&p, &f, 140), 4);
    assert_int_equal(nday_need(&p, &f, 1'000'000), 0);
}

static void test_tuning(void **state)
{
    (void)state;
    int64_t accounts[NDAY_AHEAD_MAX + 1] = {900, 10, 20, 30, 40};
    assert_int_equal(nday_tune(accounts, 0, 3, 1), 3);
    assert_int_equal(nday_tune(accounts, 5, 3, 1), 1); /* not less than one day */
    assert_int_equal(nday_tune(accounts, 30, 3, 1), 2);
    assert_int_equal(nday_tune(accounts, 59, 3, 1), 2);
    assert_int_equal(nday_tune(accounts, 60, 3, 1), 3);
    assert_int_equal(nday_tune(accounts, 1'000'000, 3, 1), NDAY_AHEAD_MAX);
}

static void test_headroom(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default(); /* 30, 10, 0 yuan */
    struct strategy_facts f = {.available_fen = 5'000, .available_known = true};
    assert_int_equal(nday_headroom(&p, &f), 2'000);
    f.available_fen = 3'001;
    assert_int_equal(nday_headroom(&p, &f), 1);
    f.available_fen = 3'000; /* reached: the next one is 10 yuan */
    assert_int_equal(nday_headroom(&p, &f), 2'000);
    f.available_fen = 0;
    assert_int_equal(nday_headroom(&p, &f), 0);
    p.level_days[0] = 7;
    f = (struct strategy_facts){
        .available_fen = 6'000, .available_known = true, .mean_day_fen = 700};
    assert_int_equal(nday_headroom(&p, &f), 1'100); /* seven days are 49 yuan */
}

/* --- the same warnings and cuts
 * ---------------------------------------------------------------------- */

/* Random accounts live some weeks. One officer rates everybody each hour. The other rates, each
 * hour, only whom the morning's look took in: those whose headroom the day might use up. Both must
 * see every level and the cut on the same hour, as long as no day uses more than was foreseen; and
 * a day that does is caught with the next look at the latest. */
struct life {
    int64_t available_fen, mean_day_fen, hour_fen, foreseen_fen;
    int level_all, level_few;
    bool cut_all, cut_few, taken;
};

static struct strategy_facts facts_of(const struct life *l)
{
    return (struct strategy_facts){.available_fen = l->available_fen,
                                   .available_known = true,
                                   .mean_day_fen = l->mean_day_fen};
}

static void rate(const struct strategy_policy *p, const struct life *l, int *level, bool *cut)
{
    struct strategy_facts f = facts_of(l);
    *level = strategy_level_of(p, &f);
    *cut = l->available_fen <= p->cut_at_fen;
}

static void live_a_day(const struct strategy_policy *p, struct life *l, struct rand_stream *r,
                       bool surprise)
{
    struct strategy_facts f = facts_of(l);
    l->taken = nday_headroom(p, &f) <= l->foreseen_fen || f.available_fen <= p->cut_at_fen;
    rate(p, l, &l->level_few, &l->cut_few); /* the look itself is a rating */
    for (int hour = 0; hour < 24; hour++) {
        int64_t most = l->foreseen_fen / 24;
        l->hour_fen = surprise ? most * 3 : (int64_t)rand_below(r, (uint64_t)most + 1);
        l->available_fen -= l->hour_fen;
        rate(p, l, &l->level_all, &l->cut_all);
        if (l->taken)
            rate(p, l, &l->level_few, &l->cut_few);
        if (!surprise) {
            assert_int_equal(l->level_all, l->level_few);
            assert_int_equal(l->cut_all, l->cut_few);
        }
    }
    if (rand_below(r, 12) == 0)
        l->available_fen += (int64_t)rand_below(r, 20'000); /* paid: rated at once by both */
    rate(p, l, &l->level_all, &l->cut_all);
    rate(p, l, &l->level_few, &l->cut_few);
}

static void test_same_as_rating_everybody(void **state)
{
    struct rand_stream r = rand_split(11, "lives");
    int taken = 0, days = 0;
    (void)state;
    for (int i = 0; i < 400; i++) {
        struct strategy_policy p = strategy_policy_default();
        p.level_days[0] = rand_below(&r, 2) ? 7 : 0;
        p.level_days[1] = p.level_days[0] ? 3 : 0;
        p.cut_at_fen = -(int64_t)rand_below(&r, 1'000);
        struct life l = {.available_fen = (int64_t)rand_below(&r, 15'000)};
        l.mean_day_fen = (int64_t)rand_below(&r, 900);
        for (int day = 0; day < 40; day++, days++) {
            l.foreseen_fen = 24 + (int64_t)rand_below(&r, 1'200);
            live_a_day(&p, &l, &r, rand_below(&r, 20) == 0);
            taken += l.taken;
        }
    }
    assert_true(taken > days / 20 && taken < days * 19 / 20); /* the rule does choose */
}

/* --- in the house
 * ------------------------------------------------------------------------------------ */

struct turn {
    struct world *w;
    int64_t limit, worked;
    struct nday_row row;
};
static enum err tick(struct store_tx *tx, void *arg)
{
    struct turn *t = arg;
    return nday_tick(tx, &(struct nday_turn){t->w->readings, t->w->now, t->limit}, &t->worked);
}
static enum err get(struct store_tx *tx, void *arg)
{
    struct turn *t = arg;
    return nday_get(tx, ACCOUNT, &t->row);
}

/* Twelve days of 5 kWh are settled, and the meter is read. */
static void prepare(struct world *w)
{
    reading(w, 0, 0);
    sql(w,
        "WITH RECURSIVE d (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM d WHERE n < 12) INSERT INTO "
        "settlement (account_id, meter_id, epoch, opened_at, closed_at, business_day, amount_fen, "
        "energy_wh, bill) SELECT 7, 11, 1, 1000 + n, 1001 + n, 20453 - n, 0, 5000, '{}' FROM d");
}

static void test_selected_until_judged(void **state)
{
    struct world *w = *state;
    struct turn t = {.w = w, .limit = 10};
    prepare(w);
    pay(w, "order-0001", 1'200); /* 12 yuan; three days cost about 15 */
    assert_err(ERR_NOT_FOUND, store_read(w->ledger, get, &t));
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 1);
    assert_ok(store_read(w->ledger, get, &t));
    assert_true(t.row.selected);
    assert_int_equal(t.row.n_days, 3);
    assert_true(t.row.need_days >= 1 && t.row.need_days <= 3);
    assert_int_equal(t.row.judged_at.s, 0);
    assert_true(number(w, "SELECT due_at FROM fee_state WHERE account_id = 7") <= w->now.s);
    /* nothing is done for a while (the process was dead): it stays due */
    w->now.s += 3'600;
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 0);
    assert_true(number(w, "SELECT due_at FROM fee_state WHERE account_id = 7") <= w->now.s);
    assert_ok(store_run(w->ledger, check, w));
    assert_ok(store_read(w->ledger, get, &t));
    assert_int_equal(t.row.judged_at.s, w->now.s);
    assert_int_equal(number(w,
                            "SELECT count(*) FROM fee_state WHERE due_at IS NOT NULL AND due_at <= "
                            "(SELECT judged_at FROM nday)"),
                     0);
}

static void test_once_a_day(void **state)
{
    struct world *w = *state;
    struct turn t = {.w = w, .limit = 10};
    prepare(w);
    pay(w, "order-0001", 90'000);
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 1);
    assert_ok(store_read(w->ledger, get, &t));
    assert_false(t.row.selected);
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 0);
    w->now.s += 86'400;
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 1);
}

/* One account whose look fails in a way that nobody foresaw does not keep the others from theirs.
 */
static void test_an_odd_account_stops_no_look(void **state)
{
    struct world *w = *state;
    struct turn t = {.w = w, .limit = 10};
    prepare(w);
    pay(w, "order-0001", 90'000);
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (9, 1, 1, 'a9', 'a9', 'platform', 'flat', 's', 5, 1)");
    sql(w,
        "CREATE TRIGGER odd BEFORE INSERT ON nday WHEN NEW.account_id = 7 AND NEW.strategy <> '' "
        "BEGIN SELECT raise(ABORT, 'odd'); END");
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 2);
    assert_int_equal(number(w, "SELECT looked_at FROM nday WHERE account_id = 9"), w->now.s);
    assert_int_equal(
        number(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' AND account_id = 7"), 1);
    assert_ok(store_run(w->ledger, tick, &t));
    assert_int_equal(t.worked, 0);
    sql(w, "DROP TRIGGER odd");
    w->now.s += 3'600;
    assert_ok(store_run(w->ledger, tick, &t));
    assert_ok(store_read(w->ledger, get, &t));
    assert_int_equal(t.row.n_days, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_tuning),
        cmocka_unit_test(test_headroom),
        cmocka_unit_test(test_same_as_rating_everybody),
        cmocka_unit_test_setup_teardown(test_selected_until_judged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_once_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_odd_account_stops_no_look, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
