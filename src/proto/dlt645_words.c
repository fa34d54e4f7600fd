/* The words of bits, functions and refusals. */
#include "proto/dlt645_impl.h"
#include "proto/dlt645_say.h"

#define BIT(n, en, zh)                                                                             \
    {                                                                                              \
        (uint16_t)(1U << (n)), (uint16_t)(1U << (n)), en, zh                                       \
    }
#define CASE(mask, value, en, zh)                                                                  \
    {                                                                                              \
        mask, value, en, zh                                                                        \
    }

const struct dlt645_bit dlt645_bits_state1[] = {
    BIT(1, "demand accumulates by slip", "需量积算方式：滑差"),
    BIT(2, "clock battery low", "时钟电池欠压"),
    BIT(3, "meter-reading battery low", "停电抄表电池欠压"),
    BIT(4, "active power reversed", "有功功率方向反向"),
    BIT(5, "reactive power reversed", "无功功率方向反向"),
    BIT(8, "control loop error", "控制回路错误"),
    BIT(9, "security module error", "ESAM错误"),
    BIT(12, "program error", "程序错误"),
    BIT(13, "memory fault", "存储器故障"),
    BIT(14, "in overdraft", "透支状态"),
    BIT(15, "clock fault", "时钟故障"),
    {0},
};
const struct dlt645_bit dlt645_bits_state2[] = {
    BIT(0, "phase A active reversed", "A相有功反向"),
    BIT(1, "phase B active reversed", "B相有功反向"),
    BIT(2, "phase C active reversed", "C相有功反向"),
    BIT(4, "phase A reactive reversed", "A相无功反向"),
    BIT(5, "phase B reactive reversed", "B相无功反向"),
    BIT(6, "phase C reactive reversed", "C相无功反向"),
    {0},
};
const struct dlt645_bit dlt645_bits_state3[] = {
    BIT(0, "second day table in use", "当前运行第二套时段"),
    CASE(0x0006, 0x0002, "auxiliary supply", "辅助电源供电"),
    CASE(0x0006, 0x0004, "battery supply", "电池供电"),
    BIT(3, "programming allowed", "编程允许"),
    CASE(0x0010, 0x0010, "relay open", "继电器断开"),
    CASE(0x0010, 0x0000, "relay closed", "继电器接通"),
    BIT(5, "second zone table in use", "当前运行第二套时区"),
    BIT(6, "relay commanded to trip", "继电器命令：断"),
    BIT(7, "pre-trip alarm", "预跳闸报警"),
    CASE(0x0300, 0x0100, "energy prepaid meter", "电量型预付费表"),
    CASE(0x0300, 0x0200, "money prepaid meter", "电费型预付费表"),
    BIT(10, "second tariff-price set in use", "当前运行第二套费率电价"),
    BIT(11, "second ladder in use", "当前运行第二套阶梯"),
    BIT(12, "keep-power", "保电"),
    BIT(13, "authentication valid", "身份认证有效"),
    BIT(14, "local account not opened", "本地未开户"),
    BIT(15, "remote account not opened", "远程未开户"),
    {0},
};
const struct dlt645_bit dlt645_bits_state456[] = {
    BIT(0, "voltage loss", "失压"),       BIT(1, "under-voltage", "欠压"),
    BIT(2, "over-voltage", "过压"),       BIT(3, "current loss", "失流"),
    BIT(4, "over-current", "过流"),       BIT(5, "overload", "过载"),
    BIT(6, "power reversal", "潮流反向"), BIT(7, "phase missing", "断相"),
    BIT(8, "current cut", "断流"),        {0},
};
const struct dlt645_bit dlt645_bits_state7[] = {
    BIT(0, "voltage phase sequence reversed", "电压逆相序"),
    BIT(1, "current phase sequence reversed", "电流逆相序"),
    BIT(2, "voltage imbalance", "电压不平衡"),
    BIT(3, "current imbalance", "电流不平衡"),
    BIT(4, "auxiliary supply lost", "辅助电源失电"),
    BIT(5, "power down", "掉电"),
    BIT(6, "demand over limit", "需量超限"),
    BIT(7, "power factor low", "总功率因数超下限"),
    BIT(8, "severe current imbalance", "电流严重不平衡"),
    {0},
};
const struct dlt645_bit dlt645_bits_combination[] = {
    BIT(0, "forward added", "正向有功加"),
    BIT(1, "forward subtracted", "正向有功减"),
    BIT(2, "reverse added", "反向有功加"),
    BIT(3, "reverse subtracted", "反向有功减"),
    {0},
};
const struct dlt645_bit dlt645_bits_load_mode[] = {
    BIT(0, "voltages, currents, frequency", "电压、电流、频率"),
    BIT(1, "active and reactive power", "有、无功功率"),
    BIT(2, "power factors", "功率因数"),
    BIT(3, "active and reactive energy", "有、无功总电能"),
    BIT(4, "reactive energy of the quadrants", "四象限无功总电能"),
    BIT(5, "present demand", "当前需量"),
    {0},
};
const struct dlt645_bit dlt645_bits_baud[] = {
    BIT(1, "600 bit/s", "600bps"),
    BIT(2, "1200 bit/s", "1200bps"),
    BIT(3, "2400 bit/s", "2400bps"),
    BIT(4, "4800 bit/s", "4800bps"),
    BIT(5, "9600 bit/s", "9600bps"),
    BIT(6, "19200 bit/s", "19200bps"),
    {0},
};
const struct dlt645_bit dlt645_bits_circuit[] = {
    CASE(0x01, 0x01, "relay open", "继电器断开"),
    CASE(0x01, 0x00, "relay closed", "继电器接通"),
    BIT(1, "alarm", "报警"),
    {0},
};
const struct dlt645_bit dlt645_bits_command[] = {
    CASE(0xFF, DLT645_TRIP, "trip", "跳闸"),
    CASE(0xFF, DLT645_CLOSE_ALLOW, "allow close", "合闸允许"),
    CASE(0xFF, DLT645_CLOSE, "close", "直接合闸"),
    CASE(0xFF, DLT645_TRIP_THEN_CLOSE, "trip, then close", "跳闸后自动合闸"),
    CASE(0xFF, DLT645_TRIP_THEN_ALLOW, "trip, then allow close", "跳闸后自动合闸允许"),
    CASE(0xFF, DLT645_ALARM_ON, "alarm on", "报警"),
    CASE(0xFF, DLT645_ALARM_OFF, "alarm off", "报警解除"),
    CASE(0xFF, DLT645_KEEP_ON, "keep-power on", "保电"),
    CASE(0xFF, DLT645_KEEP_OFF, "keep-power off", "保电解除"),
    {0},
};
const struct dlt645_bit dlt645_bits_output[] = {
    CASE(0xFF, 0, "seconds pulse", "时钟秒脉冲"),
    CASE(0xFF, 1, "demand period", "需量周期"),
    CASE(0xFF, 2, "tariff switch", "时段投切"),
    {0},
};

