/* The sums of a month against a ledger made by hand. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pay/month.h"
#include "tests/unit/vend/vend_world.h"

#define DAY_S 86'400

struct entry {
    const char *key, *kind, *detail;
    int64_t account_id;
    int32_t day;
    struct ledger_posting postings[LEDGER_POSTINGS_MAX];
};

static enum err post(struct store_tx *tx, void *arg)
{
    const struct entry *e = arg;
    struct ledger_entry entry = {.account_id = e->account_id,
                                 .key = e->key,
                                 .kind = e->kind,
                                 .now = {(int64_t)e->day * DAY_S + 3'600},
                                 .business_day = e->day,
                                 .actor = "system",
                                 .detail = e->detail};
    memcpy(entry.postings, e->postings, sizeof entry.postings);
    return ledger_post(tx, &entry, NULL);
}

static void put(struct world *w, struct entry e)
{
    assert_ok(store_run(w->store, post, &e));
}

struct ask {
    struct month month;
    int64_t number, limit;
    wall_s now;
};

static enum err sum(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    TRY(month_begin(tx, &a->month, 1, a->number, a->now));
    while (a->month.more)
        TRY(month_add(tx, &a->month, a->limit));
    return month_end(&a->month);
}

static const struct month_line *line(const struct month *m, const char *group, const char *kind,
                                     const char *way)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->lines[i].group, group) == 0 && strcmp(m->lines[i].kind, kind) == 0 &&
            strcmp(m->lines[i].way, way) == 0)
            return &m->lines[i];
    return NULL;
}

static int64_t fen(const struct month *m, const char *group, const char *kind, const char *way)
{
    const struct month_line *l = line(m, group, kind, way);
    assert_non_null(l);
    return l->amount_fen;
}

/* 2025-11-30 is before, December 2025 is the month, January 2026 after. */
#define NOV30 20'422
#define DEC1 20'423
#define DEC31 20'453
#define JAN1 20'454

static const struct entry december_entries[] = {
    {"order:a/paid",
     "order.paid",
     "{\"method\": \"cash\"}",
     8,
     NOV30,
     {{LEDGER_CASH, -10'000}, {LEDGER_PREPAYMENT, 10'000}}},
    {"order:b/paid",
     "order.paid",
     "{\"method\": \"cash\"}",
     8,
     DEC1,
     {{LEDGER_CASH, -5'000}, {LEDGER_PREPAYMENT, 5'000}}},
    {"order:b/fee", "order.fee", "{}", 8, DEC1, {{LEDGER_CASH, -50}, {LEDGER_OTHER, 50}}},
    {"settle:12:1:100",
     "settlement",
     "{\"meter\": 12, \"epoch\": 1, \"opened_at\": 100}",
     8,
     DEC1,
     {{LEDGER_PREPAYMENT, -700}, {LEDGER_REVENUE, 700}}},
    {"true_up:1",
     "true_up",
     "{\"cause\": \"plan\"}",
     8,
     DEC31,
     {{LEDGER_PREPAYMENT, 30}, {LEDGER_REVENUE, -30}}},
    {"late:1/2", "late.fee", "{}", 8, DEC31, {{LEDGER_OTHER_DUE, -8}, {LEDGER_OTHER, 8}}},
    {"request:r/held",
     "refund.held",
     "{\"request\": \"r\"}",
     8,
     DEC31,
     {{LEDGER_PREPAYMENT, -400}, {LEDGER_HELD, 400}}},
    {"order:c/paid",
     "order.paid",
     "{\"method\": \"subsidy\"}",
     7,
     DEC1,
     {{LEDGER_SUBSIDY, -2'000}, {LEDGER_PREPAYMENT, 2'000}}},
    {"order:c/bound",
     "order.bound",
     "{\"method\": \"subsidy\"}",
     7,
     DEC1,
     {{LEDGER_PREPAYMENT, -2'000}, {LEDGER_TRANSIT, 2'000}}},
    {"order:c/confirmed",
     "order.confirmed",
     "{\"method\": \"subsidy\"}",
     7,
     DEC1,
     {{LEDGER_TRANSIT, -2'000}, {LEDGER_WALLET, 2'000}}},
    {"settle:11:1:100",
     "settlement",
     "{\"meter\": 11, \"epoch\": 1, \"opened_at\": 100}",
     7,
     DEC31,
     {{LEDGER_WALLET, -310}, {LEDGER_REVENUE, 310}}},
    {"request:r/paid",
     "refund.paid",
     "{\"request\": \"r\"}",
     8,
     JAN1,
     {{LEDGER_HELD, -400}, {LEDGER_REFUND, 400}}},
};

static void december(struct world *w)
{
    for (size_t i = 0; i < sizeof december_entries / sizeof *december_entries; i++)
        put(w, december_entries[i]);
}

