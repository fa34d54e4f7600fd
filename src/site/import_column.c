/* The columns: their names, what may stand in a cell, and its canonical form. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/zone.h"
#include "meter/meter.h"
#include "site/import_impl.h"

typedef enum err cell_check(struct site_import *im, const char **cell);

/* --- one check a column --------------------------------------------------------------------- */

static enum err check_code(struct site_import *im, const char **cell)
{
    (void)im;
    return site_code_fits(*cell) ? ERR_OK : ERR_CSV_CODE;
}

static enum err check_name(struct site_import *im, const char **cell)
{
    (void)im;
    return site_name_fits(*cell, SITE_NAME_MAX) ? ERR_OK : ERR_CSV_NAME;
}

static enum err check_zone(struct site_import *im, const char **cell)
{
    int32_t offset;
    (void)im;
    return strlen(*cell) <= SITE_ZONE_MAX && zone_offset(*cell, &offset) ? ERR_OK : ERR_CSV_ZONE;
}

static enum err check_phone(struct site_import *im, const char **cell)
{
    (void)im;
    return site_phone_fits(*cell) ? ERR_OK : ERR_CSV_PHONE;
}

/* A cell that must be one of a few words; each may be written in several ways. */
struct word {
    const char *written, *canonical;
};

static bool pick_word(const struct word *words, size_t count, const char **cell)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i].written, *cell) == 0) {
            *cell = words[i].canonical;
            return true;
        }
    }
    return false;
}

#define PICK(words, cell) pick_word(words, sizeof(words) / sizeof *(words), cell)

static enum err check_wallet(struct site_import *im, const char **cell)
{
    static const struct word words[] = {
        {"platform", "platform"}, {"平台", "platform"}, {"meter", "meter"}, {"表内", "meter"}};
    (void)im;
    return PICK(words, cell) ? ERR_OK : ERR_CSV_WALLET;
}

static enum err check_kind(struct site_import *im, const char **cell)
{
    static const struct word words[] = {{"electricity", "electricity"},
                                        {"电", "electricity"},
                                        {"water", "water"},
                                        {"水", "water"},
                                        {"heat", "heat"},
                                        {"热", "heat"},
                                        {"cooling", "cooling"},
                                        {"冷", "cooling"},
                                        {"gas", "gas"},
                                        {"气", "gas"}};
    (void)im;
    return PICK(words, cell) ? ERR_OK : ERR_CSV_KIND;
}

static enum err check_parity(struct site_import *im, const char **cell)
{
    static const struct word words[] = {{"N", "N"},  {"无", "N"}, {"E", "E"},
                                        {"偶", "E"}, {"O", "O"},  {"奇", "O"}};
    (void)im;
    return PICK(words, cell) ? ERR_OK : ERR_CSV_PARITY;
}

static enum err check_date(struct site_import *im, const char **cell)
{
    const char *s = *cell;
    (void)im;
    if (strlen(s) != 10 || s[4] != '-' || s[7] != '-')
        return ERR_CSV_DATE;
    for (int i = 0; i < 10; i++)
        if (i != 4 && i != 7 && (s[i] < '0' || s[i] > '9'))
            return ERR_CSV_DATE;
    struct civil c = {.year = (int32_t)strtol(s, NULL, 10),
                      .month = (uint8_t)strtol(s + 5, NULL, 10),
                      .day = (uint8_t)strtol(s + 8, NULL, 10)};
    return c.year >= 1970 && civil_valid(c) ? ERR_OK : ERR_CSV_DATE;
}

/* A small number without a sign; its canonical form has no zeros in front. */
static bool check_number(struct site_import *im, const char **cell, long from, long to)
{
    if (!site_digits(*cell, 1, 9))
        return false;
    long value = strtol(*cell, NULL, 10);
    if ((*cell)[0] == '0')
        *cell = import_text(im, "%ld", value);
    return value >= from && value <= to;
}

static enum err check_persons(struct site_import *im, const char **cell)
{
    return check_number(im, cell, 1, SITE_PERSONS_MAX) ? ERR_OK : ERR_CSV_TERMS;
}

bool import_milli(const char *text, int64_t *milli)
{
    size_t whole = strspn(text, "0123456789"), part = 0;
    if (whole == 0 || whole > 9)
        return false;
    *milli = strtoll(text, NULL, 10) * 1000;
    if (text[whole] == '\0')
        return true;
    part = strspn(text + whole + 1, "0123456789");
    if (text[whole] != '.' || part == 0 || part > 3 || text[whole + 1 + part] != '\0')
        return false;
    for (int64_t i = 0, scale = 100; i < (int64_t)part; i++, scale /= 10)
        *milli += (text[whole + 1 + i] - '0') * scale;
    return true;
}

static enum err check_area(struct site_import *im, const char **cell)
{
    int64_t milli;
    (void)im;
    return import_milli(*cell, &milli) && milli > 0 && milli <= UINT32_MAX ? ERR_OK : ERR_CSV_TERMS;
}

static enum err check_power(struct site_import *im, const char **cell)
{
    int64_t milli;
    (void)im;
    return import_milli(*cell, &milli) && milli > 0 ? ERR_OK : ERR_CSV_TERMS;
}

