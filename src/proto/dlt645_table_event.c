/* DL/T 645-2007 appendix A: single events (03 and 10 .. 20), their thresholds (0409), and
 * parameters that only few meters have. Layouts of records are those of the standard; meters
 * differ, so that data of another length stay bytes. */
#include "proto/dlt645_impl.h"

#define F(en, zh, kind, len, dec, unit)                                                            \
    {                                                                                              \
        en, zh, kind, len, dec, unit, NULL, NULL                                                   \
    }
#define T(en, zh, len, pattern)                                                                    \
    {                                                                                              \
        en, zh, DLT645_TIME, len, 0, 0, pattern, NULL                                              \
    }
#define KWH(en, zh) F(en, zh, DLT645_BCD, 4, 2, DLT645_KWH)
#define KVARH(en, zh) F(en, zh, DLT645_BCD, 4, 2, DLT645_KVARH)
#define AH(en, zh) F(en, zh, DLT645_BCD, 4, 2, DLT645_UNIT_NONE)
#define SPAN T("from", "发生时刻", 6, "YMDhms"), T("to", "结束时刻", 6, "YMDhms")
#define FOUR(en, zh)                                                                               \
    KWH("forward active energy" en, zh "正向有功电能增量"),                                        \
        KWH("reverse active energy" en, zh "反向有功电能增量"),                                    \
        KVARH("combined reactive 1 energy" en, zh "组合无功1电能增量"),                            \
        KVARH("combined reactive 2 energy" en, zh "组合无功2电能增量")
#define STATE(letter)                                                                              \
    F("voltage, phase " letter, letter "相电压", DLT645_BCD, 2, 1, DLT645_VOLT),                   \
        F("current, phase " letter, letter "相电流", DLT645_SBCD, 3, 3, DLT645_AMPERE),            \
        F("active power, phase " letter, letter "相有功功率", DLT645_SBCD, 3, 4, DLT645_KW),       \
        F("reactive power, phase " letter, letter "相无功功率", DLT645_SBCD, 3, 4, DLT645_KVAR),   \
        F("power factor, phase " letter, letter "相功率因数", DLT645_SBCD, 2, 3, DLT645_UNIT_NONE)
#define PHASE(letter) FOUR(", phase " letter, letter "相"), STATE(letter)

/* The increase of each energy while it lasted, and what was measured when it began. */
static const struct dlt645_field f_current_event[] = {SPAN, FOUR("", "总"), PHASE("A"), PHASE("B"),
                                                      PHASE("C")};
static const struct dlt645_field f_voltage_event[] = {SPAN,
                                                      FOUR("", "总"),
                                                      PHASE("A"),
                                                      PHASE("B"),
                                                      PHASE("C"),
                                                      AH("ampere hours", "总安时数"),
                                                      AH("ampere hours, phase A", "A相安时数"),
                                                      AH("ampere hours, phase B", "B相安时数"),
                                                      AH("ampere hours, phase C", "C相安时数")};
static const struct dlt645_field f_energy_event[] = {SPAN, FOUR("", "总"), FOUR(", phase A", "A相"),
                                                     FOUR(", phase B", "B相"),
                                                     FOUR(", phase C", "C相")};
static const struct dlt645_field f_imbalance_event[] = {
    SPAN,
    F("greatest imbalance", "最大不平衡率", DLT645_BCD, 2, 2, DLT645_PERCENT),
    FOUR("", "总"),
    FOUR(", phase A", "A相"),
    FOUR(", phase B", "B相"),
    FOUR(", phase C", "C相")};
static const struct dlt645_field f_refund[] = {T("", "", 5, "YMDhm")};
static const struct dlt645_field f_magnet[] = {
    SPAN, KWH("forward active energy at the beginning", "发生时正向有功电能"),
    KWH("reverse active energy at the beginning", "发生时反向有功电能"),
    KWH("forward active energy at the end", "结束时正向有功电能"),
    KWH("reverse active energy at the end", "结束时反向有功电能")};
static const struct dlt645_field f_when[] = {T("time", "时刻", 6, "YMDhms"),
                                             F("operator", "操作者代码", DLT645_RAW, 4, 0, 0)};
