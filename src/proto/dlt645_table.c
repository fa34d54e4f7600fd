/* DL/T 645-2007 appendix A: the identifiers that the product knows, one row a family. */
#include "proto/dlt645_impl.h"

#define FIELD1(name, kind, len, dec, unit)                                                         \
    static const struct dlt645_field name[] = {{"", "", kind, len, dec, unit, NULL, NULL}}
#define TIME1(name, len, pat)                                                                      \
    static const struct dlt645_field name[] = {{"", "", DLT645_TIME, len, 0, 0, pat, NULL}}
#define WORD1(name, len, table)                                                                    \
    static const struct dlt645_field name[] = {{"", "", DLT645_WORD, len, 0, 0, NULL, table}}

FIELD1(f_kwh, DLT645_BCD, 4, 2, DLT645_KWH);
FIELD1(f_kwh_signed, DLT645_SBCD, 4, 2, DLT645_KWH);
FIELD1(f_kvarh, DLT645_BCD, 4, 2, DLT645_KVARH);
FIELD1(f_kvarh_signed, DLT645_SBCD, 4, 2, DLT645_KVARH);
FIELD1(f_kvah, DLT645_BCD, 4, 2, DLT645_KVAH);
FIELD1(f_yuan, DLT645_BCD, 4, 2, DLT645_YUAN);
FIELD1(f_price, DLT645_BCD, 4, 4, DLT645_YUAN_PER_KWH);
FIELD1(f_volt, DLT645_BCD, 2, 1, DLT645_VOLT);
FIELD1(f_ampere, DLT645_SBCD, 3, 3, DLT645_AMPERE);
FIELD1(f_kw, DLT645_SBCD, 3, 4, DLT645_KW);
FIELD1(f_kw_limit, DLT645_BCD, 3, 4, DLT645_KW);
FIELD1(f_kvar, DLT645_SBCD, 3, 4, DLT645_KVAR);
FIELD1(f_kva, DLT645_SBCD, 3, 4, DLT645_KVA);
FIELD1(f_factor, DLT645_SBCD, 2, 3, DLT645_UNIT_NONE);
FIELD1(f_degree, DLT645_BCD, 2, 1, DLT645_DEGREE);
FIELD1(f_percent, DLT645_BCD, 2, 2, DLT645_PERCENT);
FIELD1(f_hertz, DLT645_BCD, 2, 2, DLT645_HERTZ);
FIELD1(f_celsius, DLT645_SBCD, 2, 1, DLT645_CELSIUS);
FIELD1(f_battery, DLT645_BCD, 2, 2, DLT645_VOLT);
FIELD1(f_minute4, DLT645_BCD, 4, 0, DLT645_MINUTE);
FIELD1(f_minute2, DLT645_BCD, 2, 0, DLT645_MINUTE);
FIELD1(f_minute1, DLT645_BCD, 1, 0, DLT645_MINUTE);
FIELD1(f_ms2, DLT645_BCD, 2, 0, DLT645_MS);
FIELD1(f_second1, DLT645_BCD, 1, 0, DLT645_SECOND);
FIELD1(f_count1, DLT645_BCD, 1, 0, DLT645_UNIT_NONE);
FIELD1(f_count2, DLT645_BCD, 2, 0, DLT645_UNIT_NONE);
FIELD1(f_count3, DLT645_BCD, 3, 0, DLT645_UNIT_NONE);
FIELD1(f_imp_kwh, DLT645_BCD, 3, 0, DLT645_IMP_PER_KWH);
FIELD1(f_imp_kvarh, DLT645_BCD, 3, 0, DLT645_IMP_PER_KVARH);
FIELD1(f_digits6, DLT645_DIGITS, 6, 0, DLT645_UNIT_NONE);
FIELD1(f_ascii4, DLT645_ASCII, 4, 0, DLT645_UNIT_NONE);
FIELD1(f_ascii6, DLT645_ASCII, 6, 0, DLT645_UNIT_NONE);
FIELD1(f_ascii10, DLT645_ASCII, 10, 0, DLT645_UNIT_NONE);
FIELD1(f_ascii16, DLT645_ASCII, 16, 0, DLT645_UNIT_NONE);
FIELD1(f_ascii32, DLT645_ASCII, 32, 0, DLT645_UNIT_NONE);
FIELD1(f_rest, DLT645_RAW, 0, 0, DLT645_UNIT_NONE); /* load records: dlt645_load.h */
FIELD1(f_raw3, DLT645_RAW, 3, 0, DLT645_UNIT_NONE);
FIELD1(f_raw4, DLT645_RAW, 4, 0, DLT645_UNIT_NONE);
FIELD1(f_raw11, DLT645_RAW, 11, 0, DLT645_UNIT_NONE);
TIME1(f_clock, 3, "hms");
TIME1(f_ymdhm, 5, "YMDhm");
TIME1(f_mdhm, 4, "MDhm");
TIME1(f_dayhour, 2, "Dh");
TIME1(f_hourminute, 2, "hm");
WORD1(f_word_plain1, 1, NULL);
WORD1(f_load_mode, 1, dlt645_bits_load_mode);
WORD1(f_word_plain4, 4, NULL);
WORD1(f_state1, 2, dlt645_bits_state1);
WORD1(f_state2, 2, dlt645_bits_state2);
WORD1(f_state3, 2, dlt645_bits_state3);
WORD1(f_state456, 2, dlt645_bits_state456);
WORD1(f_state7, 2, dlt645_bits_state7);
WORD1(f_combination, 1, dlt645_bits_combination);
WORD1(f_baud, 1, dlt645_bits_baud);

static const struct dlt645_field f_date_weekday[] = {
    {"weekday (0 = Sunday)", "星期（0=周日）", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"date", "日期", DLT645_TIME, 3, 0, 0, "YMD", NULL},
};
static const struct dlt645_field f_date_number[] = {
    {"day table", "日时段表号", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"date", "日期", DLT645_TIME, 3, 0, 0, "YMD", NULL},
};
static const struct dlt645_field f_date_time[] = {
    {"time", "时间", DLT645_TIME, 3, 0, 0, "hms", NULL},
    {"weekday (0 = Sunday)", "星期（0=周日）", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"date", "日期", DLT645_TIME, 3, 0, 0, "YMD", NULL},
};
static const struct dlt645_field f_all_states[] = {
    {"running-state word 1", "运行状态字1", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state1},
    {"running-state word 2", "运行状态字2", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state2},
    {"running-state word 3", "运行状态字3", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state3},
    {"running-state word 4", "运行状态字4", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state456},
    {"running-state word 5", "运行状态字5", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state456},
    {"running-state word 6", "运行状态字6", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state456},
    {"running-state word 7", "运行状态字7", DLT645_WORD, 2, 0, 0, NULL, dlt645_bits_state7},
};
#define DEMAND(name, unit)                                                                         \
    static const struct dlt645_field name[] = {                                                    \
        {"maximum demand", "最大需量", DLT645_SBCD, 3, 4, unit, NULL, NULL},                       \
        {"time of occurrence", "发生时间", DLT645_TIME, 5, 0, 0, "YMDhm", NULL},                   \
    }
