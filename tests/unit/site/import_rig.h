/* A site to import, and what an import wrote. */
#ifndef YUFU_TESTS_UNIT_SITE_IMPORT_RIG_H
#define YUFU_TESTS_UNIT_SITE_IMPORT_RIG_H

#include "tests/unit/check.h"

#include "site/import.h"

#define FLAT "{\"kind\":\"flat\",\"price\":\"0.5883\"}"
#define POLICY "{}"

#define HEADER                                                                                    \
    "project,project_name,zone,organisation,building,floor,room,shop,account,account_name,"       \
    "customer,customer_name,phone,wallet,plan,strategy,contract,gateway,gateway_name,line,"       \
    "endpoint,baud,parity,address,model,kind,circuits,customer_number\n"
#define ROW_1                                                                                     \
    "demo,Demo,Asia/Shanghai,yufu,D1,3,301,,D1-301,,,\xe5\xbc\xa0,13800000001,platform,p,s,"      \
    "2026-09-01,GW-1,,1,tcp:127.0.0.1:9101,2400,E,301,yufu-dorm3,electricity,3,000000000000\n"
#define ROW_2                                                                                     \
    "demo,,,,D1,3,302,,D1-302,,,,,meter,p,s,,GW-1,,1,,,,302,yufu-dorm3,,,\n"
#define ROW_3 "demo,,,,D1,1,,LOBBY,,,,,,,,,,GW-1,,2,serial:/dev/ttyS1,,,1,yufu-plain,,,\n"

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)

int rig_open(void **state);
int rig_close(void **state);
struct site_import *rig_import_open(const char *text);
enum err rig_compare(void **state, struct site_import *im);
enum err rig_commit(void **state, struct site_import *im);
enum err rig_import(void **state, const char *text);
int64_t rig_number(void **state, const char *sql);
/* Everything that an import may write, in one number: rows of all its tables. */
int64_t rig_everything(void **state);
bool rig_told(const struct site_import *im, int64_t row, const char *column, enum err code);
/* ROW_1 with one cell replaced. */
void rig_with_cell(const char *column, const char *value, char *out, size_t cap);

#endif
