#include "proto/mbus_vif.h"

#define ONE(code, en, zh, unit)                                                                    \
    {                                                                                              \
        code, code, en, zh, unit, 0                                                                \
    }
#define SPAN4(code, en, zh, a, b, c, d)                                                            \
    ONE(code, en, zh, a), ONE(code + 1, en, zh, b), ONE(code + 2, en, zh, c),                      \
        ONE(code + 3, en, zh, d)
#define SECONDS(code, en, zh) SPAN4(code, en, zh, "s", "min", "h", "d")
#define HOURS(code, en, zh) SPAN4(code, en, zh, "h", "d", "month", "year")

static const struct mbus_vif_row quantities[] = {
    {0x00, 0x07, "energy", "能量", "Wh", -3},
    {0x08, 0x0F, "energy", "能量", "J", 0},
    {0x10, 0x17, "volume", "体积", "m3", -6},
    {0x18, 0x1F, "mass", "质量", "kg", -3},
    SECONDS(0x20, "on time", "上电时间"),
    SECONDS(0x24, "operating time", "工作时间"),
    {0x28, 0x2F, "power", "功率", "W", -3},
    {0x30, 0x37, "power", "功率", "J/h", 0},
    {0x38, 0x3F, "volume flow", "体积流量", "m3/h", -6},
    {0x40, 0x47, "volume flow", "体积流量", "m3/min", -7},
    {0x48, 0x4F, "volume flow", "体积流量", "m3/s", -9},
    {0x50, 0x57, "mass flow", "质量流量", "kg/h", -3},
    {0x58, 0x5B, "supply temperature", "供水温度", "degC", -3},
    {0x5C, 0x5F, "return temperature", "回水温度", "degC", -3},
    {0x60, 0x63, "temperature difference", "供回水温差", "K", -3},
    {0x64, 0x67, "external temperature", "外部温度", "degC", -3},
    {0x68, 0x6B, "pressure", "压力", "bar", -3},
    ONE(0x6C, "date", "日期", ""),
    ONE(0x6D, "time", "时间", ""),
    ONE(0x6E, "heat cost units", "热分配单位", ""),
    SECONDS(0x70, "averaging time", "平均时间"),
    SECONDS(0x74, "actuality time", "刷新时间"),
    ONE(0x78, "fabrication number", "出厂编号", ""),
    ONE(0x79, "identification", "标识", ""),
    ONE(0x7A, "bus address", "总线地址", ""),
};

