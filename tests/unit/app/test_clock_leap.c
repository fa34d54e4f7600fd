/* The platform's clock is set wrong by mistake: the time goes on by what passed, and what time
 * alone would take is not taken. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/platform/platform.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "tests/unit/store_sql.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 04:00 UTC */
#define DAY_S INT64_C(86'400)

struct world {
    struct platform *platform;
    struct uplink_now now;
    char ledger[64], readings[64];
    uint64_t random;
    int64_t speed;
};

static uint64_t draw(void *ctx)
{
    struct world *w = ctx;
    return ++w->random * 7'919;
}

static void forget(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[80];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void begin(struct world *w, bool trust)
{
    assert_ok(platform_open(&w->platform,
                            &(struct platform_options){.ledger_path = w->ledger,
                                                       .readings_path = w->readings,
                                                       .ctx = w,
                                                       .random = draw,
                                                       .speed = w->speed,
                                                       .trust_clock = trust},
                            w->now));
}

static void end(struct world *w)
{
    platform_close(w->platform);
}

static int64_t number(struct world *w, const char *text)
{
    return sql_number(platform_ledger(w->platform), text);
}

/* Time passes; the clock is set by so much more. */
static void pass(struct world *w, int64_t seconds, int64_t set_s)
{
    w->now.mono.ms += seconds * 1'000;
    w->now.wall.s += seconds + set_s;
    for (int i = 0; i < 20; i++) {
        w->now.mono.ms += 2'000;
        w->now.wall.s += 2;
        while (platform_turn(w->platform, w->now))
            ;
    }
}

static enum err fall_into_arrears(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    TRY(journal_append(
        tx, &(struct journal_act){w->now.wall, "user:1", "person.login", "user:1", "{}"}));
    return ledger_post(tx,
                       &(struct ledger_entry){
                           .account_id = 7,
                           .key = "settle:1",
                           .kind = "settlement",
                           .now = w->now.wall,
                           .business_day = 20'454,
                           .actor = "system",
                           .postings = {{LEDGER_PREPAYMENT, -10'000}, {LEDGER_REVENUE, 10'000}}},
                       NULL);
}

/* An account in arrears whose contract knows a late fee of a thousandth a day. */
static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->ledger, sizeof w->ledger, "/tmp/yufu-leap-%d-l.db", (int)getpid());
    snprintf(w->readings, sizeof w->readings, "/tmp/yufu-leap-%d-r.db", (int)getpid());
    forget(w->ledger);
    forget(w->readings);
    w->now = (struct uplink_now){.mono = {1'000'000}, .wall = {NOON}};
    begin(w, false);
    struct store *s = platform_ledger(w->platform);
    sql_run(s, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql_run(s, "INSERT INTO project (id, organisation_id, code, name, zone) "
               "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql_run(s,
            "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')");
    sql_run(s, "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) "
               "VALUES (1, 1, 'flat', 1, 1, '{\"kind\":\"flat\",\"price\":\"1.00\"}')");
    sql_run(s, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
               "strategy_code, opened_at) VALUES (7, 1, 1, 'a7', 'a7', 'platform', 'flat', '', 1)");
    sql_run(s, "INSERT INTO late_term (account_id, project_id, ppm, next_years_ppm, grace_days, "
               "least_fen, cap_permille, last_day, actor, clause) "
               "VALUES (7, 1, 1000, 1000, 0, 0, 10000, 20453, 'user:1', '9')");
    assert_ok(store_run(s, fall_into_arrears, w));
    pass(w, 60, 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    end(w);
    forget(w->ledger);
    forget(w->readings);
    free(w);
    return 0;
}

#define LATE_FEES "SELECT count(*) FROM ledger_txn WHERE kind = 'late.fee'"
#define TOLD "SELECT count(*) FROM event WHERE kind = 'clock.leapt'"

static void test_days_that_pass_are_counted(void **state)
{
    struct world *w = *state;
    pass(w, DAY_S, 0);
    assert_int_equal(number(w, LATE_FEES), 1);
    pass(w, 3 * DAY_S, 0); /* asleep, with both clocks */
    assert_int_equal(number(w, LATE_FEES), 4);
    assert_int_equal(number(w, TOLD), 0);
}

static void test_a_year_that_did_not_pass_is_not(void **state)
{
    struct world *w = *state;
    pass(w, 60, 365 * DAY_S);
    pass(w, 3'600, 0);
    assert_int_equal(number(w, LATE_FEES), 0);
    assert_int_equal(number(w, TOLD), 1); /* of each project, once */
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 1);
    pass(w, 60, -365 * DAY_S);
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 0);
    pass(w, DAY_S, 0);
    assert_int_equal(number(w, LATE_FEES), 1);
}

/* Two days are what a clock may be set by; what it was set by is not remembered then. */
static void test_two_days_are_believed(void **state)
{
    struct world *w = *state;
    pass(w, 60, 2 * DAY_S);
    assert_int_equal(number(w, TOLD), 0);
    assert_int_equal(number(w, LATE_FEES), 2);
    pass(w, 60, 2 * DAY_S + 1);
    assert_int_equal(number(w, TOLD), 1);
}

/* The battery of the clock was empty when the machine started. */
static void test_a_start_far_ahead_waits_for_a_person(void **state)
{
    struct world *w = *state;
    end(w);
    w->now.wall.s += 365 * DAY_S;
    begin(w, false);
    pass(w, 60, 0);
    assert_int_equal(number(w, LATE_FEES), 0);
    assert_int_equal(number(w, TOLD), 1);
    end(w);
    begin(w, true);
    pass(w, 60, 0);
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 0);
    assert_true(number(w, LATE_FEES) > 300);
}