static const struct dlt645_words err_words[] = {
    {DLT645_ERR_OTHER, "OTHER", "other error", "其他错误"},
    {DLT645_ERR_NO_DATA, "NO_DATA", "no requested data", "无请求数据"},
    {DLT645_ERR_PASSWORD, "PASSWORD", "password wrong or not authorised", "密码错或未授权"},
    {DLT645_ERR_BAUD, "BAUD", "baud rate cannot change", "通信速率不能更改"},
    {DLT645_ERR_ZONES, "ZONES", "too many year zones", "年时区数超"},
    {DLT645_ERR_PERIODS, "PERIODS", "too many day periods", "日时段数超"},
    {DLT645_ERR_TARIFFS, "TARIFFS", "too many tariffs", "费率数超"},
    {0},
};
static const struct dlt645_words serr_words[] = {
    {DLT645_SERR_OTHER, "OTHER", "other error", "其他错误"},
    {DLT645_SERR_REPEAT, "REPEAT", "repeated recharge", "重复充值"},
    {DLT645_SERR_ESAM, "ESAM", "security module verification failed", "ESAM验证失败"},
    {DLT645_SERR_AUTH, "AUTH", "identity authentication failed", "身份认证失败"},
    {DLT645_SERR_CUSTOMER, "CUSTOMER", "customer number does not match", "客户编号不匹配"},
    {DLT645_SERR_COUNT, "COUNT", "purchase count wrong", "充值次数错误"},
    {DLT645_SERR_HOARD, "HOARD", "exceeds hoard limit", "购电超囤积"},
    {DLT645_SERR_ADDRESS, "ADDRESS", "address abnormal", "地址异常"},
    {DLT645_SERR_SUSPENDED, "SUSPENDED", "meter suspended", "电能表挂起"},
    {0},
};
static const struct dlt645_words private_words[] = {
    {DLT645_CODE_COUNT, "COUNT", "purchase count is not the stored one plus one", "充值次数错误"},
    {DLT645_CODE_CUSTOMER, "CUSTOMER", "customer number does not match", "客户编号不匹配"},
    {DLT645_CODE_HOARD, "HOARD", "over hoard limit", "购电超囤积"},
    {DLT645_CODE_PRICE, "PRICE", "price out of range", "电价超范围"},
    {DLT645_CODE_FORMAT, "FORMAT", "bad length or format", "长度或格式错误"},
    {0},
};
static const struct dlt645_words refused_words[] = {
    {0x0001, "SUSPENDED", "meter suspended", "电能表挂起"},
    {0x0002, "MAC", "signature wrong", "MAC校验错误"},
    {0x0004, "PASSWORD", "password wrong, not authorised or other", "密码错/未授权或其他"},
    {0x0008, "AUTH", "authentication timed out or missing", "身份认证超时或未认证"},
    {0x0010, "TIME", "expiry time invalid", "命令时间无效"},
    {0x0020, "KEEP_POWER", "trip failed: keep-power", "跳闸失败（保电）"},
    {0x0040, "KEEP_POWER_TIMED", "timed trip failed: keep-power", "跳闸自动恢复命令失败（保电）"},
    {0x0080, "DURATION", "timed trip failed: duration invalid", "跳闸自动恢复命令时间无效"},
    {0x0100, "TRIPPED", "timed trip failed: already tripped", "跳闸自动恢复命令失败（已跳闸）"},
    {0},
};
static const struct dlt645_words done_words[] = {
    {0x0001, "CLOSED", "direct close done", "直接合闸"},
    {0x0002, "CLOSE_ALLOWED", "close allowed", "合闸允许"},
    {0x0004, "TRIPPED", "tripped directly", "直接跳闸"},
    {0x0008, "TRIP_DELAYED", "delayed trip", "延时跳闸"},
    {0x0010, "TRIP_TIMED", "trip with automatic restore", "跳闸自动恢复"},
    {0x0020, "TRIP_DELAYED_CURRENT", "delayed trip because of high current", "大电流延时跳闸"},
    {0x0100, "KEEP_ON", "keep-power on", "保电"},
    {0x0200, "KEEP_OFF", "keep-power off", "保电解除"},
    {0x0400, "ALARM_ON", "alarm on", "报警"},
    {0x0800, "ALARM_OFF", "alarm off", "报警解除"},
    {0},
};
static const struct dlt645_words unknown_words = {0, "UNKNOWN", "unknown reason", "未知原因"};