static const struct mbus_vif_row after_fd[] = {
    {0x00, 0x03, "credit", "余额", "currency", -3},
    {0x04, 0x07, "debit", "欠额", "currency", -3},
    ONE(0x08, "access number", "访问次数", ""),
    ONE(0x09, "medium", "介质", ""),
    ONE(0x0A, "manufacturer", "厂商", ""),
    ONE(0x0B, "parameter set", "参数集", ""),
    ONE(0x0C, "model", "型号", ""),
    ONE(0x0D, "hardware version", "硬件版本", ""),
    ONE(0x0E, "firmware version", "固件版本", ""),
    ONE(0x0F, "software version", "软件版本", ""),
    ONE(0x10, "customer location", "客户位置", ""),
    ONE(0x11, "customer", "客户", ""),
    ONE(0x12, "access code, user", "访问码（用户）", ""),
    ONE(0x13, "access code, operator", "访问码（操作员）", ""),
    ONE(0x14, "access code, system operator", "访问码（系统操作员）", ""),
    ONE(0x15, "access code, developer", "访问码（开发者）", ""),
    ONE(0x16, "password", "密码", ""),
    ONE(0x17, "error flags", "错误标志", ""),
    ONE(0x18, "error mask", "错误屏蔽", ""),
    ONE(0x19, "security key", "安全密钥", ""),
    ONE(0x1A, "digital output", "开关量输出", ""),
    ONE(0x1B, "digital input", "开关量输入", ""),
    ONE(0x1C, "baud rate", "通信速率", "bit/s"),
    ONE(0x1D, "response delay", "响应延时", "bit times"),
    ONE(0x1E, "retries", "重试次数", ""),
    ONE(0x1F, "remote control", "远程控制", ""),
    ONE(0x20, "first storage number", "首个存储号", ""),
    ONE(0x21, "last storage number", "末个存储号", ""),
    ONE(0x22, "size of storage block", "存储块大小", ""),
    ONE(0x23, "descriptor of tariff and subunit", "费率与子单元描述", ""),
    SECONDS(0x24, "storage interval", "存储间隔"),
    ONE(0x28, "storage interval", "存储间隔", "month"),
    ONE(0x29, "storage interval", "存储间隔", "year"),
    ONE(0x2A, "operator specific data", "运营方数据", ""),
    ONE(0x2B, "time point, second", "时间点（秒）", ""),
    SECONDS(0x2C, "duration since last readout", "距上次读数时间"),
    ONE(0x30, "start of tariff", "费率起始时间", ""),
    ONE(0x31, "duration of tariff", "费率持续时间", "min"),
    ONE(0x32, "duration of tariff", "费率持续时间", "h"),
    ONE(0x33, "duration of tariff", "费率持续时间", "d"),
    SECONDS(0x34, "period of tariff", "费率周期"),
    ONE(0x38, "period of tariff", "费率周期", "month"),
    ONE(0x39, "period of tariff", "费率周期", "year"),
    ONE(0x3A, "dimensionless", "无量纲", ""),
    ONE(0x3B, "wireless data container", "无线数据容器", ""),
    SECONDS(0x3C, "period of nominal transmissions", "标称发送周期"),
    {0x40, 0x4F, "voltage", "电压", "V", -9},
    {0x50, 0x5F, "current", "电流", "A", -12},
    ONE(0x60, "reset counter", "复位次数", ""),
    ONE(0x61, "cumulation counter", "累计次数", ""),
    ONE(0x62, "control signal", "控制信号", ""),
    ONE(0x63, "day of week", "星期", ""),
    ONE(0x64, "week number", "周数", ""),
    ONE(0x65, "time point of day change", "换日时刻", ""),
    ONE(0x66, "state of parameter activation", "参数激活状态", ""),
    ONE(0x67, "special supplier information", "供方特殊信息", ""),
    HOURS(0x68, "duration since last cumulation", "距上次累计时间"),
    HOURS(0x6C, "operating time of battery", "电池工作时间"),
    ONE(0x70, "time of battery change", "电池更换时间", ""),
    ONE(0x71, "radio level", "射频电平", "dBm"),
    ONE(0x72, "daylight saving", "夏令时", ""),
    ONE(0x73, "listening window", "侦听窗口", ""),
    ONE(0x74, "remaining battery life", "电池剩余寿命", "d"),
    ONE(0x75, "stops of the meter", "表计停走次数", ""),
    ONE(0x76, "manufacturer's data container", "厂商数据容器", ""),
};

static const struct mbus_vif_row after_fb[] = {
    {0x00, 0x01, "energy", "能量", "MWh", -1},
    {0x02, 0x03, "reactive energy", "无功电能", "kvarh", 0},
    {0x04, 0x05, "apparent energy", "视在电能", "kVAh", 0},
    {0x08, 0x09, "energy", "能量", "GJ", -1},
    {0x0C, 0x0F, "energy", "能量", "Mcal", -1},
    {0x10, 0x11, "volume", "体积", "m3", 2},
    {0x14, 0x17, "reactive power", "无功功率", "kvar", -3},
    {0x18, 0x19, "mass", "质量", "t", 2},
    {0x1A, 0x1B, "relative humidity", "相对湿度", "%", -1},
    {0x20, 0x20, "volume", "体积", "ft3", 0},
    {0x21, 0x21, "volume", "体积", "ft3", -1},
    {0x22, 0x22, "volume", "体积", "US gal", -1},
    {0x23, 0x23, "volume", "体积", "US gal", 0},
    {0x24, 0x24, "volume flow", "体积流量", "US gal/min", -3},
    {0x25, 0x25, "volume flow", "体积流量", "US gal/min", 0},
    {0x26, 0x26, "volume flow", "体积流量", "US gal/h", 0},
    {0x28, 0x29, "power", "功率", "MW", -1},
    {0x2A, 0x2A, "phase angle, voltage to voltage", "电压相角", "deg", -1},
    {0x2B, 0x2B, "phase angle, voltage to current", "电压电流相角", "deg", -1},
    {0x2C, 0x2F, "frequency", "频率", "Hz", -3},
    {0x30, 0x31, "power", "功率", "GJ/h", -1},
    {0x34, 0x37, "apparent power", "视在功率", "kVA", -3},
    {0x58, 0x5B, "supply temperature", "供水温度", "degF", -3},
    {0x5C, 0x5F, "return temperature", "回水温度", "degF", -3},
    {0x60, 0x63, "temperature difference", "供回水温差", "degF", -3},
    {0x64, 0x67, "external temperature", "外部温度", "degF", -3},
    {0x70, 0x73, "temperature limit", "温度限值", "degF", -3},
    {0x74, 0x77, "temperature limit", "温度限值", "degC", -3},
    {0x78, 0x7F, "cumulated maximum power", "累计最大功率", "W", -3},
};

