/* The import: what each bad cell is called, that a bad row changes nothing, that the same file
 * again changes nothing, and that a comparison says what a commit then does. */
#include "tests/unit/site/import_rig.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the good case -------------------------------------------------------------------------- */

static void test_a_site_appears(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1 ROW_2 ROW_3));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM place"), 6);
    assert_int_equal(
        rig_number(state, "SELECT count(*) FROM place c JOIN place p ON p.id = c.parent_id "
                          "WHERE c.code = 'D1/3/301' AND p.code = 'D1/3' AND c.kind = 'room'"),
        1);
    assert_int_equal(rig_number(state,
                                "SELECT count(*) FROM meter WHERE address = '000000000302' AND "
                                "circuits = 3 AND epoch = 1 AND customer_number = '000000000000'"),
                     1);
    assert_int_equal(rig_number(state,
                                "SELECT count(*) FROM account a JOIN customer c ON c.id = "
                                "a.customer_id WHERE a.code = 'D1-301' AND a.name = '301' AND "
                                "c.code = 'D1-301' AND c.phone = '13800000001'"),
                     1);
    assert_int_equal(rig_number(state, "SELECT contract_at FROM account WHERE code = 'D1-301'"),
                     1'788'264'000); /* 2026-09-01 12:00 UTC */
    assert_int_equal(rig_number(state,
                                "SELECT count(*) FROM account WHERE code = 'D1-302' AND "
                                "contract_at IS NULL AND customer_id IS NULL AND wallet = 'meter'"),
                     1);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter WHERE account_id IS NULL"), 1);
    assert_int_equal(
        rig_number(state, "SELECT count(*) FROM line WHERE baud = 2400 AND parity = 'E'"), 2);
    assert_int_equal(rig_number(state, "SELECT effective_at FROM price_plan WHERE code = 'p'"), 0);
    assert_int_equal(rig_number(state, "SELECT config_version FROM gateway"), 2);
    assert_int_equal(rig_number(state,
                                "SELECT count(*) FROM audit WHERE action = 'site.import' AND "
                                "actor = 'user:1' AND object = 'project:1'"),
                     1);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM event WHERE kind = 'site.imported'"),
                     1);
}

static void test_the_same_again_changes_nothing(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1 ROW_2 ROW_3));
    int64_t before = rig_everything(state);
    struct site_import *im = rig_import_open(HEADER ROW_1 ROW_2 ROW_3);
    assert_ok(rig_compare(state, im));
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_SAME], 3);
    assert_ok(rig_commit(state, im));
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_SAME], 3);
    for (int o = 0; o < SITE_IMPORT_OBJECTS; o++)
        assert_int_equal(site_import_result(im)->objects[o][SITE_NEW] +
                             site_import_result(im)->objects[o][SITE_CHANGED],
                         0);
    site_import_close(im);
    assert_int_equal(rig_everything(state), before);
    assert_int_equal(rig_number(state, "SELECT config_version FROM gateway"), 2);
}

static void test_chinese_headers_and_gbk(void **state)
{
    /* 项目,楼栋,房间,管理机,线路,端点,表号,型号 / demo,一号楼,301,... in GBK */
    assert_ok(rig_import(
        state, "\xcf\xee\xc4\xbf,\xc2\xa5\xb6\xb0,\xb7\xbf\xbc\xe4,\xb9\xdc\xc0\xed\xbb\xfa,"
               "\xcf\xdf\xc2\xb7,\xb6\xcb\xb5\xe3,\xb1\xed\xba\xc5,\xd0\xcd\xba\xc5\n"
               "demo,\xd2\xbb\xba\xc5\xc2\xa5,301,GW,1,tcp:h:1,5,yufu-plain\n"));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM place WHERE code = "
                                       "'\xe4\xb8\x80\xe5\x8f\xb7\xe6\xa5\xbc/301'"),
                     1);
}