DEMAND(f_demand_kw, DLT645_KW);
DEMAND(f_demand_kvar, DLT645_KVAR);
DEMAND(f_demand_kva, DLT645_KVA);

#define POWER(en, zh, unit)                                                                        \
    {                                                                                              \
        en, zh, DLT645_SBCD, 3, 4, unit, NULL, NULL                                                \
    }
static const struct dlt645_field f_freeze_powers[] = {
    POWER("active power, total", "总有功功率", DLT645_KW),
    POWER("active power, phase A", "A相有功功率", DLT645_KW),
    POWER("active power, phase B", "B相有功功率", DLT645_KW),
    POWER("active power, phase C", "C相有功功率", DLT645_KW),
    POWER("reactive power, total", "总无功功率", DLT645_KVAR),
    POWER("reactive power, phase A", "A相无功功率", DLT645_KVAR),
    POWER("reactive power, phase B", "B相无功功率", DLT645_KVAR),
    POWER("reactive power, phase C", "C相无功功率", DLT645_KVAR),
};
static const struct dlt645_field f_zone[] = {
    {"day table", "日时段表号", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"from", "起始日期", DLT645_TIME, 2, 0, 0, "MD", NULL},
};
static const struct dlt645_field f_period[] = {
    {"tariff", "费率号", DLT645_BCD, 1, 0, 0, NULL, NULL},
    {"from", "起始时间", DLT645_TIME, 2, 0, 0, "hm", NULL},
};
#define LADDER_VALUE(n)                                                                            \
    {                                                                                              \
        "ladder value " #n, "第" #n "阶梯值", DLT645_BCD, 4, 2, DLT645_KWH, NULL, NULL             \
    }
#define LADDER_PRICE(n)                                                                            \
    {                                                                                              \
        "ladder price " #n, "阶梯电价" #n, DLT645_BCD, 4, 4, DLT645_YUAN_PER_KWH, NULL, NULL       \
    }
#define LADDER_DAY(n)                                                                              \
    {                                                                                              \
        "annual settlement day " #n, "年第" #n "结算日", DLT645_TIME, 3, 0, 0, "MDh", NULL         \
    }
#define LADDERS                                                                                    \
    LADDER_VALUE(1), LADDER_VALUE(2), LADDER_VALUE(3), LADDER_VALUE(4), LADDER_VALUE(5),           \
        LADDER_VALUE(6), LADDER_PRICE(1), LADDER_PRICE(2), LADDER_PRICE(3), LADDER_PRICE(4),       \
        LADDER_PRICE(5), LADDER_PRICE(6), LADDER_PRICE(7)
static const struct dlt645_field f_ladder_block[] = {LADDERS, LADDER_DAY(1), LADDER_DAY(2),
                                                     LADDER_DAY(3), LADDER_DAY(4)};
static const struct dlt645_field f_ladder_south[] = {LADDERS,       LADDER_DAY(1), LADDER_DAY(2),
                                                     LADDER_DAY(3), LADDER_DAY(4), LADDER_DAY(5),
                                                     LADDER_DAY(6)};