static void bills(struct world *w)
{
    world_exec(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                  "VALUES (2, 3, 2, 'tcp:2', 2400, 'E')");
    world_exec(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, "
                  "model, kind) VALUES (12, 1, 8, 1, 2, '000000000012', 'x', 'water')");
    world_exec(w, "INSERT INTO settlement (account_id, meter_id, epoch, opened_at, closed_at, "
                  "business_day, amount_fen, energy_wh, bill) VALUES "
                  "(8, 12, 1, 100, 200, 1, 700, 2500, '{\"unit\": \"m3\", \"lines\": ["
                  "{\"kind\": \"energy\", \"amount_fen\": 500}, "
                  "{\"kind\": \"component\", \"code\": \"tax\", \"amount_fen\": 120}, "
                  "{\"kind\": \"component\", \"code\": \"fund\", \"amount_fen\": 80}]}'), "
                  "(7, 11, 1, 100, 200, 1, 310, 6000, '{\"lines\": ["
                  "{\"kind\": \"energy\", \"amount_fen\": 300}]}')");
    world_exec(w, "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, begun_at) "
                  "VALUES (1, 1, 'x', 2, 0, 1)");
    world_exec(w, "INSERT INTO true_up (account_id, rerate_id, at, business_day, amount_fen, "
                  "grace_until, bill) VALUES (8, 1, 1, 1, -30, 0, '{\"lines\": ["
                  "{\"meter_id\": 12, \"difference_fen\": -40}, "
                  "{\"meter_id\": 12, \"difference_fen\": 10}]}')");
    world_exec(w, "INSERT INTO money_request (account_id, request_id, project_id, kind, state, "
                  "amount_fen, fee_fen, reason, asked_at, asked_by, one_person, method) VALUES "
                  "(8, 'r', 1, 'refund', 'PAID', 400, 0, 'x', 1, 'user:1', 1, 'bank')");
}

static enum err write_closing(struct store_tx *tx, void *arg)
{
    return store_exec(
        tx,
        "INSERT INTO day_closing (project_id, business_day, book_in_fen, book_out_fen, "
        "till_in_fen, till_out_fen, outside_in_fen, outside_out_fen, difference_fen, "
        "shifts, note, closed_at, actor) "
        "VALUES (1, $1, 0, 0, 0, 0, 0, 0, 0, 0, '', 1, 'user:1')",
        "i", *(int64_t *)arg);
}

static void close_day(struct world *w, int64_t day)
{
    assert_ok(store_run(w->store, write_closing, &day));
}

static int open_world(void **state)
{
    world_setup(state);
    december(*state);
    bills(*state);
    close_day(*state, NOV30);
    close_day(*state, DEC1);
    close_day(*state, JAN1);
    return 0;
}

