/* DL/T 645-1997: two-byte identifiers. A low nibble F asks for the block of its sixteen. */
#include "proto/dlt645_impl.h"

#define FIELD1(name, kind, len, dec, unit)                                                         \
    static const struct dlt645_field name[] = {{"", "", kind, len, dec, unit, NULL, NULL}}
#define TIME1(name, len, pat)                                                                      \
    static const struct dlt645_field name[] = {{"", "", DLT645_TIME, len, 0, 0, pat, NULL}}

FIELD1(g_kwh, DLT645_BCD, 4, 2, DLT645_KWH);
FIELD1(g_kvarh, DLT645_BCD, 4, 2, DLT645_KVARH);
FIELD1(g_kw_demand, DLT645_BCD, 3, 4, DLT645_KW);
FIELD1(g_kvar_demand, DLT645_BCD, 3, 4, DLT645_KVAR);
FIELD1(g_volt, DLT645_BCD, 2, 0, DLT645_VOLT);
FIELD1(g_ampere, DLT645_BCD, 2, 2, DLT645_AMPERE);
FIELD1(g_kw, DLT645_BCD, 3, 4, DLT645_KW);
FIELD1(g_kvar, DLT645_BCD, 2, 2, DLT645_KVAR);
FIELD1(g_factor, DLT645_BCD, 2, 3, DLT645_UNIT_NONE);
FIELD1(g_count2, DLT645_BCD, 2, 0, DLT645_UNIT_NONE);
FIELD1(g_minute1, DLT645_BCD, 1, 0, DLT645_MINUTE);
FIELD1(g_minute3, DLT645_BCD, 3, 0, DLT645_MINUTE);
FIELD1(g_imp_kwh, DLT645_BCD, 3, 0, DLT645_IMP_PER_KWH);
FIELD1(g_imp_kvarh, DLT645_BCD, 3, 0, DLT645_IMP_PER_KVARH);
FIELD1(g_digits6, DLT645_DIGITS, 6, 0, DLT645_UNIT_NONE);
FIELD1(g_word1, DLT645_WORD, 1, 0, DLT645_UNIT_NONE);
TIME1(g_mdhm, 4, "MDhm");
TIME1(g_clock, 3, "hms");
TIME1(g_dayhour, 2, "Dh");

static const struct dlt645_field g_date_weekday[] = {
    {"weekday (0 = Sunday)", "星期（0=周日）", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"date", "日期", DLT645_TIME, 3, 0, 0, "YMD", NULL},
};

#define N(fields) fields, sizeof fields / sizeof fields[0]
#define ONE(v)                                                                                     \
    {                                                                                              \
        v, v, false, DLT645_ROLE_NONE                                                              \
    }
#define ROW(di1, di0, en, zh, f)                                                                   \
    {                                                                                              \
        0, ONE(di1), ONE(di0), en, zh, N(f), 0, 0, false                                           \
    }
/* x0 total, x1..xE tariffs, xF all of them */
#define RATES(di1, high, en, zh, f)                                                                \
    {                                                                                              \
        0, ONE(di1), {high, (high) + 0xE, true, DLT645_ROLE_RATE}, en, zh, N(f), 0, 0, false       \
    }
#define ABC(di1, high, en, zh, f)                                                                  \
    {                                                                                              \
        0, ONE(di1), {(high) + 1, (high) + 3, true, DLT645_ROLE_PHASE}, en, zh, N(f), 0, 0, false  \
    }
#define TOTAL_ABC(di1, high, en, zh, f)                                                            \
    {                                                                                              \
        0, ONE(di1), {high, (high) + 3, true, DLT645_ROLE_PHASE}, en, zh, N(f), 0, 0, false        \
    }

/* 90/91 now, 94/95 last month, 98/99 the month before: active, then reactive. */
#define ENERGIES(active, reactive, when_en, when_zh)                                               \
    RATES(active, 0x10, "forward active energy" when_en, when_zh "正向有功电能", g_kwh),           \
        RATES(active, 0x20, "reverse active energy" when_en, when_zh "反向有功电能", g_kwh),       \
        RATES(reactive, 0x10, "forward reactive energy" when_en, when_zh "正向无功电能", g_kvarh), \
        RATES(reactive, 0x20, "reverse reactive energy" when_en, when_zh "反向无功电能", g_kvarh), \
        RATES(reactive, 0x30, "quadrant 1 reactive energy" when_en, when_zh "一象限无功电能",      \
              g_kvarh),                                                                            \
        RATES(reactive, 0x40, "quadrant 4 reactive energy" when_en, when_zh "四象限无功电能",      \
              g_kvarh),                                                                            \
        RATES(reactive, 0x50, "quadrant 2 reactive energy" when_en, when_zh "二象限无功电能",      \
              g_kvarh),                                                                            \
        RATES(reactive, 0x60, "quadrant 3 reactive energy" when_en, when_zh "三象限无功电能",      \
              g_kvarh)