/* A year ahead, or a year back: who asks in that time is answered by the time that passed, and what
 * is written is of it. */
static void hour_of_a_wrong_clock(struct world *w, int64_t set_s)
{
    pass(w, 60, 0);
    int64_t true_s = w->now.wall.s + 60 + 40 + 3'600 + 40;
    pass(w, 60, set_s);
    pass(w, 3'600, 0);
    assert_int_equal(platform_now(w->platform, w->now).wall.s, true_s);
    assert_true(platform_now(w->platform, w->now).doubted);
    assert_true(number(w, "SELECT max(at) FROM event") <= true_s);
    assert_in_range(true_s - number(w, "SELECT believed_at FROM clock_watch"), 0, 60);
    pass(w, 60, -set_s);
    assert_false(platform_now(w->platform, w->now).doubted);
    assert_int_equal(platform_now(w->platform, w->now).wall.s, w->now.wall.s);
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 0);
    assert_int_equal(number(w, TOLD), 1);
}

static void test_an_hour_a_year_ahead_is_an_hour(void **state)
{
    hour_of_a_wrong_clock(*state, 365 * DAY_S);
}

static void test_an_hour_a_year_back_is_an_hour(void **state)
{
    hour_of_a_wrong_clock(*state, -365 * DAY_S);
}

/* The machine comes up in 1970, and the true time is fetched a minute later. */
static void test_a_start_in_1970_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    int64_t was_s = w->now.wall.s;
    end(w);
    w->now.wall.s = 0;
    begin(w, false);
    pass(w, 60, 0);
    assert_in_range(platform_now(w->platform, w->now).wall.s, was_s - 60, was_s + 100);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE at < 1767240000"), 0);
    pass(w, 0, was_s + DAY_S);
    assert_false(platform_now(w->platform, w->now).doubted);
    assert_int_equal(number(w, LATE_FEES), 1);
}

/* A laptop that was shut for ten days: they have passed, though the other clock stood. */
static void test_a_machine_that_slept(void **state)
{
    struct world *w = *state;
    w->now.wall.s += 10 * DAY_S;
    w->now.suspended_ms += 10 * DAY_S * 1'000;
    pass(w, 60, 0);
    assert_false(platform_now(w->platform, w->now).doubted);
    assert_int_equal(number(w, TOLD), 0);
    assert_int_equal(number(w, LATE_FEES), 10);
    /* and what is set beside the sleep is a leap still */
    w->now.suspended_ms += DAY_S * 1'000;
    pass(w, 60, 10 * DAY_S);
    assert_true(platform_now(w->platform, w->now).doubted);
}

/* The clock of a demonstration, and what passes by it. */
static void test_a_fast_clock_is_no_leap(void **state)
{
    struct world *w = *state;
    end(w);
    w->speed = 1'000;
    begin(w, false);
    w->now.mono.ms += 3'600'000;
    w->now.wall.s += 3'600 * 1'000;
    platform_turn(w->platform, w->now);
    assert_int_equal(number(w, TOLD), 0);
}

static enum err find_leapt(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT leapt FROM clock_watch", "");
}

/* What arrived in the turn of the leap is looked at by a clock that is not believed any more. */
static void test_what_came_just_before_knows_it(void **state)
{
    struct world *w = *state;
    int64_t leapt = -1;
    store_submit(platform_ledger(w->platform), find_leapt, NULL, &leapt);
    w->now.wall.s += 365 * DAY_S;
    platform_turn(w->platform, w->now);
    assert_int_equal(leapt, 1);
}

/* What is written in that time is of a year to come: it does not prove the clock right. */
static void test_a_restart_does_not_make_it_right(void **state)
{
    struct world *w = *state;
    pass(w, 60, 365 * DAY_S);
    end(w);
    begin(w, false);
    pass(w, 60, 0);
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 1);
    assert_int_equal(number(w, LATE_FEES), 0);
    end(w);
    w->now.wall.s -= 365 * DAY_S;
    begin(w, false);
    pass(w, 60, 0);
    assert_int_equal(number(w, "SELECT leapt FROM clock_watch"), 0);
    assert_int_equal(number(w, TOLD), 1);
}

static void test_a_month_of_rest_is_believed(void **state)
{
    struct world *w = *state;
    end(w);
    w->now.wall.s += 30 * DAY_S;
    begin(w, false);
    pass(w, 60, 0);
    assert_int_equal(number(w, TOLD), 0);
    assert_int_equal(number(w, LATE_FEES), 30);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_days_that_pass_are_counted),
        CASE(test_a_year_that_did_not_pass_is_not),
        CASE(test_two_days_are_believed),
        CASE(test_a_start_far_ahead_waits_for_a_person),
        CASE(test_an_hour_a_year_ahead_is_an_hour),
        CASE(test_an_hour_a_year_back_is_an_hour),
        CASE(test_a_start_in_1970_goes_on_where_it_was),
        CASE(test_a_machine_that_slept),
        CASE(test_a_fast_clock_is_no_leap),
        CASE(test_what_came_just_before_knows_it),
        CASE(test_a_month_of_rest_is_believed),
        CASE(test_a_restart_does_not_make_it_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