static const struct mbus_vif_row *find(const struct mbus_vif_row *list, size_t count, uint8_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= list[i].from && code <= list[i].to)
            return &list[i];
    return NULL;
}
#define FIND(list, code) find(list, sizeof list / sizeof *list, code)

const struct mbus_vif_row *mbus_vif_of(struct bytes vif, uint8_t *code, size_t *used)
{
    *used = 1;
    *code = vif.data[0] & 0x7F;
    if (vif.data[0] != 0xFD && vif.data[0] != 0xFB)
        return FIND(quantities, *code);
    if (vif.len < 2)
        return NULL;
    *used = 2;
    *code = vif.data[1] & 0x7F;
    return vif.data[0] == 0xFD ? FIND(after_fd, *code) : FIND(after_fb, *code);
}

/* --- extensions ----------------------------------------------------------------------------------
 */

#define NOTE(code, en)                                                                             \
    {                                                                                              \
        code, code, MBUS_VIFE_NOTE, 0, en, ""                                                      \
    }
#define ERROR(code, en)                                                                            \
    {                                                                                              \
        code, code, MBUS_VIFE_ERROR, 0, en, ""                                                     \
    }
#define COUNT(code, en)                                                                            \
    {                                                                                              \
        code, code, MBUS_VIFE_COUNT, 0, en, ""                                                     \
    }
#define DATE(code, en)                                                                             \
    {                                                                                              \
        code, code, MBUS_VIFE_DATE, 0, en, ""                                                      \
    }
#define DURATION(code, en, unit)                                                                   \
    {                                                                                              \
        code, code, MBUS_VIFE_DURATION, 0, en, unit                                                \
    }
#define DURATIONS(code, en)                                                                        \
    DURATION(code, en, "s"), DURATION(code + 1, en, "min"), DURATION(code + 2, en, "h"),           \
        DURATION(code + 3, en, "d")

