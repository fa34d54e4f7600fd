/* What `yufu verify` looks at: good books pass, and each kind of damage is told in its own part. */
#include "tests/unit/tamper.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/books.h"
#include "site/import.h"

#define SITE                                                                                      \
    "project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"    \
    "demo,D1,301,A1,platform,p,s,GW,1,tcp:h:1,301,yufu-plain\n"                                   \
    "demo,D1,302,A2,meter,p,s,GW,1,,302,yufu-shop3p\n"

struct room {
    struct store *ledger, *readings;
    char dir[64], path[80];
    struct books_expected expected;
    struct books_report report;
    char parts[256]; /* of the faults, in order */
};

static enum err import_site(struct store_tx *tx, void *arg)
{
    struct site_import *im = NULL;
    (void)arg;
    TRY(site_import_open(&im, SITE, strlen(SITE)));
    TRY(site_import_plan(im, "p", "{\"kind\":\"flat\",\"price\":\"0.5\"}"));
    TRY(site_import_strategy(im, "s", "{}"));
    enum err e = site_import_commit(im, tx, "user:1", (wall_s){1'790'000'000});
    site_import_close(im);
    return e;
}

static enum err sell(struct store_tx *tx, void *arg)
{
    struct vend_status status;
    (void)arg;
    static const char *const orders[] = {"", "order-0001", "order-0002"};
    for (int64_t account = 1; account <= 2; account++)
        TRY(vend_sell(tx,
                      &(struct vend_sale){.account_id = account, .order_id = orders[account],
                                          .amount_fen = 5000, .method = "cash", .actor = "user:1",
                                          .now = {1'790'000'100}, .random = 7},
                      &status));
    return ERR_OK;
}

/* One settled day of the first account, as billing/ writes it. */
static enum err settle(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(ledger_post(tx,
                    &(struct ledger_entry){.account_id = 1, .key = "settle:1:1:500",
                                           .kind = "settlement", .now = {1'790'000'200},
                                           .business_day = 20717, .actor = "system",
                                           .postings = {{LEDGER_PREPAYMENT, -70}, {LEDGER_REVENUE, 70}}},
                    NULL));
    return store_exec(tx, "INSERT INTO settlement VALUES (1, 1, 1, 500, 600, 20717, 70, 1400, '{}')", "");
}

static int open_room(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    snprintf(r->dir, sizeof r->dir, "/tmp/yufu-books-XXXXXX");
    *state = r;
    if (!mkdtemp(r->dir))
        return -1;
    snprintf(r->path, sizeof r->path, "%s/l.db", r->dir);
    if (store_open(&r->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = r->path}) != ERR_OK ||
        store_open(&r->readings, &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}) != ERR_OK)
        return -1;
    static store_work *const steps[] = {import_site, sell, settle};
    for (int i = 0; i < 3; i++) {
        enum err e = store_run(r->ledger, steps[i], NULL);
        if (e != ERR_OK)
            return fprintf(stderr, "step %d: %s\n", i, err_name(e)), -1;
    }
    return 0;
}

static int close_room(void **state)
{
    struct room *r = *state;
    char command[96];
    store_close(r->ledger);
    store_close(r->readings);
    snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
    free(r);
    return system(command);
}

static void keep_part(void *arg, const char *part, const char *what)
{
    struct room *r = arg;
    assert_true(what[0] != 0);
    if (!strstr(r->parts, part))
        strcat(strcat(r->parts, r->parts[0] ? " " : ""), part);
}

static void no_progress(void *arg, const char *part, int64_t done)
{
    (void)arg, (void)part, (void)done;
}

/* The parts in which faults are found, each once. */
static const char *check(void **state)
{
    struct room *r = *state;
    r->parts[0] = 0;
    assert_ok(books_check(r->ledger, r->readings, &r->expected,
                          &(struct books_watch){keep_part, no_progress, r}, &r->report));
    assert_int_equal(r->parts[0] != 0, r->report.faults > 0);
    return r->parts;
}

static const char *check_after(void **state, const char *sql)
{
    struct room *r = *state;
    sqlite3 *db = tamper_open(r->path);
    tamper_drop_triggers(db);
    tamper_exec(db, sql);
    sqlite3_close(db);
    return check(state);
}

static void test_good_books(void **state)
{
    struct room *r = *state;
    assert_string_equal(check(state), "");
    assert_int_equal(r->report.ledger.accounts, 2);
    assert_int_equal(r->report.sales.orders, 2);
    assert_int_equal(r->report.settlements, 1);
    assert_int_equal(r->report.settled_fen, 70);
    assert_true(r->report.audit.rows >= 3);
    r->expected.audit = r->report.audit.head;
    assert_string_equal(check(state), "");
}

static void test_rewritten_audit(void **state)
{
    struct room *r = *state;
    assert_string_equal(check(state), "");
    r->expected.audit = r->report.audit.head;
    r->expected.audit.hash[5] ^= 1; /* as if the chain had been made anew with other hashes */
    assert_string_equal(check(state), "audit");
    r->expected.audit.seq = 999;
    assert_string_equal(check(state), "audit");
}

static void test_damage_by_part(void **state)
{
    assert_string_equal(check_after(state, "UPDATE audit SET actor = 'user:2' WHERE seq = 1"), "audit");
}

static void test_changed_posting(void **state)
{
    assert_string_equal(check_after(state, "UPDATE posting SET amount_fen = -4999 WHERE account_id = 1 "
                                           "AND book = 'cash'"), "ledger desk");
}

static void test_order_state_against_ledger(void **state)
{
    assert_string_equal(check_after(state, "UPDATE sale_order SET state = 'CONFIRMED' WHERE account_id = 2"),
                        "sales");
}

static void test_order_taken_but_never_paid(void **state)
{
    assert_string_equal(check_after(state, "UPDATE sale_order SET order_id = 'order-0003' WHERE account_id = 1"),
                        "sales");
}

static void test_settlement_against_ledger(void **state)
{
    assert_string_equal(check_after(state, "UPDATE settlement SET amount_fen = 71"), "charges");
}

static void test_settlement_under_another_name(void **state)
{
    assert_string_equal(check_after(state, "UPDATE settlement SET opened_at = 501"), "charges");
}

static void test_revenue_without_settlement(void **state)
{
    assert_string_equal(check_after(state, "DELETE FROM settlement"), "charges");
}

static void test_money_of_nobody(void **state)
{
    assert_string_equal(check_after(state, "PRAGMA foreign_keys = OFF; DELETE FROM account WHERE id = 1"),
                        "ledger");
}

static void test_damaged_page(void **state)
{
    struct room *r = *state;
    store_close(r->ledger); /* everything is in the one file now */
    r->ledger = NULL;
    FILE *f = fopen(r->path, "r+");
    assert_non_null(f);
    fseek(f, 40L * 4096, SEEK_SET); /* a leaf of some table or index */
    for (int i = 0; i < 64; i++)
        fputc(0xEE, f);
    fclose(f);
    enum err e = store_open(&r->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = r->path,
                                                              .read_only = true});
    if (e == ERR_OK) {
        e = books_check(r->ledger, r->readings, &r->expected,
                        &(struct books_watch){keep_part, no_progress, r}, &r->report);
        assert_true(e == ERR_STORE_CORRUPT || strstr(r->parts, "files"));
    } else {
        assert_err(ERR_STORE_CORRUPT, e);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_good_books),
        CASE(test_rewritten_audit),
        CASE(test_damage_by_part),
        CASE(test_changed_posting),
        CASE(test_order_state_against_ledger),
        CASE(test_order_taken_but_never_paid),
        CASE(test_settlement_against_ledger),
        CASE(test_settlement_under_another_name),
        CASE(test_revenue_without_settlement),
        CASE(test_money_of_nobody),
        CASE(test_damaged_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