static struct ask *ask(struct world *w, int64_t month, int64_t limit)
{
    static struct ask a;
    a = (struct ask){.number = month, .limit = limit, .now = {(JAN1 + 3) * INT64_C(86'400)}};
    assert_ok(store_run(w->store, sum, &a));
    return &a;
}

/* --- what it says -------------------------------------------------------------------------- */

static void test_every_fen_of_a_month_has_its_line(void **state)
{
    const struct month *m = &ask(*state, 202'512, 100)->month;
    struct month_sum s = month_sum(m);
    assert_int_equal(s.opening_fen, 10'000);
    assert_int_equal(s.in_fen, 5'000 + 50 + 2'000);
    assert_int_equal(s.out_fen, 50 + 700 - 30 + 8 + 310);
    assert_int_equal(s.closing_fen, 16'012);
    assert_int_equal(s.difference_fen, 0);
    assert_int_equal(m->to_day, DEC31);
    assert_int_equal(fen(m, "cash", "order.paid", "cash"), 5'000);
    assert_int_equal(fen(m, "cash", "order.fee", "cash"), 50);
    assert_int_equal(fen(m, "subsidy", "order.paid", "subsidy"), 2'000);
    assert_int_equal(fen(m, "revenue", "settlement", ""), 1'010);
    assert_int_equal(fen(m, "revenue", "true_up", "plan"), -30);
    assert_int_equal(fen(m, "other", "late.fee", ""), 8);
    assert_null(line(m, "refund", "refund.paid", "bank"));
    assert_int_equal(m->closing_fen[LEDGER_HELD], 400);
    assert_int_equal(m->closing_fen[LEDGER_WALLET], 1'690);
    m = &ask(*state, 202'601, 100)->month;
    assert_int_equal(fen(m, "refund", "refund.paid", "bank"), 400);
    assert_int_equal(month_sum(m).opening_fen, 16'012);
}

static void test_charges_by_service_and_by_what_they_are_for(void **state)
{
    const struct month *m = &ask(*state, 202'512, 100)->month;
    int64_t all = 0, total = 0;
    assert_int_equal(fen(m, "charged", "component", "tax"), 120);
    assert_int_equal(fen(m, "charged", "component", "fund"), 80);
    assert_int_equal(fen(m, "charged", "apart", ""),
                     10); /* the meter took more than its plan says */
    assert_int_equal(fen(m, "true_up", "true_up", "plan"), -30);
    assert_string_equal(line(m, "true_up", "true_up", "plan")->service, "water");
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->lines[i].group, "charged") == 0)
            *(strcmp(m->lines[i].kind, "total") == 0 ? &total : &all) += m->lines[i].amount_fen;
    assert_int_equal(total, 1'010); /* as the ledger has it */
    assert_int_equal(all, 1'010);
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->lines[i].kind, "total") == 0 && strcmp(m->lines[i].service, "water") == 0) {
            assert_string_equal(m->lines[i].unit, "m3");
            assert_int_equal(m->lines[i].quantity, 2'500);
        }
}

static void test_slices_of_one_account_say_the_same(void **state)
{
    struct month whole = ask(*state, 202'512, 100)->month;
    const struct month *m = &ask(*state, 202'512, 1)->month;
    assert_int_equal(m->count, whole.count);
    for (size_t i = 0; i < m->count; i++) { /* perhaps in another order */
        size_t k = 0;
        while (k < whole.count && memcmp(&m->lines[i], &whole.lines[k], sizeof *m->lines) != 0)
            k++;
        assert_true(k < whole.count);
    }
    assert_memory_equal(m->closing_fen, whole.closing_fen, sizeof whole.closing_fen);
    assert_int_equal(m->accounts, 3);
}

static enum err verify(struct store_tx *tx, void *arg)
{
    return ledger_verify(tx, NULL, arg);
}

/* The newest month ends where `yufu verify` says that the ledger stands. */
static void test_it_ends_where_the_ledger_stands(void **state)
{
    struct world *w = *state;
    struct ledger_check check;
    assert_ok(store_run(w->store, verify, &check));
    const struct month *m = &ask(w, 202'601, 100)->month;
    assert_memory_equal(m->closing_fen, check.totals_fen, sizeof check.totals_fen);
}

/* --- what is over does not change ---------------------------------------------------------- */

static void test_what_is_told_late_counts_when_it_was_told(void **state)
{
    struct world *w = *state;
    struct month before = ask(w, 202'512, 100)->month;
    put(w, (struct entry){"order:late/paid",
                          "order.paid",
                          "{\"method\": \"cash\"}",
                          8,
                          DEC31,
                          {{LEDGER_CASH, -999}, {LEDGER_PREPAYMENT, 999}}}); /* after 1 January */
    put(w, (struct entry){"order:now/paid",
                          "order.paid",
                          "{\"method\": \"cash\"}",
                          7,
                          JAN1 + 1,
                          {{LEDGER_CASH, -1}, {LEDGER_PREPAYMENT, 1}}});
    close_day(w, JAN1 + 1);
    const struct month *m = &ask(w, 202'512, 100)->month;
    assert_memory_equal(m, &before, sizeof before);
    m = &ask(w, 202'601, 100)->month;
    assert_int_equal(fen(m, "cash", "order.paid", "cash"), 1'000);
}

/* --- as far as the days are closed ---------------------------------------------------------- */

static void test_nothing_is_told_of_a_day_before_it_is_closed(void **state)
{
    struct world *w = *state;
    struct ask a = {.number = 202'601, .limit = 10, .now = {JAN1 * INT64_C(86'400)}};
    assert_err(ERR_DAY_OPEN, store_run(w->store, sum, &a)); /* today is the first */
    put(w, (struct entry){"order:now/paid",
                          "order.paid",
                          "{\"method\": \"cash\"}",
                          7,
                          JAN1 + 1,
                          {{LEDGER_CASH, -1}, {LEDGER_PREPAYMENT, 1}}});
    const struct month *m = &ask(w, 202'601, 100)->month;
    assert_int_equal(m->to_day, JAN1);
    assert_int_equal(m->last_day, JAN1 + 30);
    assert_int_equal(month_sum(m).in_fen, 0);
    assert_int_equal(month_sum(m).difference_fen, 0);
    world_exec(w, "DROP TRIGGER IF EXISTS day_closing_no_delete");
    world_exec(w, "DELETE FROM day_closing WHERE business_day = 20422");
    a.number = 202'512; /* what it began with would tell of November */
    assert_err(ERR_DAY_OPEN, store_run(w->store, sum, &a));
}

/* --- faults -------------------------------------------------------------------------------- */

static void test_a_damaged_book_is_a_difference(void **state)
{
    struct world *w = *state;
    world_exec(w, "UPDATE balance SET amount_fen = amount_fen + 5 "
                  "WHERE account_id = 8 AND book = 'prepayment'");
    assert_int_equal(month_sum(&ask(w, 202'512, 100)->month).difference_fen, -5);
}

static void test_months_that_are_none(void **state)
{
    struct world *w = *state;
    struct ask a = {.limit = 10, .now = {JAN1 * INT64_C(86'400)}};
    for (size_t i = 0; i < 4; i++) {
        a.number = (int64_t[]){202'602, 202'600, 202'513, 0}[i];
        assert_err(ERR_RANGE, store_run(w->store, sum, &a));
    }
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_world, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(test_every_fen_of_a_month_has_its_line),
        WITH(test_charges_by_service_and_by_what_they_are_for),
        WITH(test_slices_of_one_account_say_the_same),
        WITH(test_it_ends_where_the_ledger_stands),
        WITH(test_what_is_told_late_counts_when_it_was_told),
        WITH(test_nothing_is_told_of_a_day_before_it_is_closed),
        WITH(test_a_damaged_book_is_a_difference),
        WITH(test_months_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
