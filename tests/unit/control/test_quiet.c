/*
 * The n-day rule in the whole loop: rating those whom it selects at short notice and leaving quiet
 * accounts alone gives the same warnings and cuts as rating everybody with every reading; and
 * nobody who is due is forgotten.
 */
#include "tests/unit/control/fee_world.h"

#include <string.h>
#include <unistd.h>

#include "billing/quiet.h"
#include "control/nday.h"

/* --- random lives --------------------------------------------------------------------------------
 */

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

#define STRATEGY(n, levels, more)                                                                  \
    "INSERT INTO strategy (id, project_id, code, version, effective_at, body) VALUES (2, 1, 's', " \
    "2, 2, '{\"rating\":{\"n_days\":" n "}," levels                                                \
    "\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],"                   \
    "\"holidays\":true}" more "}')"
#define MONEY "\"levels\":[\"30\",\"10\",\"0\"],"
#define DAYS MONEY "\"dunning\":{\"days_left\":[7,3]},"
#define WARNING                                                                                    \
    MONEY                                                                                          \
    "\"dunning\":{\"percent\":[60,20],\"percent_of\":\"warning_amount\",\"warning_days\":10},"
#define OVERDRAFT "\"levels\":[\"15\",\"5\",\"0\",\"-20\"],"

/* Of each pair: rating everybody, and the n-day rule. */
static const char *const strategies[][2] = {
    {STRATEGY("0", MONEY, ""), STRATEGY("3", MONEY, "")},
    {STRATEGY("0", DAYS, ""), STRATEGY("2", DAYS, "")},
    {STRATEGY("0", WARNING, ""), STRATEGY("1", WARNING, "")},
    {STRATEGY("0", OVERDRAFT, ""), STRATEGY("5", OVERDRAFT, "")},
};

#define PLAN(version, at, body)                                                                    \
    "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) VALUES (" version  \
    "0, 1, 'flat', " version ", " at ", '" body "')"
#define LADDER                                                                                     \
    "{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[{\"to\":\"40\",\"price\":\"0.50\"},"      \
    "{\"to\":\"90\",\"price\":\"1.00\"},{\"price\":\"3.00\"}]}"
#define FEES                                                                                       \
    "{\"kind\":\"flat\",\"price\":\"0.80\",\"fees\":[{\"code\":\"day\",\"per\":\"day\","           \
    "\"price\":\"1.50\"}]}"

static const char *const plans[] = {PLAN("2", "2", FEES), PLAN("3", "2", LADDER),
                                    PLAN("4", "2", "{\"kind\":\"flat\",\"price\":\"0.60\"}")};
/* Tripled in the middle of a day, told beforehand. */
static const char later_plan[] =
    PLAN("5", "1767600000", "{\"kind\":\"flat\",\"price\":\"3.00\"}"); /* NOON + 100 h */

static enum err settle(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing b = {.readings = w->readings, .readings_store = w->readings_store};
    struct billing_settled done;
    return billing_settle_account(tx, &b, ACCOUNT, w->now, &done);
}

static enum err scan(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t ids[4], worked;
    size_t count;
    if (w->leave_alone)
        TRY(nday_tick(tx, &(struct nday_turn){w->readings, w->now, 4}, &worked));
    TRY(control_fee_due(tx, w->now, ids, 4, &count));
    for (size_t i = 0; i < count; i++)
        TRY(check(tx, w));
    return ERR_OK;
}

static enum err ask_quiet(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    bool quiet;
    TRY(quiet_holds(tx, w->readings, ACCOUNT, w->now, &quiet));
    return quiet ? ERR_OK : ERR_NOT_FOUND;
}

/* --- what became of them -------------------------------------------------------------------------
 */

#define STORY_MAX 65536

struct story {
    struct world *w;
    char text[STORY_MAX];
};

static enum err tell_rows(struct store_tx *tx, struct story *s, const char *sql_text)
{
    struct query q = query_open(tx, sql_text, "");
    size_t len = strlen(s->text);
    while (query_step(&q) && len + 200 < STORY_MAX)
        len += (size_t)snprintf(s->text + len, STORY_MAX - len, "%lld %s %lld\n",
                                (long long)query_int(&q, 0), query_text(&q, 1),
                                (long long)query_int(&q, 2));
    return query_end(&q);
}