static enum err check_line(struct site_import *im, const char **cell)
{
    return check_number(im, cell, 1, SITE_LINES_MAX) ? ERR_OK : ERR_CSV_LINE;
}

static enum err check_endpoint(struct site_import *im, const char **cell)
{
    (void)im;
    return site_endpoint_fits(*cell) ? ERR_OK : ERR_CSV_ENDPOINT;
}

static enum err check_baud(struct site_import *im, const char **cell)
{
    return check_number(im, cell, 1, 1'000'000) && meter_line_baud(strtol(*cell, NULL, 10))
               ? ERR_OK
               : ERR_CSV_BAUD;
}

static enum err check_address(struct site_import *im, const char **cell)
{
    if (!site_digits(*cell, 1, 14))
        return ERR_CSV_ADDRESS;
    if (strlen(*cell) < 12)
        *cell = import_text(im, "%012lld", strtoll(*cell, NULL, 10));
    return ERR_OK;
}

static enum err check_model(struct site_import *im, const char **cell)
{
    (void)im;
    return meter_model_find(*cell) ? ERR_OK : ERR_CSV_MODEL;
}

static enum err check_circuits(struct site_import *im, const char **cell)
{
    return check_number(im, cell, 1, SITE_CIRCUITS_MAX) ? ERR_OK : ERR_CSV_CIRCUITS;
}

static enum err check_customer_number(struct site_import *im, const char **cell)
{
    (void)im;
    return site_digits(*cell, 12, 12) ? ERR_OK : ERR_CSV_CUSTOMER_NUMBER;
}

/* --- the table ------------------------------------------------------------------------------ */

static const struct {
    const char *en, *zh;
    cell_check *check;
    bool required;
} columns[COLUMN_COUNT] = {
    [COLUMN_PROJECT] = {"project", "项目", check_code, true},
    [COLUMN_PROJECT_NAME] = {"project_name", "项目名称", check_name, false},
    [COLUMN_ZONE] = {"zone", "时区", check_zone, false},
    [COLUMN_ORGANISATION] = {"organisation", "机构", check_code, false},
    [COLUMN_BUILDING] = {"building", "楼栋", check_code, true},
    [COLUMN_FLOOR] = {"floor", "楼层", check_code, false},
    [COLUMN_ROOM] = {"room", "房间", check_code, false},
    [COLUMN_SHOP] = {"shop", "商铺", check_code, false},
    [COLUMN_ACCOUNT] = {"account", "户号", check_code, false},
    [COLUMN_ACCOUNT_NAME] = {"account_name", "户名", check_name, false},
    [COLUMN_CUSTOMER] = {"customer", "客户号", check_code, false},
    [COLUMN_CUSTOMER_NAME] = {"customer_name", "姓名", check_name, false},
    [COLUMN_PHONE] = {"phone", "电话", check_phone, false},
    [COLUMN_WALLET] = {"wallet", "余额位置", check_wallet, false},
    [COLUMN_PLAN] = {"plan", "电价方案", check_code, false},
    [COLUMN_STRATEGY] = {"strategy", "费控策略", check_code, false},
    [COLUMN_CONTRACT] = {"contract", "签约日期", check_date, false},
    [COLUMN_PERSONS] = {"persons", "人数", check_persons, false},
    [COLUMN_AREA] = {"area", "面积", check_area, false},
    [COLUMN_CAPACITY] = {"capacity", "容量", check_power, false},
    [COLUMN_CONTRACTED] = {"contracted", "合同需量", check_power, false},
    [COLUMN_MOVED_IN] = {"moved_in", "入住日期", check_date, false},
    [COLUMN_LADDER_GROUP] = {"ladder_group", "阶梯组", check_code, false},
    [COLUMN_GATEWAY] = {"gateway", "管理机", check_code, true},
    [COLUMN_GATEWAY_NAME] = {"gateway_name", "管理机名称", check_name, false},
    [COLUMN_LINE] = {"line", "线路", check_line, true},
    [COLUMN_ENDPOINT] = {"endpoint", "端点", check_endpoint, false},
    [COLUMN_BAUD] = {"baud", "波特率", check_baud, false},
    [COLUMN_PARITY] = {"parity", "校验", check_parity, false},
    [COLUMN_ADDRESS] = {"address", "表号", check_address, true},
    [COLUMN_MODEL] = {"model", "型号", check_model, true},
    [COLUMN_KIND] = {"kind", "表类", check_kind, false},
    [COLUMN_CIRCUITS] = {"circuits", "回路数", check_circuits, false},
    [COLUMN_CUSTOMER_NUMBER] = {"customer_number", "表内客户号", check_customer_number, false},
};

enum column import_column_of(const char *name)
{
    enum column c = 0;
    while (c < COLUMN_COUNT && strcasecmp(columns[c].en, name) != 0 &&
           strcmp(columns[c].zh, name) != 0)
        c++;
    return c;
}

const char *import_column_name(enum column c)
{
    return columns[c].en;
}

bool import_column_required(enum column c)
{
    return columns[c].required;
}

enum err import_column_check(struct site_import *im, enum column c, const char **cell)
{
    return columns[c].check(im, cell);
}