static void test_example_of_the_manual(void **state)
{
    char text[8192] = "";
    FILE *f = fopen(YUFU_SOURCE_ROOT "/docs/formats/site-example.csv", "r");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 500);
    fclose(f);
    struct site_import *im = NULL;
    assert_ok(site_import_open(&im, text, strlen(text)));
    assert_ok(site_import_plan(im, "dorm", FLAT));
    assert_ok(site_import_plan(im, "shop", FLAT));
    assert_ok(site_import_strategy(im, "standard", POLICY));
    assert_ok(rig_commit(state, im));
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_NEW], 4);
    site_import_close(im);
}

/* --- changes -------------------------------------------------------------------------------- */

static void test_a_change_is_told_before_it_is_made(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1 ROW_2 ROW_3));
    struct site_import *im = rig_import_open(
        HEADER ROW_1
        "demo,,,,D1,3,302,,D1-302,New Name,,,,meter,p,s,,GW-1,,1,,,,302,yufu-dorm3,,,\n"
        "demo,,,,D1,4,401,,D1-401,,,,,platform,p,s,,GW-1,,1,,,,401,yufu-dorm3,,,\n");
    int64_t before = rig_everything(state);
    assert_ok(rig_compare(state, im));
    assert_int_equal(rig_everything(state), before);
    for (int phase = 0; phase < 2; phase++) {
        static const enum site_change expected[] = {SITE_SAME, SITE_CHANGED, SITE_NEW};
        const struct site_import_result *r = site_import_result(im);
        for (int i = 0; i < 3; i++) {
            int64_t row = 0;
            assert_int_equal(site_import_row(im, i, &row), expected[i]);
            assert_int_equal(row, i + 2);
        }
        assert_int_equal(r->objects[SITE_IMPORT_ACCOUNT][SITE_NEW], 1);
        assert_int_equal(r->objects[SITE_IMPORT_ACCOUNT][SITE_CHANGED], 1);
        assert_int_equal(r->objects[SITE_IMPORT_METER][SITE_NEW], 1);
        assert_int_equal(r->objects[SITE_IMPORT_METER][SITE_CHANGED], 0);
        assert_int_equal(r->objects[SITE_IMPORT_PLACE][SITE_NEW], 2);
        if (phase == 0)
            assert_ok(rig_commit(state, im));
    }
    site_import_close(im);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM account WHERE name = 'New Name'"), 1);
    assert_int_equal(rig_number(state, "SELECT config_version FROM gateway"), 3);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM audit"), 2);
}

static void test_an_empty_cell_leaves_what_is_stored(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1));
    assert_ok(rig_import(state, HEADER "demo,,,,D1,3,301,,D1-301,,,,,platform,p,s,,GW-1,,1,,,,301,"
                                       "yufu-dorm3,,,\n"));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM project WHERE name = 'Demo'"), 1);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM customer WHERE phone = '13800000001'"),
                     1);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM line WHERE endpoint LIKE '%9101'"), 1);
    assert_int_equal(rig_number(state, "SELECT contract_at FROM account"), 1'788'264'000);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM audit"), 1);
}

static void test_a_changed_plan_is_a_new_version(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1));
    struct site_import *im = NULL;
    assert_ok(site_import_open(&im, HEADER ROW_1, strlen(HEADER ROW_1)));
    assert_ok(site_import_plan(im, "p", "{\"kind\":\"flat\",\"price\":\"0.61\"}"));
    assert_ok(rig_commit(state, im));
    site_import_close(im);
    assert_int_equal(rig_number(state, "SELECT effective_at FROM price_plan WHERE version = 2"),
                     1'790'000'000);
    assert_ok(site_import_open(&im, HEADER ROW_1, strlen(HEADER ROW_1)));
    assert_ok(site_import_plan(im, "p", FLAT));
    site_import_effective(im, (wall_s){1'780'000'000});
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im)); /* before version 2 */
    size_t count;
    assert_int_equal(site_import_errors(im, &count)->code, ERR_SITE_EFFECTIVE);
    site_import_close(im);
}