static const struct dlt645_field f_span[] = {
    {"from", "起始时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"to", "结束时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
};
static const struct dlt645_field f_clock_set[] = {
    {"operator", "操作者代码", DLT645_RAW, 4, 0, 0, NULL, NULL},
    {"before", "校时前", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"after", "校时后", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
};
static const struct dlt645_field f_programming[] = {
    {"time", "时刻", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"operator", "操作者代码", DLT645_RAW, 4, 0, 0, NULL, NULL},
    {"identifiers", "数据标识", DLT645_RAW, 40, 0, 0, NULL, NULL},
};
#define ENERGY_AT(en, zh, unit)                                                                    \
    {                                                                                              \
        en, zh, DLT645_BCD, 4, 2, unit, NULL, NULL                                                 \
    }
static const struct dlt645_field f_relay_record[] = {
    {"time", "时刻", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"operator", "操作者代码", DLT645_RAW, 4, 0, 0, NULL, NULL},
    ENERGY_AT("forward active energy", "正向有功电能", DLT645_KWH),
    ENERGY_AT("reverse active energy", "反向有功电能", DLT645_KWH),
    ENERGY_AT("quadrant 1 reactive energy", "第一象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 2 reactive energy", "第二象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 3 reactive energy", "第三象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 4 reactive energy", "第四象限无功电能", DLT645_KVARH),
};
#define TIMES(en, zh)                                                                              \
    {                                                                                              \
        en, zh, DLT645_BCD, 3, 0, 0, NULL, NULL                                                    \
    }
#define MINUTES(en, zh)                                                                            \
    {                                                                                              \
        en, zh, DLT645_BCD, 3, 0, DLT645_MINUTE, NULL, NULL                                        \
    }
static const struct dlt645_field f_total[] = {TIMES("count", "总次数"),
                                              MINUTES("total duration", "总累计时间")};
static const struct dlt645_field f_total_abc[] = {
    TIMES("count, phase A", "A相总次数"), MINUTES("total duration, phase A", "A相总累计时间"),
    TIMES("count, phase B", "B相总次数"), MINUTES("total duration, phase B", "B相总累计时间"),
    TIMES("count, phase C", "C相总次数"), MINUTES("total duration, phase C", "C相总累计时间")};
static const struct dlt645_field f_all_voltage[] = {
    {"from", "起始时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"current", "电流", DLT645_SBCD, 3, 3, DLT645_AMPERE, NULL, NULL},
    {"to", "结束时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
};
static const struct dlt645_field f_event_clear[] = {
    {"time", "时刻", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"operator", "操作者代码", DLT645_RAW, 4, 0, 0, NULL, NULL},
    {"identifier", "事件清零数据标识", DLT645_RAW, 4, 0, 0, NULL, NULL},
};
static const struct dlt645_field f_opened[] = {
    {"from", "起始时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    {"to", "结束时间", DLT645_TIME, 6, 0, 0, "YMDhms", NULL},
    ENERGY_AT("forward active energy before", "开盖前正向有功电能", DLT645_KWH),
    ENERGY_AT("reverse active energy before", "开盖前反向有功电能", DLT645_KWH),
    ENERGY_AT("quadrant 1 reactive energy before", "开盖前第一象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 2 reactive energy before", "开盖前第二象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 3 reactive energy before", "开盖前第三象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 4 reactive energy before", "开盖前第四象限无功电能", DLT645_KVARH),
    ENERGY_AT("forward active energy after", "开盖后正向有功电能", DLT645_KWH),
    ENERGY_AT("reverse active energy after", "开盖后反向有功电能", DLT645_KWH),
    ENERGY_AT("quadrant 1 reactive energy after", "开盖后第一象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 2 reactive energy after", "开盖后第二象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 3 reactive energy after", "开盖后第三象限无功电能", DLT645_KVARH),
    ENERGY_AT("quadrant 4 reactive energy after", "开盖后第四象限无功电能", DLT645_KVARH),
};
/* The circuits of our own terminals: a count, then one element a circuit. */
static const struct dlt645_field f_circuits[] = {
    {"energy", "电能", DLT645_BCD, 4, 2, DLT645_KWH, NULL, NULL},
    {"power", "功率", DLT645_SBCD, 3, 4, DLT645_KW, NULL, NULL},
    {"state", "状态", DLT645_WORD, 1, 0, 0, NULL, dlt645_bits_circuit},
    {"reason", "原因", DLT645_BIN, 1, 0, 0, NULL, NULL},
};

#define N(fields) fields, sizeof fields / sizeof fields[0]
#define ONE(v)                                                                                     \
    {                                                                                              \
        v, v, false, DLT645_ROLE_NONE                                                              \
    }
#define RATES                                                                                      \
    {                                                                                              \
        0x00, 0x3F, true, DLT645_ROLE_RATE                                                         \
    }
#define SETTLED                                                                                    \
    {                                                                                              \
        0x00, 0x0C, true, DLT645_ROLE_SETTLEMENT                                                   \
    }
#define ABC                                                                                        \
    {                                                                                              \
        0x01, 0x03, true, DLT645_ROLE_PHASE                                                        \
    }
#define TOTAL_ABC                                                                                  \
    {                                                                                              \
        0x00, 0x03, true, DLT645_ROLE_PHASE                                                        \
    }
#define LAST10                                                                                     \
    {                                                                                              \
        0x01, 0x0A, true, DLT645_ROLE_LAST                                                         \
    }
#define COUNTED(low, high)                                                                         \
    {                                                                                              \
        low, high, true, DLT645_ROLE_NUMBER                                                        \
    }

#define ENERGY(di2, en, zh, f)                                                                     \
    {                                                                                              \
        di2, RATES, SETTLED, en, zh, N(f), 0, 0                                                    \
    }
#define PHASE_ENERGY(di2, letter)                                                                    \
    {di2 + 0,  ONE(0), SETTLED, "forward active energy, phase " letter, letter "相正向有功电能",     \
     N(f_kwh), 0,      0},                                                                           \
        {di2 + 1,  ONE(0), SETTLED, "reverse active energy, phase " letter, letter "相反向有功电能", \
         N(f_kwh), 0,      0},                                                                       \
        {di2 + 2,                                                                                    \
         ONE(0),                                                                                     \
         SETTLED,                                                                                    \
         "combined reactive 1 energy, phase " letter,                                                \
         letter "相组合无功1电能",                                                                   \
         N(f_kvarh_signed),                                                                          \
         0,                                                                                          \
         0},                                                                                         \
    {                                                                                                \
        di2 + 3, ONE(0), SETTLED, "combined reactive 2 energy, phase " letter,                       \
            letter "相组合无功2电能", N(f_kvarh_signed), 0, 0                                        \
    }
#define LESS(di2, en, zh, f)                                                                       \
    {                                                                                              \
        di2, ONE(0), SETTLED, en, zh, N(f), 0, 0                                                   \
    }
#define PHASE_REST(di2, other, letter)                                                             \
    LESS(di2 + 0, "quadrant 1 reactive energy, phase " letter, letter "相第一象限无功电能",        \
         f_kvarh),                                                                                 \
        LESS(di2 + 1, "quadrant 2 reactive energy, phase " letter, letter "相第二象限无功电能",    \
             f_kvarh),                                                                             \
        LESS(di2 + 2, "quadrant 3 reactive energy, phase " letter, letter "相第三象限无功电能",    \
             f_kvarh),                                                                             \
        LESS(di2 + 3, "quadrant 4 reactive energy, phase " letter, letter "相第四象限无功电能",    \
             f_kvarh),                                                                             \
        LESS(di2 + 4, "forward apparent energy, phase " letter, letter "相正向视在电能", f_kvah),  \
        LESS(di2 + 5, "reverse apparent energy, phase " letter, letter "相反向视在电能", f_kvah),  \
        LESS(other + 0, "associated energy, phase " letter, letter "相关联电能", f_kwh_signed),    \
        LESS(other + 1, "forward fundamental energy, phase " letter, letter "相正向有功基波电能",  \
             f_kwh),                                                                               \
        LESS(other + 2, "reverse fundamental energy, phase " letter, letter "相反向有功基波电能",  \
             f_kwh),                                                                               \
        LESS(other + 3, "forward harmonic energy, phase " letter, letter "相正向有功谐波电能",     \
             f_kwh),                                                                               \
        LESS(other + 4, "reverse harmonic energy, phase " letter, letter "相反向有功谐波电能",     \
             f_kwh),                                                                               \
        LESS(other + 5, "copper loss energy, phase " letter, letter "相铜损有功电能补偿量",        \
             f_kwh_signed),                                                                        \
        LESS(other + 6, "iron loss energy, phase " letter, letter "相铁损有功电能补偿量",          \
             f_kwh_signed)
#define PHASE_DEMAND(di2, letter)                                                                  \
    LESS(di2 + 0, "forward active maximum demand, phase " letter, letter "相正向有功最大需量",     \
         f_demand_kw),                                                                             \
        LESS(di2 + 1, "reverse active maximum demand, phase " letter, letter "相反向有功最大需量", \
             f_demand_kw),                                                                         \
        LESS(di2 + 2, "combined reactive 1 maximum demand, phase " letter,                         \
             letter "相组合无功1最大需量", f_demand_kvar),                                         \
        LESS(di2 + 3, "combined reactive 2 maximum demand, phase " letter,                         \
             letter "相组合无功2最大需量", f_demand_kvar),                                         \
        LESS(di2 + 4, "quadrant 1 reactive maximum demand, phase " letter,                         \
             letter "相第一象限无功最大需量", f_demand_kvar),                                      \
        LESS(di2 + 5, "quadrant 2 reactive maximum demand, phase " letter,                         \
             letter "相第二象限无功最大需量", f_demand_kvar),                                      \
        LESS(di2 + 6, "quadrant 3 reactive maximum demand, phase " letter,                         \
             letter "相第三象限无功最大需量", f_demand_kvar),                                      \
        LESS(di2 + 7, "quadrant 4 reactive maximum demand, phase " letter,                         \
             letter "相第四象限无功最大需量", f_demand_kvar),                                      \
        LESS(di2 + 8, "forward apparent maximum demand, phase " letter,                            \
             letter "相正向视在最大需量", f_demand_kva),                                           \
        LESS(di2 + 9, "reverse apparent maximum demand, phase " letter,                            \
             letter "相反向视在最大需量", f_demand_kva)
#define SINGLE(head, di1, di0, en, zh, f)                                                          \
    {                                                                                              \
        head, ONE(di1), ONE(di0), en, zh, N(f), 0, 0                                               \
    }
#define LISTED(head, di1, from, to, en, zh, f)                                                     \
    {                                                                                              \
        head, ONE(di1), COUNTED(from, to), en, zh, N(f), 0, 0                                      \
    }
#define RECORDS(head, di1, en, zh, f)                                                              \
    {                                                                                              \
        head, ONE(di1), LAST10, en, zh, N(f), 0, 0                                                 \
    }

#define FREEZE_RATES(head, di1, en, zh, f)                                                         \
    {                                                                                              \
        head, ONE(di1), {0x01, 0x3E, false, DLT645_ROLE_LAST}, en, zh, N(f), DLT645_ROLE_RATE, 0   \
    }
#define FREEZE_ONE(head, di1, en, zh, f)                                                           \
    {                                                                                              \
        head, ONE(di1), {0x01, 0x3E, false, DLT645_ROLE_LAST}, en, zh, N(f), 0, 0                  \
    }
#define FREEZE(head, en, zh)                                                                       \
    FREEZE_ONE(head, 0x00, en " freeze: time", zh "时间", f_ymdhm),                                \
        FREEZE_RATES(head, 0x01, en " freeze: forward active energy", zh "正向有功电能", f_kwh),   \
        FREEZE_RATES(head, 0x02, en " freeze: reverse active energy", zh "反向有功电能", f_kwh),   \
        FREEZE_RATES(head, 0x03, en " freeze: combined reactive 1 energy", zh "组合无功1电能",     \
                     f_kvarh_signed),                                                              \
        FREEZE_RATES(head, 0x04, en " freeze: combined reactive 2 energy", zh "组合无功2电能",     \
                     f_kvarh_signed),                                                              \
        FREEZE_RATES(head, 0x05, en " freeze: quadrant 1 reactive energy", zh "第一象限无功电能",  \
                     f_kvarh),                                                                     \
        FREEZE_RATES(head, 0x06, en " freeze: quadrant 2 reactive energy", zh "第二象限无功电能",  \
                     f_kvarh),                                                                     \
        FREEZE_RATES(head, 0x07, en " freeze: quadrant 3 reactive energy", zh "第三象限无功电能",  \
                     f_kvarh),                                                                     \
        FREEZE_RATES(head, 0x08, en " freeze: quadrant 4 reactive energy", zh "第四象限无功电能",  \
                     f_kvarh),                                                                     \
        FREEZE_RATES(head, 0x09, en " freeze: forward active maximum demand",                      \
                     zh "正向有功最大需量", f_demand_kw),                                          \
        FREEZE_RATES(head, 0x0A, en " freeze: reverse active maximum demand",                      \
                     zh "反向有功最大需量", f_demand_kw),                                          \
        FREEZE_ONE(head, 0x10, en " freeze: powers", zh "变量数据", f_freeze_powers)

#define PURCHASES(head, kind_en, kind_zh, f)                                                       \
    RECORDS(head, 1, kind_en " purchase: time", kind_zh "购电日期", f_ymdhm),                      \
        RECORDS(head, 2, kind_en " purchase: purchase count after", kind_zh "购电后总购电次数",    \
                f_count2),                                                                         \
        RECORDS(head, 3, kind_en " purchase: amount", kind_zh "购电量", f),                        \
        RECORDS(head, 4, kind_en " purchase: remaining before", kind_zh "购电前剩余", f),          \
        RECORDS(head, 5, kind_en " purchase: remaining after", kind_zh "购电后剩余", f),           \
        RECORDS(head, 6, kind_en " purchase: cumulative purchased", kind_zh "购电后累计购电量", f)

#define LOADS(group, en, zh)                                                                       \
    SINGLE(0x0600 + group, 0, 0, "load record, oldest: " en, "最早负荷记录：" zh, f_rest),         \
        SINGLE(0x0600 + group, 0, 1, "load record, from a time: " en, "给定时间负荷记录：" zh,     \
               f_rest),                                                                            \
        SINGLE(0x0600 + group, 0, 2, "load record, latest: " en, "最近负荷记录：" zh, f_rest)

static const struct dlt645_item items[] = {
    ENERGY(0x0000, "combined active energy", "组合有功电能", f_kwh_signed),
    ENERGY(0x0001, "forward active energy", "正向有功电能", f_kwh),
    ENERGY(0x0002, "reverse active energy", "反向有功电能", f_kwh),
    ENERGY(0x0003, "combined reactive 1 energy", "组合无功1电能", f_kvarh_signed),
    ENERGY(0x0004, "combined reactive 2 energy", "组合无功2电能", f_kvarh_signed),
    ENERGY(0x0005, "quadrant 1 reactive energy", "第一象限无功电能", f_kvarh),
    ENERGY(0x0006, "quadrant 2 reactive energy", "第二象限无功电能", f_kvarh),
    ENERGY(0x0007, "quadrant 3 reactive energy", "第三象限无功电能", f_kvarh),
    ENERGY(0x0008, "quadrant 4 reactive energy", "第四象限无功电能", f_kvarh),
    ENERGY(0x0009, "forward apparent energy", "正向视在电能", f_kvah),
    ENERGY(0x000A, "reverse apparent energy", "反向视在电能", f_kvah),
    SINGLE(0x000B, 0, 0, "active energy used in the current settlement period",
           "当前结算周期组合有功总累计用电量", f_kwh_signed),
    SINGLE(0x000B, 0, 1, "active energy used in the last settlement period",
           "上1结算周期组合有功总累计用电量", f_kwh_signed),
    PHASE_ENERGY(0x0015, "A"),
    PHASE_ENERGY(0x0029, "B"),
    PHASE_ENERGY(0x003D, "C"),
    LESS(0x0080, "associated energy", "关联总电能", f_kwh_signed),
    LESS(0x0081, "forward fundamental energy", "正向有功基波总电能", f_kwh),
    LESS(0x0082, "reverse fundamental energy", "反向有功基波总电能", f_kwh),
    LESS(0x0083, "forward harmonic energy", "正向有功谐波总电能", f_kwh),
    LESS(0x0084, "reverse harmonic energy", "反向有功谐波总电能", f_kwh),
    LESS(0x0085, "copper loss energy", "铜损有功总电能补偿量", f_kwh_signed),
    LESS(0x0086, "iron loss energy", "铁损有功总电能补偿量", f_kwh_signed),
    PHASE_REST(0x0019, 0x0094, "A"),
    PHASE_REST(0x002D, 0x00A8, "B"),
    PHASE_REST(0x0041, 0x00BC, "C"),
    SINGLE(0x0090, 1, 0, "remaining energy", "剩余电量", f_kwh),
    SINGLE(0x0090, 1, 1, "overdraft energy", "透支电量", f_kwh),
    SINGLE(0x0090, 2, 0, "remaining money", "剩余金额", f_yuan),
    SINGLE(0x0090, 2, 1, "overdraft money", "透支金额", f_yuan),

    ENERGY(0x0101, "forward active maximum demand", "正向有功最大需量及发生时间", f_demand_kw),
    ENERGY(0x0102, "reverse active maximum demand", "反向有功最大需量及发生时间", f_demand_kw),
    ENERGY(0x0103, "combined reactive 1 maximum demand", "组合无功1最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0104, "combined reactive 2 maximum demand", "组合无功2最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0105, "quadrant 1 reactive maximum demand", "第一象限无功最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0106, "quadrant 2 reactive maximum demand", "第二象限无功最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0107, "quadrant 3 reactive maximum demand", "第三象限无功最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0108, "quadrant 4 reactive maximum demand", "第四象限无功最大需量及发生时间",
           f_demand_kvar),
    ENERGY(0x0109, "forward apparent maximum demand", "正向视在最大需量及发生时间", f_demand_kva),
    ENERGY(0x010A, "reverse apparent maximum demand", "反向视在最大需量及发生时间", f_demand_kva),

    PHASE_DEMAND(0x0115, "A"),
    PHASE_DEMAND(0x0129, "B"),
    PHASE_DEMAND(0x013D, "C"),

    {0x0201, ABC, ONE(0), "voltage", "电压", N(f_volt), 0, 0},
    {0x0202, ABC, ONE(0), "current", "电流", N(f_ampere), 0, 0},
    {0x0203, TOTAL_ABC, ONE(0), "active power", "瞬时有功功率", N(f_kw), 0, 0},
    {0x0204, TOTAL_ABC, ONE(0), "reactive power", "瞬时无功功率", N(f_kvar), 0, 0},
    {0x0205, TOTAL_ABC, ONE(0), "apparent power", "瞬时视在功率", N(f_kva), 0, 0},
    {0x0206, TOTAL_ABC, ONE(0), "power factor", "功率因数", N(f_factor), 0, 0},
    {0x0207, ABC, ONE(0), "phase angle", "相角", N(f_degree), 0, 0},
    {0x0208, ABC, ONE(0), "voltage distortion", "电压波形失真度", N(f_percent), 0, 0},
    {0x0209, ABC, ONE(0), "current distortion", "电流波形失真度", N(f_percent), 0, 0},
    {0x020A,
     {1, 3, false, DLT645_ROLE_PHASE},
     {1, 0x15, true, DLT645_ROLE_HARMONIC},
     "voltage harmonic content",
     "电压谐波含量",
     N(f_percent),
     0,
     0},
    {0x020B,
     {1, 3, false, DLT645_ROLE_PHASE},
     {1, 0x15, true, DLT645_ROLE_HARMONIC},
     "current harmonic content",
     "电流谐波含量",
     N(f_percent),
     0,
     0},
    SINGLE(0x0280, 0, 0x01, "neutral current", "零线电流", f_ampere),
    SINGLE(0x0280, 0, 0x02, "frequency", "电网频率", f_hertz),
    SINGLE(0x0280, 0, 0x03, "one-minute mean active power", "一分钟有功总平均功率", f_kw),
    SINGLE(0x0280, 0, 0x04, "present active demand", "当前有功需量", f_kw),
    SINGLE(0x0280, 0, 0x05, "present reactive demand", "当前无功需量", f_kvar),
    SINGLE(0x0280, 0, 0x06, "present apparent demand", "当前视在需量", f_kva),
    SINGLE(0x0280, 0, 0x07, "temperature inside the meter", "表内温度", f_celsius),
    SINGLE(0x0280, 0, 0x08, "clock battery voltage", "时钟电池电压", f_battery),
    SINGLE(0x0280, 0, 0x09, "meter-reading battery voltage", "停电抄表电池电压", f_battery),
    SINGLE(0x0280, 0, 0x0A, "battery working time", "内部电池工作时间", f_minute4),
    SINGLE(0x0280, 0, 0x0B, "current ladder price", "当前阶梯电价", f_price),
    SINGLE(0x0280, 0, 0x20, "current price", "当前电价", f_price),
    SINGLE(0x0280, 0, 0x21, "current tariff price", "当前费率电价", f_price),
    SINGLE(0x0280, 0, 0x22, "remaining authentication time", "身份认证时效剩余时间", f_minute2),

    SINGLE(0x0301, 0, 0, "voltage loss", "失压", f_total_abc),
    SINGLE(0x0302, 0, 0, "undervoltage", "欠压", f_total_abc),
    SINGLE(0x0303, 0, 0, "overvoltage", "过压", f_total_abc),
    SINGLE(0x0304, 0, 0, "phase missing", "断相", f_total_abc),
    SINGLE(0x0305, 0, 0, "loss of all voltages", "全失压", f_total),
    RECORDS(0x0305, 0, "record of the loss of all voltages", "全失压记录", f_all_voltage),
    SINGLE(0x0306, 0, 0, "auxiliary power lost", "辅助电源失电", f_total),
    RECORDS(0x0306, 0, "record of auxiliary power lost", "辅助电源失电记录", f_span),
    SINGLE(0x0307, 0, 0, "voltage phase sequence reversed", "电压逆相序", f_total),
    SINGLE(0x0308, 0, 0, "current phase sequence reversed", "电流逆相序", f_total),
    SINGLE(0x0309, 0, 0, "voltage imbalance", "电压不平衡", f_total),
    SINGLE(0x030A, 0, 0, "current imbalance", "电流不平衡", f_total),
    SINGLE(0x030B, 0, 0, "current loss", "失流", f_total_abc),
    SINGLE(0x030C, 0, 0, "overcurrent", "过流", f_total_abc),
    SINGLE(0x030D, 0, 0, "current cut", "断流", f_total_abc),
    SINGLE(0x030E, 0, 0, "power reversal", "潮流反向", f_total_abc),
    SINGLE(0x030F, 0, 0, "overload", "过载", f_total_abc),
    SINGLE(0x0311, 0, 0, "power-down count", "掉电总次数", f_count3),
    RECORDS(0x0311, 0, "power-down record", "掉电记录", f_span),
    SINGLE(0x0330, 0x00, 0, "programming count", "编程总次数", f_count3),
    RECORDS(0x0330, 0x00, "programming record", "编程记录", f_programming),
    SINGLE(0x0330, 0x01, 0, "meter-clear count", "电表清零总次数", f_count3),
    SINGLE(0x0330, 0x02, 0, "demand-clear count", "需量清零总次数", f_count3),
    SINGLE(0x0330, 0x03, 0, "event-clear count", "事件清零总次数", f_count3),
    RECORDS(0x0330, 0x03, "event-clear record", "事件清零记录", f_event_clear),
    SINGLE(0x0330, 0x04, 0, "clock-set count", "校时总次数", f_count3),
    RECORDS(0x0330, 0x04, "clock-set record", "校时记录", f_clock_set),
    SINGLE(0x0330, 0x0D, 0, "cover-open count", "开表盖总次数", f_count3),
    RECORDS(0x0330, 0x0D, "cover-open record", "开表盖记录", f_opened),
    RECORDS(0x0330, 0x0E, "terminal-cover-open record", "开端钮盒记录", f_opened),
    SINGLE(0x0330, 0x0E, 0, "terminal-cover-open count", "开端钮盒总次数", f_count3),
    PURCHASES(0x0332, "energy", "电量", f_kwh),
    PURCHASES(0x0333, "money", "金额", f_yuan),
    SINGLE(0x0333, 2, 0, "money purchase: purchase count", "金额购电总购电次数", f_count2),

    {0x0400, ONE(0x01), ONE(0x01), "date and weekday", "日期及星期", N(f_date_weekday), 0, 0},
    SINGLE(0x0400, 0x01, 0x02, "time", "时间", f_clock),
    SINGLE(0x0400, 0x01, 0x03, "maximum-demand period", "最大需量周期", f_minute1),
    SINGLE(0x0400, 0x01, 0x04, "slip time", "滑差时间", f_minute1),
    SINGLE(0x0400, 0x01, 0x05, "calibration pulse width", "校表脉冲宽度", f_ms2),
    SINGLE(0x0400, 0x01, 0x06, "switch time of the zone tables", "两套时区表切换时间", f_ymdhm),
    SINGLE(0x0400, 0x01, 0x07, "switch time of the day tables", "两套日时段表切换时间", f_ymdhm),
    SINGLE(0x0400, 0x01, 0x08, "switch time of the tariff prices", "两套费率电价切换时间", f_ymdhm),
    SINGLE(0x0400, 0x01, 0x09, "switch time of the ladders", "两套阶梯切换时间", f_ymdhm),
    SINGLE(0x0400, 0x01, 0x0C, "date, weekday and time", "日期、星期及时间", f_date_time),
    SINGLE(0x0400, 0x02, 0x01, "number of year zones", "年时区数", f_count1),
    SINGLE(0x0400, 0x02, 0x02, "number of day tables", "日时段表数", f_count1),
    SINGLE(0x0400, 0x02, 0x03, "periods per day", "日时段数", f_count1),
    SINGLE(0x0400, 0x02, 0x04, "number of tariffs", "费率数", f_count1),
    SINGLE(0x0400, 0x02, 0x05, "number of holidays", "公共假日数", f_count2),
    SINGLE(0x0400, 0x02, 0x06, "number of harmonics analysed", "谐波分析次数", f_count1),
    SINGLE(0x0400, 0x02, 0x07, "number of ladders", "阶梯数", f_count1),
    SINGLE(0x0400, 0x02, 0x08, "number of keys", "密钥总条数", f_count1),
    SINGLE(0x0400, 0x03, 0x01, "automatic display screens", "自动循环显示屏数", f_count1),
    SINGLE(0x0400, 0x03, 0x02, "time per display screen", "每屏显示时间", f_second1),
    SINGLE(0x0400, 0x03, 0x03, "decimals of energy display", "显示电能小数位数", f_count1),
    SINGLE(0x0400, 0x03, 0x04, "decimals of power display", "显示功率小数位数", f_count1),
    SINGLE(0x0400, 0x03, 0x05, "key display screens", "按键循环显示屏数", f_count1),
    SINGLE(0x0400, 0x03, 0x06, "current transformer ratio", "电流互感器变比", f_count3),
    SINGLE(0x0400, 0x03, 0x07, "voltage transformer ratio", "电压互感器变比", f_count3),
    SINGLE(0x0400, 0x04, 0x01, "communication address", "通信地址", f_digits6),
    SINGLE(0x0400, 0x04, 0x02, "meter number", "表号", f_digits6),
    SINGLE(0x0400, 0x04, 0x03, "asset code", "资产管理编码", f_ascii32),
    SINGLE(0x0400, 0x04, 0x04, "rated voltage", "额定电压", f_ascii6),
    SINGLE(0x0400, 0x04, 0x05, "rated current", "额定电流", f_ascii6),
    SINGLE(0x0400, 0x04, 0x06, "maximum current", "最大电流", f_ascii6),
    SINGLE(0x0400, 0x04, 0x07, "active accuracy class", "有功准确度等级", f_ascii4),
    SINGLE(0x0400, 0x04, 0x08, "reactive accuracy class", "无功准确度等级", f_ascii4),
    SINGLE(0x0400, 0x04, 0x09, "active meter constant", "电表有功常数", f_imp_kwh),
    SINGLE(0x0400, 0x04, 0x0A, "reactive meter constant", "电表无功常数", f_imp_kvarh),
    SINGLE(0x0400, 0x04, 0x0B, "meter type", "电表型号", f_ascii10),
    SINGLE(0x0400, 0x04, 0x0C, "date of production", "生产日期", f_ascii10),
    SINGLE(0x0400, 0x04, 0x0D, "protocol version", "协议版本号", f_ascii16),
    SINGLE(0x0400, 0x04, 0x0E, "customer number", "客户编号", f_digits6),
    SINGLE(0x0400, 0x04, 0x0F, "meter position", "电表位置信息", f_raw11),
    SINGLE(0x0400, 0x05, 0x01, "running-state word 1", "运行状态字1", f_state1),
    SINGLE(0x0400, 0x05, 0x02, "running-state word 2", "运行状态字2", f_state2),
    SINGLE(0x0400, 0x05, 0x03, "running-state word 3", "运行状态字3", f_state3),
    SINGLE(0x0400, 0x05, 0x04, "running-state word 4 (phase A)", "运行状态字4（A相）", f_state456),
    SINGLE(0x0400, 0x05, 0x05, "running-state word 5 (phase B)", "运行状态字5（B相）", f_state456),
    SINGLE(0x0400, 0x05, 0x06, "running-state word 6 (phase C)", "运行状态字6（C相）", f_state456),
    SINGLE(0x0400, 0x05, 0x07, "running-state word 7", "运行状态字7", f_state7),
    SINGLE(0x0400, 0x05, 0x08, "key state word", "密钥状态字", f_word_plain4),
    SINGLE(0x0400, 0x05, 0xFF, "running-state words", "运行状态字数据块", f_all_states),
    SINGLE(0x0400, 0x06, 0x01, "active combination word", "有功组合方式特征字", f_combination),
    SINGLE(0x0400, 0x06, 0x02, "reactive combination word 1", "无功组合方式1特征字", f_word_plain1),
    SINGLE(0x0400, 0x06, 0x03, "reactive combination word 2", "无功组合方式2特征字", f_word_plain1),
    SINGLE(0x0400, 0x07, 0x01, "baud word, modulated infrared", "调制型红外通信速率特征字", f_baud),
    SINGLE(0x0400, 0x07, 0x02, "baud word, contact optical", "接触式红外通信速率特征字", f_baud),
    SINGLE(0x0400, 0x07, 0x03, "baud word, port 1", "通信口1通信速率特征字", f_baud),
    SINGLE(0x0400, 0x07, 0x04, "baud word, port 2", "通信口2通信速率特征字", f_baud),
    SINGLE(0x0400, 0x07, 0x05, "baud word, port 3", "通信口3通信速率特征字", f_baud),
    SINGLE(0x0400, 0x08, 0x01, "weekend word", "周休日特征字", f_word_plain1),
    SINGLE(0x0400, 0x08, 0x02, "weekend day table", "周休日日时段表号", f_count1),
    SINGLE(0x0400, 0x09, 0x01, "load-record mode word", "负荷记录模式字", f_load_mode),
    SINGLE(0x0400, 0x09, 0x02, "timed-freeze mode word", "定时冻结数据模式字", f_word_plain1),
    SINGLE(0x0400, 0x09, 0x03, "instant-freeze mode word", "瞬时冻结数据模式字", f_word_plain1),
    SINGLE(0x0400, 0x09, 0x04, "agreed-freeze mode word", "约定冻结数据模式字", f_word_plain1),
    SINGLE(0x0400, 0x09, 0x05, "hourly-freeze mode word", "整点冻结数据模式字", f_word_plain1),
    SINGLE(0x0400, 0x09, 0x06, "daily-freeze mode word", "日冻结数据模式字", f_word_plain1),
    SINGLE(0x0400, 0x0A, 0x01, "load-record start", "负荷记录起始时间", f_mdhm),
    SINGLE(0x0400, 0x0A, 0x02, "load-record interval, group 1", "第1类负荷记录间隔时间", f_minute2),
    SINGLE(0x0400, 0x0A, 0x03, "load-record interval, group 2", "第2类负荷记录间隔时间", f_minute2),
    SINGLE(0x0400, 0x0A, 0x04, "load-record interval, group 3", "第3类负荷记录间隔时间", f_minute2),
    SINGLE(0x0400, 0x0A, 0x05, "load-record interval, group 4", "第4类负荷记录间隔时间", f_minute2),
    SINGLE(0x0400, 0x0A, 0x06, "load-record interval, group 5", "第5类负荷记录间隔时间", f_minute2),
    SINGLE(0x0400, 0x0A, 0x07, "load-record interval, group 6", "第6类负荷记录间隔时间", f_minute2),
    LISTED(0x0400, 0x0B, 1, 3, "settlement day", "每月结算日", f_dayhour),
    LISTED(0x0400, 0x0C, 1, 10, "password", "密码", f_raw4),
    SINGLE(0x0400, 0x0E, 0x01, "forward active power limit", "正向有功功率上限值", f_kw_limit),
    SINGLE(0x0400, 0x0E, 0x02, "reverse active power limit", "反向有功功率上限值", f_kw_limit),
    SINGLE(0x0400, 0x0E, 0x03, "voltage upper limit", "电压上限值", f_volt),
    SINGLE(0x0400, 0x0E, 0x04, "voltage lower limit", "电压下限值", f_volt),
    SINGLE(0x0400, 0x0F, 0x01, "alarm energy 1", "报警电量1限值", f_kwh),
    SINGLE(0x0400, 0x0F, 0x02, "alarm energy 2", "报警电量2限值", f_kwh),
    SINGLE(0x0400, 0x0F, 0x03, "hoard energy limit", "囤积电量限值", f_kwh),
    SINGLE(0x0400, 0x0F, 0x04, "overdraft energy limit", "透支电量限值", f_kwh),
    SINGLE(0x0400, 0x10, 0x01, "alarm money limit 1", "报警金额1限值", f_yuan),
    SINGLE(0x0400, 0x10, 0x02, "alarm money limit 2", "报警金额2限值", f_yuan),
    SINGLE(0x0400, 0x10, 0x03, "overdraft money limit", "透支金额限值", f_yuan),
    SINGLE(0x0400, 0x10, 0x04, "hoard money limit", "囤积金额限值", f_yuan),
    SINGLE(0x0400, 0x10, 0x05, "close-allowed money limit", "合闸允许金额限值", f_yuan),
    SINGLE(0x0400, 0x11, 0x01, "running feature word", "电表运行特征字1", f_word_plain1),
    SINGLE(0x0400, 0x12, 0x01, "hourly-freeze start", "整点冻结起始时间", f_ymdhm),
    SINGLE(0x0400, 0x12, 0x02, "hourly-freeze interval", "整点冻结时间间隔", f_minute1),
    SINGLE(0x0400, 0x12, 0x03, "daily-freeze time", "日冻结时间", f_hourminute),
    SINGLE(0x0400, 0x14, 0x01, "trip delay", "跳闸延时时间", f_minute2),
    SINGLE(0x0400, 0x14, 0x02, "relay-trip current threshold", "继电器拉闸控制电流门限值", f_raw3),
    {0x0401, ONE(0), ONE(0), "year zones, first set", "第一套时区表", N(f_zone), DLT645_ROLE_NUMBER,
     1},
    {0x0402, ONE(0), ONE(0), "year zones, second set", "第二套时区表", N(f_zone),
     DLT645_ROLE_NUMBER, 1},
    {0x0401,
     ONE(0),
     {1, 8, false, DLT645_ROLE_NUMBER},
     "day table, first set",
     "第一套日时段表",
     N(f_period),
     DLT645_ROLE_NUMBER,
     1},
    {0x0402,
     ONE(0),
     {1, 8, false, DLT645_ROLE_NUMBER},
     "day table, second set",
     "第二套日时段表",
     N(f_period),
     DLT645_ROLE_NUMBER,
     1},
    {0x0403,
     ONE(0),
     {1, 0xFE, false, DLT645_ROLE_NUMBER},
     "holiday",
     "公共假日",
     N(f_date_number),
     0,
     0},
    {0x0405,
     ONE(1),
     {1, 0x3F, true, DLT645_ROLE_RATE},
     "price, current set",
     "当前套费率电价",
     N(f_price),
     0,
     0},
    {0x0405,
     ONE(2),
     {1, 0x3F, true, DLT645_ROLE_RATE},
     "price, backup set",
     "备用套费率电价",
     N(f_price),
     0,
     0},
    LISTED(0x0406, 0x00, 1, 0x3F, "ladder value, first set", "第一套阶梯值", f_kwh),
    LISTED(0x0406, 0x01, 1, 0x3F, "ladder price, first set", "第一套阶梯电价", f_price),
    LISTED(0x0406, 0x02, 1, 0x3F, "ladder value, second set", "第二套阶梯值", f_kwh),
    LISTED(0x0406, 0x03, 1, 0x3F, "ladder price, second set", "第二套阶梯电价", f_price),
    SINGLE(0x0406, 0x04, 0xFF, "ladder block, current set", "当前套阶梯参数", f_ladder_block),
    SINGLE(0x0406, 0x05, 0xFF, "ladder block, backup set", "备用套阶梯参数", f_ladder_block),
    SINGLE(0x0406, 0x06, 0xFF, "ladder block, current set (southern grid)",
           "当前套阶梯参数（南网）", f_ladder_south),
    SINGLE(0x0480, 0x00, 1, "manufacturer's software version", "厂家软件版本号", f_ascii32),
    SINGLE(0x0480, 0x00, 2, "manufacturer's hardware version", "厂家硬件版本号", f_ascii32),
    SINGLE(0x0480, 0x00, 3, "manufacturer's code", "厂家编号", f_ascii32),
    {0x0480, ONE(1), ONE(0xFF), "circuits of the terminal", "终端各回路", N(f_circuits),
     DLT645_ROLE_NUMBER, 1, true},

    FREEZE(0x0500, "timed", "定时冻结"),
    FREEZE(0x0501, "instant", "瞬时冻结"),
    FREEZE(0x0502, "zone-table switch", "时区表切换冻结"),
    FREEZE(0x0503, "day-table switch", "日时段表切换冻结"),
    FREEZE_ONE(0x0504, 0x00, "hourly freeze: time", "整点冻结时间", f_ymdhm),
    FREEZE_ONE(0x0504, 0x01, "hourly freeze: forward active energy", "整点冻结正向有功总电能",
               f_kwh),
    FREEZE_ONE(0x0504, 0x02, "hourly freeze: reverse active energy", "整点冻结反向有功总电能",
               f_kwh),
    FREEZE(0x0505, "tariff-price switch", "费率电价切换冻结"),
    FREEZE(0x0506, "daily", "日冻结"),
    FREEZE(0x0507, "ladder switch", "阶梯切换冻结"),

    LOADS(0, "all groups", "全部数据"),
    LOADS(1, "voltages, currents, frequency", "电压、电流、频率"),
    LOADS(2, "active and reactive power", "有、无功功率"),
    LOADS(3, "power factors", "功率因数"),
    LOADS(4, "active and reactive energy", "有、无功总电能"),
    LOADS(5, "reactive energy of the quadrants", "四象限无功总电能"),
    LOADS(6, "present demand", "当前需量"),

    SINGLE(0x1D00, 0, 1, "trip count", "跳闸次数", f_count3),
    RECORDS(0x1D00, 1, "trip record", "跳闸记录", f_relay_record),
    SINGLE(0x1E00, 0, 1, "close count", "合闸次数", f_count3),
    RECORDS(0x1E00, 1, "close record", "合闸记录", f_relay_record),
};

static bool in_range(const struct dlt645_range *r, uint8_t v)
{
    return (v >= r->low && v <= r->high) || (r->block && v == 0xFF);
}

/* A block of blocks has no agreed order: its bytes stay bytes. */
static bool covers(const struct dlt645_item *item, uint8_t di1, uint8_t di0)
{
    bool twice = item->di1.block && item->di0.block && di1 == 0xFF && di0 == 0xFF;
    return !twice && in_range(&item->di1, di1) && in_range(&item->di0, di0);
}

static const struct dlt645_item *find(const struct dlt645_item *list, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].head == id >> 16 && covers(&list[i], (uint8_t)(id >> 8), (uint8_t)id))
            return &list[i];
    return NULL;
}

const struct dlt645_item *dlt645_item_find(uint32_t id)
{
    const struct dlt645_item *item = find(items, sizeof items / sizeof items[0], id);
    return item ? item : find(dlt645_items_event, dlt645_items_event_count, id);
}