static enum err tell_story(struct store_tx *tx, void *arg)
{
    struct story *s = arg;
    s->text[0] = '\0';
    TRY(tell_rows(tx, s, "SELECT at, kind, 0 FROM event WHERE account_id = 7 ORDER BY id"));
    TRY(tell_rows(tx, s, "SELECT at, template || text_en, level FROM message ORDER BY id"));
    TRY(tell_rows(tx, s, "SELECT version, desired || reason, not_after FROM relay"));
    return tell_rows(tx, s,
                     "SELECT level_at, said, level * 1000 + episode * 100 + notices * 10 + "
                     "warned_level FROM fee_state");
}

static struct story *story_of(struct world *w)
{
    struct story *s = calloc(1, sizeof *s);
    s->w = w;
    assert_ok(store_read(w->ledger, tell_story, s));
    return s;
}

static void assert_same_story(struct world *a, struct world *b, int life)
{
    struct story *x = story_of(a), *y = story_of(b);
    if (strcmp(x->text, y->text) != 0)
        fail_msg("life %d: everybody:\n%s\nn days:\n%s", life, x->text, y->text);
    free(x);
    free(y);
}

/* --- both ways -----------------------------------------------------------------------------------
 */

struct lives {
    int64_t quiet, selected, readings, cuts, warnings;
};

/* One step of a life, in both worlds alike. */
struct step {
    int64_t after_s, used_wh, paid_fen;
    bool deliver;
    char order[24];
};

static void do_step(struct world *w, const struct step *s, struct lives *sum)
{
    reading(w, s->after_s, s->used_wh);
    assert_ok(store_run(w->ledger, scan, w));
    if (w->leave_alone) {
        sum->readings++;
        sum->quiet += store_read(w->ledger, ask_quiet, w) == ERR_OK;
        sum->selected += number(w, "SELECT count(*) FROM fee_watch WHERE state = 'short'");
    }
    if (s->paid_fen)
        pay(w, s->order, s->paid_fen);
    if (s->deliver)
        deliver(w);
    assert_ok(store_run(w->ledger, settle, w));
    if (wished(w, "open") != (w->relay_open == 1))
        relay_does(w, wished(w, "open"));
}