/* Meters that the file does not name count, and an account that the row does not name. */
static void test_a_unit_is_of_all_meters_of_an_account(void **state)
{
    struct site_import *im = rig_import_open(HEADER ROW_1);
    assert_ok(site_import_plan(im, "w", "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"5\"}"));
    assert_ok(rig_commit(state, im));
    site_import_close(im);
    static const char *const texts[] = {
        HEADER "demo,,,,D1,3,301,,D1-301,,,,,platform,w,s,,GW-1,,1,,,,401,water-188,,,\n",
        HEADER "demo,,,,D1,3,301,,,,,,,,,,,GW-1,,1,,,,301,water-188,,,\n"};
    for (size_t i = 0; i < 2; i++) {
        im = rig_import_open(texts[i]);
        assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
        assert_true(rig_told(im, 2, "plan", ERR_SITE_PLAN_UNIT));
        assert_int_equal(site_import_result(im)->error_count, 1);
        assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
        site_import_close(im);
    }
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter"), 1);
}

/* The same where the plan comes with the file: a comparison, which writes no plan, sees it too. */
static void test_a_unit_that_comes_with_the_file(void **state)
{
    assert_ok(rig_import(state, HEADER ROW_1));
    struct site_import *im = rig_import_open(
        HEADER "demo,,,,D1,3,301,,D1-301,,,,,platform,w,s,,GW-1,,1,,,,401,water-188,,,\n");
    assert_ok(site_import_plan(im, "w", "{\"kind\":\"flat\",\"unit\":\"m3\",\"price\":\"5\"}"));
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_true(rig_told(im, 2, "plan", ERR_SITE_PLAN_UNIT));
    assert_int_equal(site_import_result(im)->error_count, 1);
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
    assert_int_equal(site_import_result(im)->error_count, 1);
    site_import_close(im);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter"), 1);
    /* Another plan in the same unit fits both. */
    im = rig_import_open(
        HEADER "demo,,,,D1,3,301,,D1-301,,,,,platform,v,s,,GW-1,,1,,,,402,yufu-dorm3,,,\n");
    assert_ok(site_import_plan(im, "v", "{\"kind\":\"flat\",\"price\":\"0.4\"}"));
    assert_ok(rig_compare(state, im));
    assert_ok(rig_commit(state, im));
    site_import_close(im);
}

/* --- every bad cell has a name -------------------------------------------------------------- */

#define LONG_33 "123456789012345678901234567890123"