static const struct dlt645_words *code_words(uint16_t code, unsigned index)
{
    if (index > 0)
        return NULL;
    for (const struct dlt645_words *w = private_words; w->name; w++)
        if (w->mask == code)
            return w;
    return &unknown_words;
}

/* Named bits first; bits without a name follow as one "unknown"; so does an empty word, if asked.
 */
static const struct dlt645_words *bit_words(const struct dlt645_words *table, uint16_t bits,
                                            unsigned index, bool empty_counts)
{
    unsigned seen = 0;
    uint16_t named = 0;
    for (const struct dlt645_words *w = table; w->name; w++) {
        named |= w->mask;
        if ((bits & w->mask) && seen++ == index)
            return w;
    }
    bool unnamed = (bits & ~named) != 0 || (bits == 0 && empty_counts);
    return unnamed && index == seen ? &unknown_words : NULL;
}

const struct dlt645_words *dlt645_refusal_words(enum dlt645_refusal_kind kind, uint16_t bits,
                                                unsigned index)
{
    switch (kind) {
    case DLT645_REFUSAL_ERR:
        return bit_words(err_words, bits, index, true);
    case DLT645_REFUSAL_SERR:
        return bit_words(serr_words, bits, index, true);
    case DLT645_REFUSAL_STATUS:
        return bit_words(refused_words, bits, index, true);
    case DLT645_REFUSAL_PRIVATE:
        return code_words(bits, index);
    default:
        return NULL;
    }
}

const struct dlt645_words *dlt645_status_words(uint16_t bits, unsigned index)
{
    return bit_words(done_words, bits, index, false);
}