/* A0/A1 now, A4/A5 last month, A8/A9 the month before; their times at B0.. */
#define DEMANDS(active, reactive, time, when_en, when_zh)                                          \
    RATES(active, 0x10, "forward active maximum demand" when_en, when_zh "正向有功最大需量",       \
          g_kw_demand),                                                                            \
        RATES(active, 0x20, "reverse active maximum demand" when_en, when_zh "反向有功最大需量",   \
              g_kw_demand),                                                                        \
        RATES(reactive, 0x10, "forward reactive maximum demand" when_en,                           \
              when_zh "正向无功最大需量", g_kvar_demand),                                          \
        RATES(reactive, 0x20, "reverse reactive maximum demand" when_en,                           \
              when_zh "反向无功最大需量", g_kvar_demand),                                          \
        RATES(time, 0x10, "time of forward active maximum demand" when_en,                         \
              when_zh "正向有功最大需量发生时间", g_mdhm),                                         \
        RATES(time, 0x20, "time of reverse active maximum demand" when_en,                         \
              when_zh "反向有功最大需量发生时间", g_mdhm)

static const struct dlt645_item items[] = {
    ENERGIES(0x90, 0x91, "", "当前"),
    ENERGIES(0x94, 0x95, ", last month", "上月"),
    ENERGIES(0x98, 0x99, ", month before last", "上上月"),
    DEMANDS(0xA0, 0xA1, 0xB0, "", "当前"),
    DEMANDS(0xA4, 0xA5, 0xB4, ", last month", "上月"),
    DEMANDS(0xA8, 0xA9, 0xB8, ", month before last", "上上月"),
    ROW(0xB2, 0x10, "last programming time", "最近一次编程时间", g_mdhm),
    ROW(0xB2, 0x11, "last demand-clear time", "最近一次最大需量清零时间", g_mdhm),
    ROW(0xB2, 0x12, "programming count", "编程次数", g_count2),
    ROW(0xB2, 0x13, "demand-clear count", "最大需量清零次数", g_count2),
    ROW(0xB2, 0x14, "battery working time", "电池工作时间", g_minute3),
    ABC(0xB6, 0x10, "voltage", "电压", g_volt),
    ABC(0xB6, 0x20, "current", "电流", g_ampere),
    TOTAL_ABC(0xB6, 0x30, "active power", "瞬时有功功率", g_kw),
    TOTAL_ABC(0xB6, 0x40, "reactive power", "瞬时无功功率", g_kvar),
    TOTAL_ABC(0xB6, 0x50, "power factor", "功率因数", g_factor),
    ROW(0xC0, 0x10, "date and weekday", "日期及周次", g_date_weekday),
    ROW(0xC0, 0x11, "time", "时间", g_clock),
    ROW(0xC0, 0x20, "running-state word", "电表运行状态字", g_word1),
    ROW(0xC0, 0x21, "grid-state word", "电网状态字", g_word1),
    ROW(0xC0, 0x22, "weekend word", "周休日状态字", g_word1),
    ROW(0xC0, 0x30, "active meter constant", "电表常数（有功）", g_imp_kwh),
    ROW(0xC0, 0x31, "reactive meter constant", "电表常数（无功）", g_imp_kvarh),
    ROW(0xC0, 0x32, "meter number", "表号", g_digits6),
    ROW(0xC0, 0x33, "customer number", "用户号", g_digits6),
    ROW(0xC0, 0x34, "device number", "设备码", g_digits6),
    ROW(0xC1, 0x11, "maximum-demand period", "最大需量周期", g_minute1),
    ROW(0xC1, 0x12, "slip time", "滑差时间", g_minute1),
    ROW(0xC1, 0x17, "automatic reading day", "自动抄表日期", g_dayhour),
};

static bool covers(const struct dlt645_item *item, uint8_t di1, uint8_t di0)
{
    const struct dlt645_range *r = &item->di0;
    if (di1 != item->di1.low)
        return false;
    return (di0 >= r->low && di0 <= r->high) || (r->block && di0 == (r->low | 0x0F));
}

const struct dlt645_item *dlt645_item_find_1997(uint16_t id)
{
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        if (covers(&items[i], (uint8_t)(id >> 8), (uint8_t)id))
            return &items[i];
    return NULL;
}