static const struct {
    const char *column, *value;
    enum err err;
} bad_cells[] = {
    {"project", "", ERR_CSV_REQUIRED},
    {"project", "a b", ERR_CSV_CODE},
    {"project", "a/b", ERR_CSV_CODE},
    {"project", LONG_33, ERR_CSV_CODE},
    {"project_name", LONG_33 LONG_33 LONG_33, ERR_CSV_NAME},
    {"project_name", "\"two\nlines\"", ERR_CSV_NAME},
    {"zone", "Mars/Olympus", ERR_CSV_ZONE},
    {"zone", "beijing", ERR_CSV_ZONE},
    {"organisation", "a b", ERR_CSV_CODE},
    {"building", "", ERR_CSV_REQUIRED},
    {"building", "D/1", ERR_CSV_CODE},
    {"floor", "3 1", ERR_CSV_CODE},
    {"room", "", ERR_CSV_PLACE},
    {"shop", "S1", ERR_CSV_PLACE},
    {"account", "D1 301", ERR_CSV_CODE},
    {"account", "", ERR_CSV_ACCOUNT},
    {"account_name", LONG_33 LONG_33 LONG_33, ERR_CSV_NAME},
    {"customer", "a/b", ERR_CSV_CODE},
    {"customer_name", LONG_33 LONG_33 LONG_33, ERR_CSV_NAME},
    {"phone", "1380000000a", ERR_CSV_PHONE},
    {"phone", "123", ERR_CSV_PHONE},
    {"phone", "13800000001380000", ERR_CSV_PHONE},
    {"phone", "138+0000", ERR_CSV_PHONE},
    {"wallet", "purse", ERR_CSV_WALLET},
    {"wallet", "", ERR_CSV_REQUIRED},
    {"plan", "", ERR_CSV_REQUIRED},
    {"plan", "nobody", ERR_SITE_PLAN_UNKNOWN},
    {"plan", "a b", ERR_CSV_CODE},
    {"strategy", "", ERR_CSV_REQUIRED},
    {"strategy", "nobody", ERR_SITE_STRATEGY_UNKNOWN},
    {"contract", "2026-02-30", ERR_CSV_DATE},
    {"contract", "2026/09/01", ERR_CSV_DATE},
    {"contract", "1.9.2026", ERR_CSV_DATE},
    {"contract", "1900-01-01", ERR_CSV_DATE},
    {"gateway", "", ERR_CSV_REQUIRED},
    {"gateway", "GW 1", ERR_CSV_CODE},
    {"gateway_name", LONG_33 LONG_33 LONG_33, ERR_CSV_NAME},
    {"line", "", ERR_CSV_REQUIRED},
    {"line", "0", ERR_CSV_LINE},
    {"line", "256", ERR_CSV_LINE},
    {"line", "-1", ERR_CSV_LINE},
    {"line", "one", ERR_CSV_LINE},
    {"line", "99999999999999999999", ERR_CSV_LINE},
    {"endpoint", "", ERR_CSV_REQUIRED},
    {"endpoint", "COM1", ERR_CSV_ENDPOINT},
    {"endpoint", "tcp:127.0.0.1", ERR_CSV_ENDPOINT},
    {"endpoint", "tcp:127.0.0.1:0", ERR_CSV_ENDPOINT},
    {"endpoint", "tcp:127.0.0.1:65536", ERR_CSV_ENDPOINT},
    {"endpoint", "tcp::9001", ERR_CSV_ENDPOINT},
    {"endpoint", "serial:ttyS1", ERR_CSV_ENDPOINT},
    {"endpoint", "dtu:", ERR_CSV_ENDPOINT},
    {"endpoint", "dtu:UNIT;UNIT-1", ERR_CSV_ENDPOINT},
    {"baud", "2401", ERR_CSV_BAUD},
    {"baud", "fast", ERR_CSV_BAUD},
    {"parity", "X", ERR_CSV_PARITY},
    {"address", "", ERR_CSV_REQUIRED},
    {"address", "12345678901a", ERR_CSV_ADDRESS},
    {"address", "123456789012345", ERR_CSV_ADDRESS},
    {"model", "", ERR_CSV_REQUIRED},
    {"model", "abacus", ERR_CSV_MODEL},
    {"kind", "steam", ERR_CSV_KIND},
    {"kind", "\xe6\xb0\xb4", ERR_SITE_PLAN_UNIT}, /* water, on a plan per kWh */
    {"circuits", "4", ERR_CSV_CIRCUITS},
    {"circuits", "0", ERR_CSV_CIRCUITS},
    {"circuits", "two", ERR_CSV_CIRCUITS},
    {"customer_number", "123", ERR_CSV_CUSTOMER_NUMBER},
    {"customer_number", "12345678901x", ERR_CSV_CUSTOMER_NUMBER},
};

static void test_bad_cells(void **state)
{
    for (size_t i = 0; i < sizeof bad_cells / sizeof *bad_cells; i++) {
        char text[2048];
        const char *column = bad_cells[i].column;
        rig_with_cell(column, bad_cells[i].value, text, sizeof text);
        struct site_import *im = rig_import_open(text);
        assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
        if (strcmp(column, "shop") == 0)
            column = "room";
        if (strcmp(column, "account") == 0 && bad_cells[i].err == ERR_CSV_ACCOUNT)
            column = "wallet";
        if (bad_cells[i].err == ERR_SITE_PLAN_UNIT)
            column = "plan";
        if (!rig_told(im, 2, column, bad_cells[i].err))
            fail_msg("%s '%s': %s was not told, but %s", bad_cells[i].column, bad_cells[i].value,
                     err_name(bad_cells[i].err),
                     err_name(site_import_errors(im, &(size_t){0})->code));
        site_import_close(im);
        assert_int_equal(rig_everything(state), 0);
    }
}