static const struct dlt645_field f_time6[] = {T("", "", 6, "YMDhms")};
static const struct dlt645_field f_count3[] = {F("", "", DLT645_BCD, 3, 0, 0)};
static const struct dlt645_field f_count2[] = {F("", "", DLT645_BCD, 2, 0, 0)};
static const struct dlt645_field f_count1[] = {F("", "", DLT645_BCD, 1, 0, 0)};
static const struct dlt645_field f_minutes3[] = {F("", "", DLT645_BCD, 3, 0, DLT645_MINUTE)};
static const struct dlt645_field f_raw[] = {F("", "", DLT645_RAW, 0, 0, 0)};
static const struct dlt645_field f_volt[] = {F("", "", DLT645_BCD, 2, 1, DLT645_VOLT)};
static const struct dlt645_field f_ampere4[] = {F("", "", DLT645_BCD, 3, 4, DLT645_AMPERE)};
static const struct dlt645_field f_ampere1[] = {F("", "", DLT645_BCD, 2, 1, DLT645_AMPERE)};
static const struct dlt645_field f_percent[] = {F("", "", DLT645_BCD, 2, 2, DLT645_PERCENT)};
static const struct dlt645_field f_kw[] = {F("", "", DLT645_BCD, 3, 4, DLT645_KW)};
static const struct dlt645_field f_kvar[] = {F("", "", DLT645_BCD, 3, 4, DLT645_KVAR)};
static const struct dlt645_field f_factor[] = {F("", "", DLT645_BCD, 2, 3, DLT645_UNIT_NONE)};
static const struct dlt645_field f_second1[] = {F("", "", DLT645_BCD, 1, 0, DLT645_SECOND)};
static const struct dlt645_field f_ratio2[] = {F("", "", DLT645_BCD, 2, 3, DLT645_UNIT_NONE)};
static const struct dlt645_field f_yuan[] = {F("", "", DLT645_BCD, 4, 2, DLT645_YUAN)};

#define N(fields) fields, sizeof fields / sizeof fields[0]
#define ONE(v)                                                                                     \
    {                                                                                              \
        v, v, false, DLT645_ROLE_NONE                                                              \
    }
#define SPAN_OF(low, high, role)                                                                   \
    {                                                                                              \
        low, high, false, role                                                                     \
    }
#define ABC SPAN_OF(1, 3, DLT645_ROLE_PHASE)
#define LAST10 SPAN_OF(1, 10, DLT645_ROLE_LAST)
#define ROW(head, di1, di0, en, zh, f)                                                             \
    {                                                                                              \
        head, di1, di0, en, zh, N(f), 0, 0, false, true                                            \
    }
#define RECORD(head, di1, en, zh, f) ROW(head, ONE(di1), LAST10, en " record", zh "记录", f)
#define PHASES(head, en, zh, f) ROW(head, ABC, LAST10, en " record", zh "记录", f)
#define PROGRAMMED(di1, en, zh)                                                                    \
    ROW(0x0330, ONE(di1), ONE(0), en " programming count", zh "编程总次数", f_count3),             \
        ROW(0x0330, ONE(di1), LAST10, en " programming record", zh "编程记录", f_when)
/* The long form: DI2 is the phase; a count, minutes, and each quantity of each event for itself. */
#define EVENT(head, en, zh)                                                                        \
    ROW(head, ONE(0), ONE(1), en " count", zh "总次数", f_count3),                                 \
        ROW(head, ONE(0), ONE(2), en " total duration", zh "总累计时间", f_minutes3),              \
        ROW(head, ONE(1), LAST10, en ": from", zh "发生时刻", f_time6)
#define EVENT_ABC(head, en, zh)                                                                    \
    ROW(head, ONE(0), ONE(1), en " count", zh "总次数", f_count3),                                 \
        ROW(head, ONE(0), ONE(2), en " total duration", zh "总累计时间", f_minutes3),              \
        EVENT(head + 1, en ", phase A", "A相" zh), EVENT(head + 2, en ", phase B", "B相" zh),      \
        EVENT(head + 3, en ", phase C", "C相" zh)
#define LIMIT(di1, di0, en, zh, f) ROW(0x0409, ONE(di1), ONE(di0), en, zh, f)