static const struct mbus_vife_row extensions[] = {
    NOTE(0x00, "no error"),
    ERROR(0x01, "too many DIFEs"),
    ERROR(0x02, "storage number not there"),
    ERROR(0x03, "unit number not there"),
    ERROR(0x04, "tariff number not there"),
    ERROR(0x05, "function not there"),
    ERROR(0x06, "data class not there"),
    ERROR(0x07, "data size not there"),
    ERROR(0x0B, "too many VIFEs"),
    ERROR(0x0C, "illegal VIF group"),
    ERROR(0x0D, "illegal VIF exponent"),
    ERROR(0x0E, "VIF and DIF do not match"),
    ERROR(0x0F, "action not there"),
    ERROR(0x15, "no data available"),
    ERROR(0x16, "data overflow"),
    ERROR(0x17, "data underflow"),
    ERROR(0x18, "data error"),
    ERROR(0x1C, "premature end of record"),
    NOTE(0x20, "per second"),
    NOTE(0x21, "per minute"),
    NOTE(0x22, "per hour"),
    NOTE(0x23, "per day"),
    NOTE(0x24, "per week"),
    NOTE(0x25, "per month"),
    NOTE(0x26, "per year"),
    NOTE(0x27, "per revolution"),
    NOTE(0x28, "per input pulse, channel 0"),
    NOTE(0x29, "per input pulse, channel 1"),
    NOTE(0x2A, "per output pulse, channel 0"),
    NOTE(0x2B, "per output pulse, channel 1"),
    NOTE(0x2C, "per litre"),
    NOTE(0x2D, "per m3"),
    NOTE(0x2E, "per kg"),
    NOTE(0x2F, "per K"),
    NOTE(0x30, "per kWh"),
    NOTE(0x31, "per GJ"),
    NOTE(0x32, "per kW"),
    NOTE(0x33, "per K l"),
    NOTE(0x34, "per V"),
    NOTE(0x35, "per A"),
    NOTE(0x36, "times s"),
    NOTE(0x37, "times s/V"),
    NOTE(0x38, "times s/A"),
    DATE(0x39, "start of"),
    NOTE(0x3A, "uncorrected"),
    NOTE(0x3B, "positive only"),
    NOTE(0x3C, "negative only, absolute"),
    NOTE(0x3E, "at base conditions"),
    NOTE(0x40, "lower limit"),
    COUNT(0x41, "exceeds of the lower limit"),
    DATE(0x42, "begin of first, lower limit"),
    DATE(0x43, "end of first, lower limit"),
    DATE(0x46, "begin of last, lower limit"),
    DATE(0x47, "end of last, lower limit"),
    NOTE(0x48, "upper limit"),
    COUNT(0x49, "exceeds of the upper limit"),
    DATE(0x4A, "begin of first, upper limit"),
    DATE(0x4B, "end of first, upper limit"),
    DATE(0x4E, "begin of last, upper limit"),
    DATE(0x4F, "end of last, upper limit"),
    DURATIONS(0x50, "duration of first, lower limit"),
    DURATIONS(0x54, "duration of last, lower limit"),
    DURATIONS(0x58, "duration of first, upper limit"),
    DURATIONS(0x5C, "duration of last, upper limit"),
    DURATIONS(0x60, "duration of first"),
    DURATIONS(0x64, "duration of last"),
    NOTE(0x68, "while below the lower limit"),
    NOTE(0x69, "leakage"),
    DATE(0x6A, "begin of first"),
    DATE(0x6B, "end of first"),
    NOTE(0x6C, "while above the upper limit"),
    NOTE(0x6D, "overflow"),
    DATE(0x6E, "begin of last"),
    DATE(0x6F, "end of last"),
    {0x70, 0x77, MBUS_VIFE_FACTOR, -6, "", ""},
    {0x7D, 0x7D, MBUS_VIFE_FACTOR, 3, "", ""},
    NOTE(0x7E, "future value"),
    {0x7F, 0x7F, MBUS_VIFE_MAKER, 0, "manufacturer's extension", ""},
};

/* Behind FC. */
static const struct mbus_vife_row combined[] = {
    NOTE(0x01, "phase L1"),
    NOTE(0x02, "phase L2"),
    NOTE(0x03, "phase L3"),
    NOTE(0x04, "neutral"),
    NOTE(0x05, "L1 to L2"),
    NOTE(0x06, "L2 to L3"),
    NOTE(0x07, "L3 to L1"),
    NOTE(0x08, "quadrant 1"),
    NOTE(0x09, "quadrant 2"),
    NOTE(0x0A, "quadrant 3"),
    NOTE(0x0B, "quadrant 4"),
    NOTE(0x0C, "import less export"),
    NOTE(0x10, "absolute, both directions"),
    NOTE(0x13, "to the meter"),
    NOTE(0x14, "from the meter"),
};

static const struct mbus_vife_row *find_extension(const struct mbus_vife_row *list, size_t count,
                                                  uint8_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= list[i].from && code <= list[i].to)
            return &list[i];
    return NULL;
}

static uint8_t take(struct bytes *rest)
{
    uint8_t byte = rest->data[0] & 0x7F;
    *rest = (struct bytes){rest->data + 1, rest->len - 1};
    return byte;
}

bool mbus_vife_next(struct bytes *rest, const struct mbus_vife_row **row, uint8_t *code,
                    bool *known)
{
    if (rest->len == 0)
        return false;
    bool combinable = (rest->data[0] & 0x7F) == 0x7C && rest->len > 1;
    if (combinable)
        (void)take(rest);
    *code = take(rest);
    *row = combinable ? find_extension(combined, sizeof combined / sizeof *combined, *code)
                      : find_extension(extensions, sizeof extensions / sizeof *extensions, *code);
    *known = *known && *row;
    return *row != NULL;
}