static void test_good_cells(void **state)
{
    static const char *const good[][2] = {
        {"phone", "+86 138-0000-0000"},
        {"phone", ""},
        {"wallet", "\xe5\xb9\xb3\xe5\x8f\xb0"},
        {"wallet", "METER"},
        {"parity", "\xe6\x97\xa0"},
        {"kind", "\xe7\x94\xb5"},
        {"line", "007"},
        {"baud", "9600"},
        {"circuits", "1"},
        {"floor", ""},
        {"zone", ""},
        {"contract", "2024-02-29"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[2048];
        rig_with_cell(good[i][0], good[i][1], text, sizeof text);
        struct site_import *im = rig_import_open(text);
        if (rig_compare(state, im) != ERR_OK)
            fail_msg("%s '%s': %s", good[i][0], good[i][1],
                     err_name(site_import_errors(im, &(size_t){0})->code));
        site_import_close(im);
    }
}

/* --- errors of the file and between rows ---------------------------------------------------- */

static const struct {
    const char *text;
    int64_t row;
    const char *column;
    enum err err;
} bad_files[] = {
    {"", 0, "", ERR_CSV_EMPTY},
    {HEADER, 0, "", ERR_CSV_EMPTY},
    {HEADER "\n\n,,\n", 0, "", ERR_CSV_EMPTY},
    {"project,building,room,gateway,line,address,model,price\n", 1, "price", ERR_CSV_HEADER},
    {"project,building,room,gateway,line,address,model,room\n", 1, "room", ERR_CSV_HEADER_TWICE},
    {"project,building,room,gateway,line,address\n", 1, "model", ERR_CSV_HEADER_MISSING},
    {"project,building,gateway,line,address,model\n", 1, "room", ERR_CSV_HEADER_MISSING},
    {"name;address\n1;2\n", 1, "name;address", ERR_CSV_HEADER},
    {"\xff\xff\xff", 0, "", ERR_CSV_ENCODING},
    {HEADER ROW_1 "\"demo", 3, "project", ERR_CSV_QUOTE},
    {HEADER "demo,\x01,\n", 2, "project_name", ERR_CSV_CONTROL},
    {HEADER ROW_3 "demo,,,,D1,1,,LOBBY,,,,,,,,,,GW-1,,2,,,,2,yufu-plain,,,,more\n", 3, "",
     ERR_CSV_COLUMNS},
    {HEADER ROW_1 "other,,,,D1,3,302,,D1-302,,,,,meter,p,s,,GW-1,,1,,,,302,yufu-dorm3,,,\n", 3,
     "project", ERR_CSV_PROJECT},
    {HEADER ROW_1 "demo,,,,D1,3,303,,D1-303,,,,,platform,p,s,,GW-1,,1,,,,301,yufu-dorm3,,,\n", 3,
     "address", ERR_CSV_DUPLICATE_METER},
    {HEADER ROW_1
     "demo,,,,D1,3,303,,D1-303,,,,,platform,p,s,,GW-1,,1,tcp:other:1,,,303,yufu-dorm3,,,\n",
     3, "endpoint", ERR_CSV_CONTRADICTS},
    {HEADER ROW_1 "demo,,,,D1,3,301,,D1-301,,,,,platform,q,s,,GW-1,,1,,,,303,yufu-dorm3,,,\n", 3,
     "plan", ERR_CSV_CONTRADICTS},
    {HEADER ROW_1 "demo,,,,D1,3,301,,D1-301,,C9,,,platform,p,s,,GW-1,,1,,,,303,yufu-dorm3,,,\n", 3,
     "customer", ERR_CSV_CONTRADICTS},
    {HEADER ROW_3 "demo,,,,D1,1,LOBBY,,,,,,,,,,,GW-1,,2,,,,2,yufu-plain,,,\n", 3, "room",
     ERR_CSV_CONTRADICTS},
    {HEADER ROW_1 ROW_2 "demo,,,,D1,3,302,,D1-302,,,,,,,,,GW-1,,1,,,,303,yufu-dorm3,,,\n", 3,
     "wallet", ERR_CSV_WALLET_METERS},
    {HEADER ROW_1 "demo,,,,D1,3,303,,D1-303,,,,,meter,p,s,,GW-1,,1,,,,303,yufu-plain,,,\n", 3,
     "wallet", ERR_CSV_WALLET_METERS},
};

static void test_bad_files(void **state)
{
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        struct site_import *im = rig_import_open(bad_files[i].text);
        assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
        if (!rig_told(im, bad_files[i].row, bad_files[i].column, bad_files[i].err)) {
            const struct site_import_error *e = site_import_errors(im, &(size_t){0});
            fail_msg("file %zu: %s at %lld,%s was not told, but %s at %lld,%s", i,
                     err_name(bad_files[i].err), (long long)bad_files[i].row, bad_files[i].column,
                     err_name(e->code), (long long)e->row, e->column);
        }
        assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
        site_import_close(im);
        assert_int_equal(rig_everything(state), 0);
    }
}

