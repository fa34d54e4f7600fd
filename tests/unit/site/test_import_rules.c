/* What an import refuses of prices, strategies and terms, and whatever would move money. */
#include "tests/unit/site/import_rig.h"

#include "ledger/ledger.h"

/* --- prices --------------------------------------------------------------------------------- */

static void expect_plan_error(void **state, const char *body, enum err code, const char *why)
{
    struct site_import *im = NULL;
    size_t count;
    assert_ok(site_import_open(&im, HEADER ROW_1, strlen(HEADER ROW_1)));
    assert_ok(site_import_plan(im, "p", body));
    assert_ok(site_import_strategy(im, "s", POLICY));
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
    const struct site_import_error *e = site_import_errors(im, &count);
    assert_err(code, e->code);
    assert_string_equal(e->column, "p");
    assert_string_equal(e->value, why);
    site_import_close(im);
    assert_int_equal(rig_everything(state), 0);
}

static void expect_plan(void **state, const char *body, const char *why)
{
    expect_plan_error(state, body, ERR_RATING_PLAN, why);
}

static void test_prices_that_cannot_be_billed(void **state)
{
    expect_plan_error(state, "{\"kind\":\"flat\",\"price\":\"1\",\"minimum\":\"5\"}",
                      ERR_RATING_UNBILLABLE, "flat");
    expect_plan_error(state,
                      "{\"kind\":\"flat\",\"price\":\"1\",\"fees\":[{\"code\":\"a\","
                      "\"price\":\"1\",\"per\":\"area\"}]}",
                      ERR_RATING_UNBILLABLE, "flat");
}

static void test_bad_prices(void **state)
{
    expect_plan(state, "{\"kind\":\"flat\",\"price\":\"-1\"}", "PRICE_NEGATIVE price");
    expect_plan(state, "{\"kind\":\"flat\",\"price\":\"1000000\"}", "PRICE_TOO_LARGE price");
    expect_plan(state, "{\"kind\":\"free\"}", "KIND_UNKNOWN kind");
    expect_plan(state, "price", "JSON_SYNTAX ");
}

static void test_bad_strategy(void **state)
{
    struct site_import *im = NULL;
    size_t count;
    assert_ok(site_import_open(&im, HEADER ROW_1, strlen(HEADER ROW_1)));
    assert_ok(site_import_plan(im, "p", FLAT));
    assert_ok(site_import_strategy(im, "s", "{\"levels\":5}"));
    assert_err(ERR_CSV_CODE, site_import_strategy(im, "a b", POLICY));
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_err(ERR_STRATEGY_POLICY, site_import_errors(im, &count)->code);
    site_import_close(im);
}

/* --- what would move money ------------------------------------------------------------------ */

static enum err book_something(struct store_tx *tx, void *arg)
{
    (void)arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = 1,
                               .key = "k",
                               .kind = "k",
                               .now = {1},
                               .actor = "system",
                               .postings = {{LEDGER_CASH, -1}, {LEDGER_PREPAYMENT, 1}}},
        NULL);
}

static void expect_refused(void **state, const char *text, const char *column, enum err code)
{
    struct site_import *im = rig_import_open(text);
    int64_t before = rig_everything(state);
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_true(rig_told(im, 2, column, code));
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
    site_import_close(im);
    assert_int_equal(rig_everything(state), before);
}

static void test_wallet_of_a_booked_account_is_fixed(void **state)
{
    char text[2048];
    assert_ok(rig_import(state, HEADER ROW_1));
    rig_with_cell("wallet", "meter", text, sizeof text);
    struct site_import *im = rig_import_open(text);
    assert_ok(rig_compare(state, im)); /* nothing is booked yet */
    site_import_close(im);
    assert_ok(store_run(*state, book_something, NULL));
    expect_refused(state, text, "wallet", ERR_SITE_WALLET_FIXED);
}

static void test_a_meter_stays_with_its_account(void **state)
{
    char text[2048];
    assert_ok(rig_import(state, HEADER ROW_1));
    rig_with_cell("account", "D1-999", text, sizeof text);
    expect_refused(state, text, "account", ERR_SITE_METER_ACCOUNT);
}