/* An ordinary day, with a burst now and then that nobody can foresee. */
static struct step next_step(int life, int i, bool off)
{
    struct step s = {.after_s = 600 + draw(9000)};
    s.deliver = draw(4) > 0;
    s.used_wh = off ? 0 : (int64_t)draw(draw(15) == 0 ? 25'000 : 900);
    if (draw(40) == 0)
        s.after_s += 86'400; /* nothing was read for a day */
    if (draw(20) == 0)
        s.paid_fen = 300 + draw(5000);
    snprintf(s.order, sizeof s.order, "order-%03d-%04d", life, i);
    return s;
}

static void live(int life, struct lives *sum)
{
    seed = 20260101u + (unsigned)life;
    size_t kind = (size_t)life % (sizeof strategies / sizeof *strategies), plan = draw(4);
    struct world *w[2] = {world_new(NULL), world_new(NULL)};
    int steps = 160;
    w[1]->leave_alone = true;
    for (int k = 0; k < 2; k++) {
        sql(w[k], strategies[kind][k]);
        if (plan < 3)
            sql(w[k], plans[plan]);
        if (life % 3 == 0)
            sql(w[k], later_plan);
        pay(w[k], "order-first", 16'000);
    }
    for (int i = 0; i < steps; i++) {
        struct step s = next_step(life, i, w[0]->relay_open == 1);
        for (int k = 0; k < 2; k++)
            do_step(w[k], &s, sum);
        assert_same_story(w[0], w[1], life);
    }
    sum->cuts += number(w[1], "SELECT count(*) FROM event WHERE kind = 'relay.cut'");
    sum->warnings += number(w[1], "SELECT count(*) FROM message WHERE template = 'balance_low'");
    for (int k = 0; k < 2; k++) {
        void *state = w[k];
        teardown(&state);
    }
}

static void test_the_same_as_rating_everybody(void **state)
{
    struct lives sum = {};
    (void)state;
    for (int life = 0; life < 36; life++)
        live(life, &sum);
    printf("%lld of %lld readings left alone, %lld selected, %lld warnings, %lld cuts\n",
           (long long)sum.quiet, (long long)sum.readings, (long long)sum.selected,
           (long long)sum.warnings, (long long)sum.cuts);
    assert_true(sum.quiet * 6 > sum.readings); /* else nothing was shown */
    assert_true(sum.selected * 20 > sum.readings);
    assert_true(sum.warnings > 20 && sum.cuts > 5);
}

/* --- quiet ends ----------------------------------------------------------------------------------
 */

static bool is_quiet(struct world *w)
{
    return store_read(w->ledger, ask_quiet, w) == ERR_OK;
}

/* A week of 3.80 kWh a day at 1 yuan, and 200 yuan. */
static void settle_down(struct world *w)
{
    w->leave_alone = true;
    pay(w, "order-0001", 20'000);
    for (int i = 0; i < 7 * 24; i++) {
        reading(w, 3600, i % 24 == 20 ? 3800 : 0);
        assert_ok(store_run(w->ledger, settle, w));
        assert_ok(store_run(w->ledger, scan, w));
    }
    reading(w, 60, 0);
    assert_true(is_quiet(w));
}

static void test_quiet_ends_with_the_allowance(void **state)
{
    struct world *w = *state;
    settle_down(w);
    int64_t allow_wh = number(w, "SELECT allow_wh + registers_wh FROM fee_watch") - w->energy_wh;
    int64_t rated_at = number(w, "SELECT rated_at FROM fee_watch");
    assert_true(allow_wh > 100'000);
    reading(w, 10 * 3600, allow_wh);
    assert_int_equal(number(w, "SELECT rated_at FROM fee_watch"), rated_at);
    reading(w, 60, 1);
    assert_int_equal(number(w, "SELECT rated_at FROM fee_watch"), w->now.s);
    assert_true(number(w, "SELECT count(*) FROM fee_watch WHERE state = 'watched'") == 1);
    assert_int_equal(level(w), 0);
    reading(w, 3600, 2000);
    assert_int_equal(level(w), 1); /* at 30 yuan, by the very reading */
}

static void test_quiet_ends_with_whatever_it_rests_on(void **state)
{
    static const char *const acts[] = {
        "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) VALUES (9, 1, "
        "'flat', 9, 99, '{\"kind\":\"flat\",\"price\":\"9.00\"}')",
        STRATEGY("3", MONEY, ""),
        "UPDATE account SET plan_code = 'flat' WHERE id = 7",
        "UPDATE meter SET account_id = 7 WHERE id = 11",
        "INSERT INTO account_package VALUES (7, 1, 1, '', 'user:1')",
        "INSERT INTO strategy_baseline VALUES (1, 's')",
        "INSERT INTO account_term VALUES (7, 1, 3, 0, 0, 0, 0, '', 'user:1', 1)",
        "INSERT INTO meter_ratio VALUES (11, 1, 2, 'user:1', 'r', 1)",
    };
    struct world *w = *state;
    settle_down(w);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        assert_true(is_quiet(w));
        sql(w, acts[i]);
        assert_false(is_quiet(w));
        assert_int_equal(number(w, "SELECT count(*) FROM fee_watch WHERE next_at = 0"), 1);
        sql(w, "DELETE FROM price_plan WHERE id = 9");
        sql(w, "DELETE FROM meter_ratio");
        sql(w, "DELETE FROM account_term");
        reading(w, 60, 0);
    }
    assert_true(is_quiet(w));
    pay(w, "order-0002", 100);
    assert_true(is_quiet(w)); /* rated by the payment itself */
    sql(w, "UPDATE balance SET amount_fen = amount_fen - 1 WHERE book = 'prepayment'");
    assert_false(is_quiet(w)); /* whatever posted it */
    reading(w, 60, 0);
    assert_true(is_quiet(w));
    w->now.s = number(w, "SELECT quiet_until FROM fee_watch");
    assert_false(is_quiet(w)); /* the day is over */
}

/* --- nobody is forgotten -------------------------------------------------------------------------
 */

#define ACCOUNTS 6

struct turn {
    struct world *w;
    int64_t ids[ACCOUNTS + 1];
    size_t count;
    int64_t one;
    bool dies; /* before the commit */
};

static enum err list_due(struct store_tx *tx, void *arg)
{
    struct turn *t = arg;
    return control_fee_due(tx, t->w->now, t->ids, ACCOUNTS + 1, &t->count);
}

static enum err check_one(struct store_tx *tx, void *arg)
{
    struct turn *t = arg;
    TRY(control_fee_check(tx, &(struct control_fee){t->w->readings, t->one, t->w->now, 5}));
    return t->dies ? ERR_FULL : ERR_OK;
}

static size_t due(struct turn *t)
{
    assert_ok(store_read(t->w->ledger, list_due, t));
    return t->count;
}

static void test_a_restart_in_the_middle_forgets_nobody(void **state)
{
    char path[] = "/tmp/yufu-nday-XXXXXX";
    (void)state;
    close(mkstemp(path));
    struct world *w = world_new(path);
    struct turn t = {.w = w};
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, opened_at) SELECT 100 + value, 1, 1, 'c' || value, 'c', 'platform', "
           "'flat', 's', 1 FROM json_each('[1,2,3,4,5]')");
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
           "kind) SELECT 200 + value, 1, 100 + value, 1, 1, 'x' || value, 'yufu-shop3', "
           "'electricity' FROM json_each('[1,2,3,4,5]')");
    sql(w, "INSERT INTO nday (account_id, strategy, day, need_days, n_days, selected, looked_at, "
           "next_at) SELECT id, 's@1', 1, 1, 3, 1, 1, 9999999999 FROM account");
    for (t.one = 101; t.one <= 105; t.one++)
        assert_ok(store_run(w->ledger, check_one, &t));
    t.one = ACCOUNT;
    assert_ok(store_run(w->ledger, check_one, &t));
    assert_int_equal(number(w, "SELECT count(*) FROM fee_watch WHERE state = 'short'"), 6);
    assert_int_equal(due(&t), 0);
    w->now.s += QUIET_SHORT_S;
    assert_int_equal(due(&t), ACCOUNTS);
    for (size_t i = 0; i < 3; i++) {
        t.one = t.ids[i];
        t.dies = i == 2;
        assert_err(t.dies ? ERR_FULL : ERR_OK, store_run(w->ledger, check_one, &t));
    }
    int64_t third = t.one;
    t.dies = false;
    restart(w);
    assert_int_equal(due(&t), ACCOUNTS - 2);
    assert_int_equal(t.ids[0], third);
    for (size_t i = 0; i < ACCOUNTS - 2; i++) {
        t.one = t.ids[i];
        assert_ok(store_run(w->ledger, check_one, &t));
    }
    assert_int_equal(due(&t), 0);
    assert_int_equal(number(w, "SELECT min(rated_at) FROM fee_watch"), w->now.s);
    /* a process that was away at the end of the day finds everybody due */
    w->now.s += 2 * 86'400;
    restart(w);
    assert_int_equal(due(&t), ACCOUNTS);
    void *gone = w;
    teardown(&gone);
    unlink(path);
}

static void test_without_n_nobody_is_left_alone(void **state)
{
    struct world *w = *state;
    settle_down(w);
    sql(w, STRATEGY("0", MONEY, ""));
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM fee_watch"), 0);
    assert_false(is_quiet(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_as_rating_everybody),
        cmocka_unit_test_setup_teardown(test_quiet_ends_with_the_allowance, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quiet_ends_with_whatever_it_rests_on, setup, teardown),
        cmocka_unit_test(test_a_restart_in_the_middle_forgets_nobody),
        cmocka_unit_test_setup_teardown(test_without_n_nobody_is_left_alone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