/* Two projects in one file: what the second one has is nobody's business who may only see the
 * first.
 */
static void test_only_the_first_project_is_compared(void **state)
{
#define OF(project, account, wallet, gateway, address)                                             \
    project ",,,,D1,3," address ",," account ",,,,," wallet ",p,s,," gateway                       \
            ",,1,tcp:h:1,,," address ",yufu-dorm3,,,\n"
    assert_ok(rig_import(state, HEADER OF("demo", "D1-301", "meter", "GW-1", "301")));
    assert_ok(rig_import(state, HEADER OF("other", "O1", "meter", "GW-2", "401")
                                    OF("other", "O2", "meter", "GW-2", "402")));
    struct site_import *im = rig_import_open(HEADER OF("demo", "O1", "platform", "GW-3", "401")
                                                 OF("other", "O2", "platform", "GW-2", "402"));
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_true(rig_told(im, 3, "project", ERR_CSV_PROJECT));
    const struct site_import_result *r = site_import_result(im);
    assert_int_equal(r->error_count, 1);
    assert_string_equal(r->project_code, "demo");
    assert_int_equal(r->project_id, 1);
    assert_int_equal(r->objects[SITE_IMPORT_PROJECT][SITE_SAME], 1);
    assert_int_equal(r->objects[SITE_IMPORT_ACCOUNT][SITE_NEW], 1); /* demo has no O1 */
    assert_int_equal(r->objects[SITE_IMPORT_ACCOUNT][SITE_CHANGED], 0);
    assert_int_equal(r->objects[SITE_IMPORT_GATEWAY][SITE_NEW], 1);
    assert_int_equal(r->objects[SITE_IMPORT_GATEWAY][SITE_SAME], 0);
    assert_int_equal(r->rows_by_change[SITE_NEW], 1);
    site_import_close(im);
}

/* What a model is, its address and its kind come from its file. */
static void test_other_protocols(void **state)
{
#define OTHER(room, address, model)                                                                \
    "demo,,,,D1,3," room ",,,,,,,,,,,GW-1,,1,,,," address "," model ",,,\n"
    assert_ok(rig_import(state, HEADER ROW_1 OTHER("302", "78331505900569", "water-valve-188")
                                    OTHER("303", "17", "energy-modbus")));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter WHERE kind = 'water' AND "
                                       "address = '78331505900569' AND circuits = 1"),
                     1);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter WHERE kind = 'electricity' AND "
                                       "address = '000000000017'"),
                     1);
    struct site_import *im =
        rig_import_open(HEADER ROW_1 OTHER("304", "300", "energy-modbus")
                            OTHER("305", "78331505900569", "yufu-plain")
                                OTHER("306", "123456789", "heat-mbus-secondary"));
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    for (int64_t row = 3; row <= 5; row++)
        assert_true(rig_told(im, row, "address", ERR_CSV_ADDRESS));
    assert_int_equal(site_import_result(im)->error_count, 3);
    site_import_close(im);
}