static enum err name_a_later_strategy(struct store_tx *tx, void *arg)
{
    (void)arg;
    return store_exec(tx,
                      "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
                      "VALUES (99, 1, 'later', 1, $1, '{}')",
                      "i", INT64_C(1'790'000'001));
}

/* Whoever is off would stay off: supply comes back by the strategy that is in force. */
static void test_an_account_needs_a_strategy_in_force(void **state)
{
    char text[2048];
    assert_ok(rig_import(state, HEADER ROW_1));
    assert_ok(store_run(*state, name_a_later_strategy, NULL));
    rig_with_cell("strategy", "later", text, sizeof text);
    struct site_import *im = rig_import_open(text);
    int64_t before = rig_everything(state);
    site_import_now(im, (wall_s){1'790'000'000});
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_true(rig_told(im, 2, "strategy", ERR_SITE_STRATEGY_UNKNOWN));
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
    assert_int_equal(rig_everything(state), before);
    site_import_now(im, (wall_s){1'790'000'001}); /* it is in force */
    assert_ok(rig_compare(state, im));
    site_import_close(im);
}

/* A site is entered before it begins. */
static void test_a_new_account_may_wait_for_its_strategy(void **state)
{
    char text[2048];
    assert_ok(rig_import(state, HEADER ROW_3));
    assert_ok(store_run(*state, name_a_later_strategy, NULL));
    rig_with_cell("strategy", "later", text, sizeof text);
    assert_ok(rig_import(state, text));
}

static void test_a_gateway_stays_in_its_project(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1));
    expect_refused(state, HEADER "other,,,,D1,1,,L,,,,,,,,,,GW-1,,2,tcp:h:1,,,1,yufu-plain,,,\n",
                   "gateway", ERR_SITE_GATEWAY_PROJECT);
}

/* --- terms of accounts ------------------------------------------------------------------------ */

#define TERMS_HEADER                                                                               \
    "project,building,room,account,wallet,plan,strategy,persons,area,capacity,contracted,"         \
    "moved_in,ladder_group,gateway,line,endpoint,address,model\n"
#define TERMS_ROW(terms)                                                                           \
    "demo,D1,301,D1-301,platform,p,s," terms ",GW-1,1,tcp:127.0.0.1:9101,301,yufu-dorm3\n"

static void test_terms_of_accounts(void **state)
{
    assert_ok(rig_import(state, TERMS_HEADER TERMS_ROW("05,90.5,,,2026-03-01,house")));
    assert_int_equal(rig_number(state,
                                "SELECT count(*) FROM account_term WHERE from_at = 0 AND "
                                "persons = 5 AND area_milli_m2 = 90500 AND opened_day = 20513 "
                                "AND ladder_group = 'house'"),
                     1);
    struct site_import *im = rig_import_open(TERMS_HEADER TERMS_ROW("5,90.500,,,2026-03-01,house"));
    assert_ok(rig_commit(state, im));
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_SAME], 1);
    site_import_close(im);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM account_term"), 1);
    /* what is not said stays; what is said holds from now on */
    assert_ok(rig_import(state, TERMS_HEADER TERMS_ROW("6,,315,,,")));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM account_term WHERE from_at > 0 AND "
                                       "persons = 6 AND area_milli_m2 = 90500 AND "
                                       "capacity_milli_kva = 315000 AND ladder_group = 'house'"),
                     1);
}

static void test_bad_terms(void **state)
{
    static const struct {
        const char *text, *column;
    } bad[] = {{TERMS_HEADER TERMS_ROW("0,,,,,"), "persons"},
               {TERMS_HEADER TERMS_ROW("1000,,,,,"), "persons"},
               {TERMS_HEADER TERMS_ROW(",90.1234,,,,"), "area"},
               {TERMS_HEADER TERMS_ROW(",0,,,,"), "area"},
               {TERMS_HEADER TERMS_ROW(",-9,,,,"), "area"},
               {TERMS_HEADER TERMS_ROW(",4294968,,,,"), "area"},
               {TERMS_HEADER TERMS_ROW(",,1.,,,"), "capacity"},
               {TERMS_HEADER TERMS_ROW(",,,many,,"), "contracted"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct site_import *im = rig_import_open(bad[i].text);
        assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
        if (!rig_told(im, 2, bad[i].column, ERR_CSV_TERMS))
            fail_msg("%zu: %s was not told", i, bad[i].column);
        site_import_close(im);
        assert_int_equal(rig_everything(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_terms_of_accounts),
        CASE(test_bad_terms),
        CASE(test_bad_prices),
        CASE(test_prices_that_cannot_be_billed),
        CASE(test_bad_strategy),
        CASE(test_wallet_of_a_booked_account_is_fixed),
        CASE(test_a_meter_stays_with_its_account),
        CASE(test_an_account_needs_a_strategy_in_force),
        CASE(test_a_new_account_may_wait_for_its_strategy),
        CASE(test_a_gateway_stays_in_its_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
