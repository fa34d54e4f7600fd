#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"
#include "pay/due.h"
#include "pay/late.h"
#include "tests/unit/vend/vend_world.h"

#define DAY_S 86'400
#define PER_MILLE 1'000

static const struct late_term plain = {.ppm = PER_MILLE,
                                       .next_years_ppm = 3 * PER_MILLE,
                                       .least_fen = 100,
                                       .cap_permille = 1'000,
                                       .clause = "7.2"};

/* The same arrears for some days, from the middle of a year. */
static int64_t fee(const struct late_term *term, int64_t arrears_fen, int days)
{
    struct late_count c = {};
    int32_t first = civil_days_from_date(2026, 5, 10);
    for (int i = 0; i < days; i++)
        assert_ok(late_count_day(term, &(struct late_day){first + i, arrears_fen, 0, 0}, &c));
    return late_fee_fen(term, &c);
}

static void test_worked_examples(void **state)
{
    (void)state;
    assert_int_equal(fee(&plain, 20'000, 10), 200); /* 200 yuan x 10 days x 1 per mille = 2.00 */
    assert_int_equal(fee(&plain, 5'000, 5), 100);   /* 0.25, but at least 1.00 */
    assert_int_equal(fee(&plain, 20'000, 5), 100);  /* exactly 1.00 */
    assert_int_equal(fee(&plain, 20'000, 6), 120);
    assert_int_equal(fee(&plain, 0, 5), 0);
    assert_int_equal(fee(&plain, 20'000, 0), 0);
}

static void test_grace_and_cap(void **state)
{
    (void)state;
    struct late_term t = plain;
    t.grace_days = 3;
    assert_int_equal(fee(&t, 20'000, 3), 0);
    assert_int_equal(fee(&t, 20'000, 4), 100);
    assert_int_equal(fee(&t, 20'000, 13), 200);
    t.cap_permille = 5;
    assert_int_equal(fee(&t, 20'000, 13), 100);
    t = plain;
    assert_int_equal(fee(&t, 50, 2), 50); /* never more than the arrears themselves */
    t.least_fen = 0;
    assert_int_equal(fee(&t, 500, 1), 1); /* half up */
    assert_int_equal(fee(&t, 499, 1), 0);
}

static void test_years_before_cost_more(void **state)
{
    (void)state;
    struct late_count c = {};
    int32_t first = civil_days_from_date(2026, 12, 31);
    assert_ok(late_count_day(&plain, &(struct late_day){first, 100'000, 0, 0}, &c));
    assert_int_equal(c.exact, 100'000 * PER_MILLE);
    /* 1 January: 200 more are charged, 1,000 are of the year before. */
    assert_ok(late_count_day(&plain, &(struct late_day){first + 1, 120'000, 0, 20'000}, &c));
    assert_int_equal(c.prior_fen, 100'000);
    assert_int_equal(c.exact, (100'000 + 20'000 + 3 * 100'000) * (int64_t)PER_MILLE);
    /* A payment of 300 settles the oldest first. */
    assert_ok(late_count_day(&plain, &(struct late_day){first + 2, 90'000, 30'000, 0}, &c));
    assert_int_equal(c.prior_fen, 70'000);
    assert_int_equal(c.exact, (420'000 + 20'000 + 3 * 70'000) * (int64_t)PER_MILLE);
    assert_int_equal(late_fee_fen(&plain, &c), 650);
    assert_ok(late_count_day(&plain, &(struct late_day){first + 3, 0, 90'000, 0}, &c));
    assert_int_equal(c.begun_day, 0);
    assert_int_equal(late_fee_fen(&plain, &c), 0);
}

/* --- on the books -------------------------------------------------------------------------- */

#define A WORLD_PLATFORM_ACCOUNT

struct job {
    struct world *w;
    const struct late_term *term;
    int64_t fen, account, number;
};

static int32_t day_of(const struct world *w)
{
    return civil_local_day(w->now, 28'800);
}

static enum err set(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return late_term_set(tx, &(struct late_set){j->account, j->term, "user:1", j->w->now});
}
static enum err tick(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return late_tick(tx, j->w->now, 10, &j->number);
}
static enum err move(struct store_tx *tx, void *arg)
{
    static int number;
    struct job *j = arg;
    char key[32];
    snprintf(key, sizeof key, "move:%d", ++number);
    return ledger_post(tx,
                       &(struct ledger_entry){
                           .account_id = j->account,
                           .key = key,
                           .kind = "settlement",
                           .now = j->w->now,
                           .business_day = day_of(j->w),
                           .actor = "system",
                           .postings = {{LEDGER_PREPAYMENT, j->fen}, {LEDGER_REVENUE, -j->fen}}},
                       NULL);
}
static enum err owed(struct store_tx *tx, void *arg)
{
    return due_owed(tx, A, &((struct job *)arg)->fen);
}

static int64_t owes(struct world *w)
{
    struct job j = {};
    assert_ok(store_read(w->store, owed, &j));
    return j.fen;
}

static void move_by(struct world *w, int64_t fen)
{
    struct job j = {.w = w, .account = A, .fen = fen};
    assert_ok(store_run(w->store, move, &j));
}

static int64_t count(struct world *w)
{
    struct job j = {.w = w};
    assert_ok(store_run(w->store, tick, &j));
    return j.number;
}

static enum err term(struct world *w, int64_t account, const struct late_term *t)
{
    struct job j = {.w = w, .account = account, .term = t};
    return store_run(w->store, set, &j);
}

static void test_the_books_are_counted_day_by_day(void **state)
{
    struct world *w = *state;
    assert_ok(term(w, A, &plain));
    move_by(w, -20'000);
    assert_int_equal(count(w), 0); /* today is not over */
    w->now.s += 10 * DAY_S;
    assert_int_equal(count(w), 1);
    assert_int_equal(owes(w), 200);
    assert_int_equal(count(w), 0); /* once a day */
    assert_int_equal(owes(w), 200);
    w->now.s += DAY_S;
    move_by(w, 20'000); /* paid during the day: it does not end in arrears */
    w->now.s += DAY_S;
    assert_int_equal(count(w), 1);
    assert_int_equal(owes(w), 220);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 8 "
                                  "AND book = 'prepayment'"),
                     0);
    assert_int_equal(world_int(w, "SELECT begun_day IS NULL FROM late_term"), 1);
    /* New arrears begin anew. */
    move_by(w, -5'000);
    w->now.s += 5 * DAY_S;
    assert_int_equal(count(w), 1);
    assert_int_equal(owes(w), 320);
}

static int sum_of_lines(struct world *w)
{
    return (int)world_int(w, "SELECT coalesce(sum(amount_fen), 0) FROM late_line");
}

/* Counting late gives the same as counting each day. */
static void test_counting_late_is_the_same(void **state)
{
    struct world *a = *state;
    struct world *b = calloc(1, sizeof *b);
    world_open(b, 1);
    assert_ok(term(a, A, &plain));
    assert_ok(term(b, A, &plain));
    struct rand_stream r = {3};
    for (int i = 0; i < 200; i++) {
        int64_t fen = (int64_t)rand_below(&r, 9'000) - 4'700;
        if (fen != 0 && rand_chance(&r, 500)) {
            move_by(a, fen);
            move_by(b, fen);
        }
        a->now.s += DAY_S;
        b->now.s += DAY_S;
        count(a);
    }
    count(b);
    assert_int_equal(owes(a), owes(b));
    assert_true(owes(a) > 0);
    assert_int_equal(sum_of_lines(a), owes(a));
    assert_int_equal(sum_of_lines(b), owes(b));
    world_close(b);
    free(b);
}

static void test_terms_begin_and_end(void **state)
{
    struct world *w = *state;
    struct late_term bad = plain;
    bad.ppm = 0;
    assert_err(ERR_RANGE, term(w, A, &bad));
    bad = plain;
    bad.cap_permille = 10'001;
    assert_err(ERR_RANGE, term(w, A, &bad));
    bad = plain;
    bad.grace_days = 366;
    assert_err(ERR_RANGE, term(w, A, &bad));
    bad = plain;
    bad.clause[0] = '\0'; /* no late fee without its clause */
    assert_err(ERR_RANGE, term(w, A, &bad));
    assert_err(ERR_NOT_FOUND, term(w, 99, &plain));
    assert_err(ERR_NOT_FOUND, term(w, A, NULL));
    move_by(w, -20'000); /* before the contract knew late fees */
    w->now.s += 10 * DAY_S;
    assert_ok(term(w, A, &plain));
    count(w);
    assert_int_equal(owes(w), 0);
    w->now.s += DAY_S;
    count(w);
    assert_int_equal(owes(w), 100);
    assert_ok(term(w, A, NULL));
    w->now.s += 30 * DAY_S;
    assert_int_equal(count(w), 0);
    assert_int_equal(owes(w), 100);
    assert_ok(term(w, A, &plain)); /* not for the time between */
    w->now.s += DAY_S;
    count(w);
    assert_int_equal(owes(w), 200);
    world_exec(
        w, "INSERT INTO ledger_run (id, key, kind, from_book, to_book, at, business_day, actor, "
           "state) VALUES (1, 'k', 'k', 'prepayment', 'revenue', 1, 1, 'system', 'open')");
    w->now.s += DAY_S;
    assert_int_equal(count(w), 0); /* a run of the ledger is not folded */
}

/* What an account with its wallet in the meter owes beside it is kept from its next sales; nobody
 * was given a day to pay it by. */
static void test_what_is_owed_beside_a_meters_wallet_bears_none(void **state)
{
    struct world *w = *state;
    struct job j = {.w = w, .account = WORLD_ACCOUNT, .fen = -20'000};
    assert_err(ERR_STATE, term(w, WORLD_ACCOUNT, &plain));
    assert_ok(term(w, A, &plain));
    /* A term that an older release took. */
    world_exec(w, "UPDATE late_term SET account_id = 7");
    assert_ok(store_run(w->store, move, &j));
    w->now.s += 10 * DAY_S;
    assert_int_equal(count(w), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn WHERE kind = 'late.fee'"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM late_line"), 0);
    assert_int_equal(world_int(w, "SELECT begun_day IS NULL FROM late_term"), 1);
    assert_ok(term(w, WORLD_ACCOUNT, NULL)); /* it can be ended */
}

/* --- lines ------------------------------------------------------------------------------------ */

struct told {
    struct late_bill bill;
    struct late_line lines[16];
    size_t count;
};

static enum err take_line(void *arg, const struct late_bill *bill, const struct late_line *line)
{
    struct told *t = arg;
    assert_true(t->count < sizeof t->lines / sizeof *t->lines);
    t->bill = bill->line == 0 ? *bill : t->bill;
    t->lines[t->count++] = *line;
    return ERR_OK;
}

static enum err read_lines(struct store_tx *tx, void *arg)
{
    return late_lines(tx, A, 10, take_line, arg);
}

static struct told lines_of(struct world *w)
{
    struct told t = {};
    assert_ok(store_read(w->store, read_lines, &t));
    return t;
}

static void test_a_line_says_debt_days_rate_rounding_and_clause(void **state)
{
    struct world *w = *state;
    struct late_term t = plain;
    t.grace_days = 2;
    assert_ok(term(w, A, &t));
    int32_t first = day_of(w);
    move_by(w, -20'000);
    w->now.s += 2 * DAY_S;
    (void)count(w);
    assert_int_equal(lines_of(w).count, 0); /* days of grace cost nothing */
    w->now.s += DAY_S;
    (void)count(w);
    struct told told = lines_of(w);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.lines[0].rule, LATE_LEAST);
    assert_int_equal(told.lines[0].amount_fen, 100);
    w->now.s += 9 * DAY_S;
    (void)count(w);
    told = lines_of(w);
    assert_int_equal(told.count, 1); /* the same debt at the same rate is one line */
    const struct late_line *l = &told.lines[0];
    assert_int_equal(l->begun_day, first);
    assert_int_equal(l->from_day, first + 2);
    assert_int_equal(l->to_day, first + 11);
    assert_int_equal(l->days, 10);
    assert_true(l->kept);
    assert_int_equal(l->arrears_fen, 20'000);
    assert_int_equal(l->prior_fen, 0);
    assert_int_equal(l->term.ppm, PER_MILLE);
    assert_int_equal(l->term.next_years_ppm, 3 * PER_MILLE);
    assert_string_equal(l->term.clause, "7.2");
    assert_int_equal(l->exact, 200 * INT64_C(1'000'000));
    assert_int_equal(l->rule, LATE_ROUNDED);
    assert_int_equal(l->amount_fen, 200);
    assert_int_equal(l->billed_at.s, w->now.s);
    assert_int_equal(told.bill.amount_fen, 200);
    assert_int_equal(owes(w), 200);
}

/* A true-up that cuts nobody yet bears no fee yet: nobody could pay for it before it was booked. */
static void test_a_true_up_in_its_grace_bears_none(void **state)
{
    struct world *w = *state;
    assert_ok(term(w, A, &plain));
    world_exec(w, "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, begun_at) "
                  "VALUES (1, 1, 'x', 2, 1, 1)");
    world_exec(w, "INSERT INTO true_up (account_id, rerate_id, at, business_day, amount_fen, "
                  "grace_until, bill) VALUES (8, 1, 1767240000, 20454, 20000, 1767844800, '{}')");
    assert_int_equal(w->now.s, 1'767'240'000);
    assert_int_equal(day_of(w), 20'454);
    move_by(w, -21'000); /* 10.00 of it was owed anyway */
    w->now.s += 7 * DAY_S;
    (void)count(w);
    assert_int_equal(owes(w), 100); /* 7 days of 10.00: the least */
    struct told told = lines_of(w);
    assert_int_equal(told.lines[0].arrears_fen, 1'000);
    assert_int_equal(told.lines[0].days, 7);
    w->now.s += 13 * DAY_S; /* the day on which the grace ends counts whole */
    (void)count(w);
    told = lines_of(w);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.lines[1].arrears_fen, 21'000);
    assert_int_equal(told.lines[1].days, 13);
    assert_int_equal(owes(w), 7 + 13 * 21);
}

static void test_another_debt_or_clause_is_another_line(void **state)
{
    struct world *w = *state;
    struct late_term t = plain;
    assert_ok(term(w, A, &t));
    move_by(w, -20'000);
    w->now.s += 10 * DAY_S;
    (void)count(w);
    move_by(w, 5'033); /* 149.67 is left */
    w->now.s += 2 * DAY_S;
    (void)count(w);
    snprintf(t.clause, sizeof t.clause, "8.1");
    assert_ok(term(w, A, &t));
    w->now.s += DAY_S;
    (void)count(w);
    struct told told = lines_of(w);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.lines[0].amount_fen, 200);
    assert_int_equal(told.lines[1].arrears_fen, 14'967);
    assert_int_equal(told.lines[1].days, 2);
    assert_int_equal(told.lines[1].exact, INT64_C(2) * 14'967 * PER_MILLE);
    assert_int_equal(told.lines[1].amount_fen, 30); /* 2.2993 -> 2.30, half up of the whole */
    assert_string_equal(told.lines[1].term.clause, "7.2");
    assert_string_equal(told.lines[2].term.clause, "8.1");
    assert_int_equal(told.lines[2].amount_fen, 15); /* 2.44901 -> 2.45 */
    assert_int_equal(told.bill.line_count, 3);
    assert_int_equal(told.bill.days, 13);
    assert_int_equal(told.bill.amount_fen, 245);
    assert_int_equal(owes(w), 245);
    /* The next arrears are a bill of their own; the one that was capped says so. */
    move_by(w, 14'967);
    w->now.s += DAY_S;
    move_by(w, -50);
    w->now.s += 2 * DAY_S;
    (void)count(w);
    told = lines_of(w);
    assert_int_equal(told.count, 4);
    assert_int_equal(told.lines[0].rule, LATE_CAP); /* the newest first: never above the arrears */
    assert_int_equal(told.lines[0].amount_fen, 50);
    assert_int_equal(sum_of_lines(w), owes(w));
}

/* The statement of the schema that makes lines of what was billed before there were any. */
static void migrate(struct world *w)
{
    static char text[65'536];
    FILE *f = fopen(YUFU_SOURCE_ROOT "/src/store/schema/ledger_0005.sql", "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    char *sql = strstr(text, "INSERT INTO late_line"), *end = sql ? strchr(sql, ';') : NULL;
    assert_non_null(end);
    *end = '\0';
    world_exec(w, sql);
}

static void test_what_was_billed_before_becomes_a_line(void **state)
{
    struct world *w = *state;
    assert_ok(term(w, A, &plain));
    move_by(w, -20'000);
    w->now.s += 10 * DAY_S;
    (void)count(w);
    world_exec(w, "DELETE FROM late_line");
    migrate(w);
    struct told told = lines_of(w);
    assert_int_equal(told.count, 1);
    assert_false(told.lines[0].kept);
    assert_int_equal(told.lines[0].days, 10);
    assert_int_equal(told.lines[0].amount_fen, 200);
    assert_string_equal(told.lines[0].term.clause, "");
    w->now.s += DAY_S;
    (void)count(w); /* the run of arrears goes on with lines that are whole */
    told = lines_of(w);
    assert_int_equal(told.count, 2);
    assert_true(told.lines[1].kept);
    assert_int_equal(told.lines[1].amount_fen, 20);
    assert_int_equal(sum_of_lines(w), owes(w));
}

/* A record that nobody can count: the others are counted, it is said once, and tried again until it
 * is right. */
static void test_an_odd_record_stops_nobody(void **state)
{
    struct world *w = *state;
    struct job j = {.w = w, .account = 6, .fen = -20'000};
    world_exec(w,
               "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
               "strategy_code, opened_at) VALUES (6, 1, 1, 'a6', 'a6', 'platform', 'x', 'x', 1)");
    assert_ok(term(w, 6, &plain));
    assert_ok(term(w, A, &plain));
    assert_ok(store_run(w->store, move, &j));
    move_by(w, -20'000);
    world_exec(w,
               "UPDATE late_term SET days = 1, exact = 9223372036854775807, begun_day = last_day "
               "WHERE account_id = 6");
    w->now.s += 10 * DAY_S;
    assert_int_equal(count(w), 1);
    assert_int_equal(owes(w), 200);
    for (int i = 0; i < 3; i++) {
        w->now.s += 180;
        assert_int_equal(count(w), 0);
    }
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                                  "AND account_id = 6 AND project_id = 1"),
                     1);
    world_exec(w,
               "UPDATE late_term SET days = 0, exact = 0, begun_day = NULL WHERE account_id = 6");
    w->now.s += 180;
    assert_int_equal(count(w), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM aside"), 0);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 6 "
                                  "AND book = 'other_due'"),
                     -200);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_examples),
        cmocka_unit_test(test_grace_and_cap),
        cmocka_unit_test(test_years_before_cost_more),
        T(test_the_books_are_counted_day_by_day),
        T(test_counting_late_is_the_same),
        T(test_terms_begin_and_end),
        T(test_what_is_owed_beside_a_meters_wallet_bears_none),
        T(test_a_true_up_in_its_grace_bears_none),
        T(test_a_line_says_debt_days_rate_rounding_and_clause),
        T(test_another_debt_or_clause_is_another_line),
        T(test_what_was_billed_before_becomes_a_line),
        T(test_an_odd_record_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