static void test_all_errors_at_once(void **state)
{
    struct site_import *im = rig_import_open(
        HEADER "demo,,,,D1,3,301,,D1-301,,,,1,purse,p,s,,GW-1,,0,tcp:h:1,,,x,yufu-dorm3,,,\n" ROW_2
               "demo,,,,D1,3,303,,D1-303,,,,,meter,p,s,,GW-1,,1,,,,303,abacus,,,\n"
               "demo,,,,D1,3,304,,D1-304,,,,,meter,nobody,s,,GW-1,,1,,,,304,yufu-dorm3,,,\n");
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_true(rig_told(im, 2, "phone", ERR_CSV_PHONE));
    assert_true(rig_told(im, 2, "wallet", ERR_CSV_WALLET));
    assert_true(rig_told(im, 2, "line", ERR_CSV_LINE));
    assert_true(rig_told(im, 2, "address", ERR_CSV_ADDRESS));
    assert_true(rig_told(im, 4, "model", ERR_CSV_MODEL));
    assert_true(rig_told(im, 5, "plan", ERR_SITE_PLAN_UNKNOWN)); /* only the store knows */
    assert_int_equal(site_import_result(im)->error_count, 6); /* the line's endpoint is in row 2 */
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_NEW], 1); /* row 3 alone */
    assert_err(ERR_SITE_IMPORT, rig_commit(state, im));
    assert_int_equal(site_import_result(im)->error_count, 6);
    assert_int_equal(rig_everything(state), 0);
    site_import_close(im);
}

/* The rows that failed come out with their reasons; mended, they go in as they are. */
static void test_failed_rows_come_back(void **state)
{
    char *text = NULL;
    size_t len = 0;
    struct site_import *im =
        rig_import_open("project,building,room,gateway,line,endpoint,address,model,account,account_"
                        "name,wallet,plan,"
                        "strategy\n"
                        "demo,D1,301,GW,1,tcp:h:1,301,yufu-dorm3,A1,\"x, \"\"y\"\"\",purse,p,s\n"
                        "demo,D1,302,GW,1,,302,yufu-dorm3,A2,,platform,p,s\n"
                        "demo,D1,303,GW,1,,303,yufu-dorm3,A3,'=1+1,purse,p,s\n");
    assert_err(ERR_SITE_IMPORT, rig_compare(state, im));
    assert_ok(site_import_failed(im, &text, &len));
    site_import_close(im);
    assert_non_null(strstr(text, "A1,\"x, \"\"y\"\"\",purse,p,s,\"wallet: CSV_WALLET "));
    assert_non_null(strstr(text, "A3,'=1+1,purse,"));
    assert_null(strstr(text, "A2"));
    assert_int_equal(strlen(text), len);
    for (char *p = strstr(text, "purse"); p; p = strstr(p, "purse"))
        memcpy(p, "meter", 5);
    im = rig_import_open(text);
    assert_ok(rig_commit(state, im));
    site_import_close(im);
    free(text);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM account WHERE name = '=1+1' OR name = "
                                       "'x, \"y\"'"),
                     2);
}

/* --- in slices -------------------------------------------------------------------------------- */

struct slice {
    struct site_import *im;
    int64_t items;
};

static enum err run_slice(struct store_tx *tx, void *arg)
{
    struct slice *s = arg;
    return site_import_some(s->im, tx, s->items);
}