const struct dlt645_item dlt645_items_event[] = {
    PHASES(0x0301, "voltage loss", "失压", f_voltage_event),
    PHASES(0x0302, "undervoltage", "欠压", f_voltage_event),
    PHASES(0x0303, "overvoltage", "过压", f_voltage_event),
    PHASES(0x0304, "phase missing", "断相", f_voltage_event),
    RECORD(0x0307, 0, "voltage phase sequence reversed", "电压逆相序", f_energy_event),
    RECORD(0x0308, 0, "current phase sequence reversed", "电流逆相序", f_energy_event),
    RECORD(0x0309, 0, "voltage imbalance", "电压不平衡", f_imbalance_event),
    RECORD(0x030A, 0, "current imbalance", "电流不平衡", f_imbalance_event),
    PHASES(0x030B, "current loss", "失流", f_current_event),
    PHASES(0x030C, "overcurrent", "过流", f_current_event),
    PHASES(0x030D, "current cut", "断流", f_current_event),
    PHASES(0x030E, "power reversal", "潮流反向", f_energy_event),
    PHASES(0x030F, "overload", "过载", f_energy_event),
    ROW(0x0310, SPAN_OF(0, 3, DLT645_ROLE_PHASE), SPAN_OF(0, 12, DLT645_ROLE_SETTLEMENT),
        "voltage qualification", "电压合格率统计数据", f_raw),
    ROW(0x0312, ONE(0), ONE(0), "demand over limit counts", "需量超限总次数", f_raw),
    ROW(0x0312, SPAN_OF(1, 6, DLT645_ROLE_NUMBER), LAST10, "demand over limit record",
        "需量超限记录", f_raw),
    ROW(0x0330, ONE(1), LAST10, "meter-clear record", "电表清零记录", f_raw),
    ROW(0x0330, ONE(2), LAST10, "demand-clear record", "需量清零记录", f_raw),
    PROGRAMMED(0x05, "day tables", "时段表"),
    PROGRAMMED(0x06, "year zones", "时区表"),
    PROGRAMMED(0x07, "weekend", "周休日"),
    PROGRAMMED(0x08, "holidays", "节假日"),
    PROGRAMMED(0x09, "active combination", "有功组合方式"),
    PROGRAMMED(0x0A, "reactive combination 1", "无功组合方式1"),
    PROGRAMMED(0x0B, "reactive combination 2", "无功组合方式2"),
    PROGRAMMED(0x0C, "settlement day", "结算日"),
    PROGRAMMED(0x0F, "tariff prices", "费率参数表"),
    PROGRAMMED(0x10, "ladder", "阶梯表"),
    PROGRAMMED(0x12, "key update", "密钥更新"),
    ROW(0x0334, ONE(0), ONE(0), "refund count", "退费总次数", f_count2),
    ROW(0x0334, ONE(1), LAST10, "refund: time", "退费日期", f_refund),
    ROW(0x0334, ONE(2), LAST10, "refund: purchase count", "退费时购电次数", f_count2),
    ROW(0x0334, ONE(3), LAST10, "refund: amount", "退费金额", f_yuan),
    ROW(0x0334, ONE(4), LAST10, "refund: remaining before", "退费前剩余金额", f_yuan),
    ROW(0x0334, ONE(5), LAST10, "refund: remaining after", "退费后剩余金额", f_yuan),
    ROW(0x0335, ONE(0), ONE(0), "magnetic interference count", "恒定磁场干扰总次数", f_count3),
    RECORD(0x0335, 0, "magnetic interference", "恒定磁场干扰", f_magnet),
    ROW(0x0336, ONE(0), ONE(0), "relay malfunction count", "负荷开关误动作总次数", f_count3),
    RECORD(0x0336, 0, "relay malfunction", "负荷开关误动作", f_raw),
    ROW(0x0337, ONE(0), ONE(0), "supply abnormal count", "电源异常总次数", f_count3),
    RECORD(0x0337, 0, "supply abnormal", "电源异常", f_raw),

    EVENT_ABC(0x1000, "voltage loss", "失压"),
    EVENT_ABC(0x1100, "undervoltage", "欠压"),
    EVENT_ABC(0x1200, "overvoltage", "过压"),
    EVENT_ABC(0x1300, "phase missing", "断相"),
    EVENT(0x1400, "voltage phase sequence reversed", "电压逆相序"),
    EVENT(0x1500, "current phase sequence reversed", "电流逆相序"),
    EVENT(0x1600, "voltage imbalance", "电压不平衡"),
    EVENT(0x1700, "current imbalance", "电流不平衡"),
    EVENT_ABC(0x1800, "current loss", "失流"),
    EVENT_ABC(0x1900, "overcurrent", "过流"),
    EVENT_ABC(0x1A00, "current cut", "断流"),
    EVENT_ABC(0x1B00, "power reversal", "潮流反向"),
    EVENT_ABC(0x1C00, "overload", "过载"),
    EVENT(0x1F00, "power factor low", "总功率因数超下限"),
    EVENT(0x2000, "severe current imbalance", "电流严重不平衡"),

    LIMIT(1, 1, "voltage-loss voltage, upper limit", "失压事件电压触发上限", f_volt),
    LIMIT(1, 2, "voltage-loss voltage, end", "失压事件电压恢复下限", f_volt),
    LIMIT(1, 3, "voltage-loss current, lower limit", "失压事件电流触发下限", f_ampere4),
    LIMIT(1, 4, "voltage-loss delay", "失压事件判定延时时间", f_second1),
    LIMIT(2, 1, "undervoltage, upper limit", "欠压事件电压触发上限", f_volt),
    LIMIT(2, 2, "undervoltage delay", "欠压事件判定延时时间", f_second1),
    LIMIT(3, 1, "overvoltage, lower limit", "过压事件电压触发下限", f_volt),
    LIMIT(3, 2, "overvoltage delay", "过压事件判定延时时间", f_second1),
    LIMIT(4, 1, "phase-missing voltage, upper limit", "断相事件电压触发上限", f_volt),
    LIMIT(4, 2, "phase-missing current, upper limit", "断相事件电流触发上限", f_ampere4),
    LIMIT(4, 3, "phase-missing delay", "断相事件判定延时时间", f_second1),
    LIMIT(5, 1, "voltage imbalance limit", "电压不平衡率限值", f_percent),
    LIMIT(5, 2, "voltage imbalance delay", "电压不平衡率判定延时时间", f_second1),
    LIMIT(6, 1, "current imbalance limit", "电流不平衡率限值", f_percent),
    LIMIT(6, 2, "current imbalance delay", "电流不平衡率判定延时时间", f_second1),
    LIMIT(7, 1, "current-loss voltage, lower limit", "失流事件电压触发下限", f_volt),
    LIMIT(7, 2, "current-loss current, upper limit", "失流事件电流触发上限", f_ampere4),
    LIMIT(7, 3, "current-loss current, lower limit", "失流事件电流触发下限", f_ampere4),
    LIMIT(7, 4, "current-loss delay", "失流事件判定延时时间", f_second1),
    LIMIT(8, 1, "overcurrent, lower limit", "过流事件电流触发下限", f_ampere1),
    LIMIT(8, 2, "overcurrent delay", "过流事件判定延时时间", f_second1),
    LIMIT(9, 1, "current-cut voltage, lower limit", "断流事件电压触发下限", f_volt),
    LIMIT(9, 2, "current-cut current, upper limit", "断流事件电流触发上限", f_ampere4),
    LIMIT(9, 3, "current-cut delay", "断流事件判定延时时间", f_second1),
    LIMIT(0x0A, 1, "power-reversal power, lower limit", "潮流反向事件有功功率触发下限", f_kw),
    LIMIT(0x0A, 2, "power-reversal delay", "潮流反向事件判定延时时间", f_second1),
    LIMIT(0x0B, 1, "overload power, lower limit", "过载事件有功功率触发下限", f_kw),
    LIMIT(0x0B, 2, "overload delay", "过载事件判定延时时间", f_second1),
    LIMIT(0x0C, 1, "voltage qualification, upper limit", "电压考核上限", f_volt),
    LIMIT(0x0C, 2, "voltage qualification, lower limit", "电压考核下限", f_volt),
    LIMIT(0x0D, 1, "active demand, limit", "有功需量超限事件需量触发下限", f_kw),
    LIMIT(0x0D, 2, "reactive demand, limit", "无功需量超限事件需量触发下限", f_kvar),
    LIMIT(0x0D, 3, "demand delay", "需量超限事件判定延时时间", f_second1),
    LIMIT(0x0E, 1, "power factor, lower limit", "总功率因数超下限阀值", f_factor),
    LIMIT(0x0E, 2, "power factor delay", "总功率因数超下限判定延时时间", f_second1),
    LIMIT(0x0F, 1, "severe current imbalance limit", "电流严重不平衡限值", f_percent),
    LIMIT(0x0F, 2, "severe current imbalance delay", "电流严重不平衡触发延时时间", f_second1),

    ROW(0x0400, ONE(0x0D), SPAN_OF(1, 12, DLT645_ROLE_NUMBER), "loss coefficient", "损耗系数",
        f_ratio2),
    ROW(0x0400, ONE(0x13), ONE(1), "wireless signal", "无线通信在线及信号强弱指示", f_count1),
    ROW(0x0400, ONE(0x15), SPAN_OF(1, 3, DLT645_ROLE_NUMBER), "reporting word", "主动上报状态字",
        f_raw),
    ROW(0x0504, ONE(0xFF), SPAN_OF(1, 0xFE, DLT645_ROLE_LAST), "hourly freeze: block",
        "整点冻结数据块", f_raw),
    ROW(0x0500, ONE(0xFF), SPAN_OF(1, 0x3E, DLT645_ROLE_LAST), "timed freeze: block",
        "定时冻结数据块", f_raw),
    ROW(0x0501, ONE(0xFF), SPAN_OF(1, 0x3E, DLT645_ROLE_LAST), "instant freeze: block",
        "瞬时冻结数据块", f_raw),
    ROW(0x0506, ONE(0xFF), SPAN_OF(1, 0x3E, DLT645_ROLE_LAST), "daily freeze: block",
        "日冻结数据块", f_raw),
};
const size_t dlt645_items_event_count = sizeof dlt645_items_event / sizeof dlt645_items_event[0];