/* The same answers as in one go, and the progress only rises. */
static void expect_same_in_slices(void **state, const char *text, int64_t items)
{
    struct site_import *whole = rig_import_open(text), *sliced = rig_import_open(text);
    struct site_import_progress at = {}, before = {};
    enum err e = rig_compare(state, whole);
    size_t calls = 0, count, other;
    while (at.phase != SITE_IMPORT_COMPARED) {
        assert_ok(store_read(*state, run_slice, &(struct slice){sliced, items}));
        site_import_where(sliced, &at);
        assert_true(at.phase > before.phase || at.done >= before.done);
        assert_true(at.done <= at.total && ++calls < 1000);
        before = at;
    }
    const struct site_import_result *a = site_import_result(whole), *b = site_import_result(sliced);
    assert_int_equal(e == ERR_OK ? 0 : 1, b->error_count > 0);
    assert_int_equal(a->error_count, b->error_count);
    assert_int_equal(a->rows, b->rows);
    assert_string_equal(a->project_code, b->project_code);
    assert_memory_equal(a->rows_by_change, b->rows_by_change, sizeof a->rows_by_change);
    assert_memory_equal(a->objects, b->objects, sizeof a->objects);
    const struct site_import_error *x = site_import_errors(whole, &count);
    const struct site_import_error *y = site_import_errors(sliced, &other);
    assert_int_equal(count, other);
    for (size_t i = 0; i < count; i++)
        assert_true(x[i].row == y[i].row && x[i].code == y[i].code);
    site_import_close(whole);
    site_import_close(sliced);
}

static void test_slices(void **state)
{
    static const char *const files[] = {
        "",
        HEADER,
        HEADER ROW_1 ROW_2 ROW_3,
        HEADER ROW_1 "\"demo",
        HEADER ROW_3 "demo,,,,D1,3,303,,D1-303,,,,,meter,p,s,,GW-1,,1,,,,303,abacus,,,\n" ROW_1,
        HEADER ROW_1 "demo,,,,D1,3,303,,D1-303,,,,,platform,q,s,,GW-1,,1,,,,303,yufu-dorm3,,,\n",
    };
    for (int64_t items = 1; items < 40; items += 6)
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
            expect_same_in_slices(state, files[i], items);
    assert_int_equal(rig_everything(state), 0);
}

/* --- size ----------------------------------------------------------------------------------- */

static void test_ten_thousand_rows(void **state)
{
    size_t cap = 2'000'000, len = 0;
    char *text = malloc(cap);
    len += (size_t)snprintf(text, cap, "%s", HEADER);
    for (int i = 0; i < 10'000; i++)
        len += (size_t)snprintf(
            text + len, cap - len,
            "demo,,,,B%d,%d,%d,,A%d,,,N%d,138%08d,platform,p,s,,GW-%d,,%d,tcp:h:%d,,,"
            "%d,yufu-dorm3,,,\n",
            i / 1000, i / 100 % 10, i, i, i, i, i / 1000, 1 + i / 100 % 10, 1 + i / 100, i);
    assert_ok(rig_import(state, text));
    assert_int_equal(rig_number(state, "SELECT count(*) FROM meter"), 10'000);
    assert_int_equal(rig_number(state, "SELECT count(*) FROM line"), 100);
    assert_int_equal(rig_number(state, "SELECT sum(config_version) FROM gateway"), 20);
    struct site_import *im = rig_import_open(text);
    assert_ok(rig_commit(state, im));
    assert_int_equal(site_import_result(im)->rows_by_change[SITE_SAME], 10'000);
    site_import_close(im);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_site_appears),
        CASE(test_the_same_again_changes_nothing),
        CASE(test_chinese_headers_and_gbk),
        CASE(test_example_of_the_manual),
        CASE(test_a_change_is_told_before_it_is_made),
        CASE(test_an_empty_cell_leaves_what_is_stored),
        CASE(test_a_changed_plan_is_a_new_version),
        CASE(test_a_unit_is_of_all_meters_of_an_account),
        CASE(test_a_unit_that_comes_with_the_file),
        CASE(test_bad_cells),
        CASE(test_good_cells),
        CASE(test_bad_files),
        CASE(test_all_errors_at_once),
        CASE(test_only_the_first_project_is_compared),
        CASE(test_other_protocols),
        CASE(test_failed_rows_come_back),
        CASE(test_slices),
        CASE(test_ten_thousand_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
