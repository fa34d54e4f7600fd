#include "app/gateway/gateway_words.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

static const struct {
    enum meter_point point;
    const char *en, *zh;
    uint8_t decimals; /* of the unit shown */
    const char *unit;
} words[] = {
    {POINT_ENERGY_WH, "energy", "正向有功总电能", 3, "kWh"},
    {POINT_ENERGY_RATE1_WH, "energy, sharp", "尖电能", 3, "kWh"},
    {POINT_ENERGY_RATE2_WH, "energy, peak", "峰电能", 3, "kWh"},
    {POINT_ENERGY_RATE3_WH, "energy, flat", "平电能", 3, "kWh"},
    {POINT_ENERGY_RATE4_WH, "energy, valley", "谷电能", 3, "kWh"},
    {POINT_ENERGY_RATE5_WH, "energy, deep valley", "深谷电能", 3, "kWh"},
    {POINT_REVERSE_WH, "energy, reverse", "反向有功总电能", 3, "kWh"},
    {POINT_REACTIVE_VARH, "energy, reactive", "无功总电能", 3, "kvarh"},
    {POINT_POWER_W, "power", "有功功率", 0, "W"},
    {POINT_VOLTAGE_DV, "voltage A", "A 相电压", 1, "V"},
    {POINT_VOLTAGE_B_DV, "voltage B", "B 相电压", 1, "V"},
    {POINT_VOLTAGE_C_DV, "voltage C", "C 相电压", 1, "V"},
    {POINT_CURRENT_MA, "current A", "A 相电流", 3, "A"},
    {POINT_CURRENT_B_MA, "current B", "B 相电流", 3, "A"},
    {POINT_CURRENT_C_MA, "current C", "C 相电流", 3, "A"},
    {POINT_FREQUENCY_CHZ, "frequency", "频率", 2, "Hz"},
    {POINT_POWER_FACTOR_M, "power factor", "功率因数", 3, ""},
    {POINT_BALANCE_FEN, "balance", "剩余金额", 2, "CNY"},
    {POINT_PURCHASE_COUNT, "purchases", "购电次数", 0, ""},
    {POINT_PURCHASED_FEN, "purchased", "累计购电金额", 2, "CNY"},
    {POINT_VOLUME_L, "volume", "累计流量", 3, "m3"},
    {POINT_HEAT_WH, "heat", "累计热量", 3, "kWh"},
    {POINT_COOLING_WH, "cooling", "累计冷量", 3, "kWh"},
    {POINT_FLOW_LH, "flow", "瞬时流量", 3, "m3/h"},
    {POINT_SUPPLY_CDEG, "supply", "供水温度", 2, "degC"},
    {POINT_RETURN_CDEG, "return", "回水温度", 2, "degC"},
    {POINT_THERMAL_W, "thermal power", "热功率", 3, "kW"},
    {POINT_RELAY_OPEN, "relay", "继电器/阀门", 0, ""},
    {POINT_ALARM_LEVEL, "alarm level", "报警级别", 0, ""},
    {POINT_KEEP_POWER, "keep power", "保电", 0, ""},
    {POINT_OPEN_REASON, "reason for open", "断开原因", 0, ""},
    {POINT_CIRCUIT_REASONS, "reasons, circuits", "各回路断开原因", 0, ""},
    {POINT_CLOCK_S, "clock", "表内时钟", 0, ""},
    {POINT_VALVE, "valve", "阀门", 0, ""},
    {POINT_BATTERY_LOW, "battery", "电池", 0, ""},
    {POINT_FAULT_BITS, "fault bits", "故障位", 0, ""},
    {POINT_WORK_H, "hours at work", "工作时间", 0, "h"},
    {POINT_CIRCUIT1_WH, "energy, circuit 1", "回路 1 电能", 3, "kWh"},
    {POINT_CIRCUIT2_WH, "energy, circuit 2", "回路 2 电能", 3, "kWh"},
    {POINT_CIRCUIT3_WH, "energy, circuit 3", "回路 3 电能", 3, "kWh"},
    {POINT_CIRCUIT1_W, "power, circuit 1", "回路 1 功率", 0, "W"},
    {POINT_CIRCUIT2_W, "power, circuit 2", "回路 2 功率", 0, "W"},
    {POINT_CIRCUIT3_W, "power, circuit 3", "回路 3 功率", 0, "W"},
};

static size_t find(enum meter_point p)
{
    size_t i = 0;
    while (i < sizeof words / sizeof words[0] && words[i].point != p)
        i++;
    return i;
}

const char *point_words(enum meter_point p, bool chinese)
{
    static char number[24];
    size_t i = find(p);
    if (i < sizeof words / sizeof words[0])
        return chinese ? words[i].zh : words[i].en;
    snprintf(number, sizeof number, "%d", (int)p);
    return number;
}

static bool state_text(enum meter_point p, int64_t value, bool chinese, char *out, size_t cap)
{
    static const struct {
        enum meter_point point;
        int64_t value;
        const char *en, *zh;
    } states[] = {
        {POINT_KEEP_POWER, 0, "off", "否"},
        {POINT_KEEP_POWER, 1, "on", "是"},
        {POINT_BATTERY_LOW, 0, "good", "正常"},
        {POINT_BATTERY_LOW, 1, "low", "欠压"},
        {POINT_RELAY_OPEN, 0, "closed: supplied", "闭合（供电/供水）"},
        {POINT_VALVE, METER_VALVE_OPEN, "open", "开"},
        {POINT_VALVE, METER_VALVE_CLOSED, "closed", "关"},
        {POINT_VALVE, METER_VALVE_MOVING, "moving", "动作中"},
        {POINT_VALVE, METER_VALVE_FAULT, "fault", "故障"},
    };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i].point == p && states[i].value == value) {
            snprintf(out, cap, "%s", chinese ? states[i].zh : states[i].en);
            return true;
        }
    if (p == POINT_RELAY_OPEN) {
        snprintf(out, cap,
                 chinese ? "断开（回路位 %" PRId64 "）" : "open (circuits, by bit: %" PRId64 ")",
                 value);
        return true;
    }
    if (p == POINT_CIRCUIT_REASONS) { /* a byte for each circuit */
        snprintf(out, cap, "%d, %d, %d", (int)(value & 0xFF), (int)(value >> 8 & 0xFF),
                 (int)(value >> 16 & 0xFF));
        return true;
    }
    if (p == POINT_CLOCK_S) {
        struct civil c = civil_from_wall((wall_s){value}, 0);
        snprintf(out, cap, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
                 c.minute, c.second);
        return true;
    }
    return false;
}

void point_value_text(enum meter_point p, int64_t value, bool chinese, char *out, size_t cap)
{
    size_t i = find(p);
    bool known = i < sizeof words / sizeof words[0];
    uint8_t decimals = known ? words[i].decimals : 0;
    int64_t divide = 1, magnitude = value < 0 ? -value : value;
    if (state_text(p, value, chinese, out, cap))
        return;
    for (uint8_t k = 0; k < decimals; k++)
        divide *= 10;
    int len = snprintf(out, cap, "%s%" PRId64, value < 0 ? "-" : "", magnitude / divide);
    if (decimals > 0 && len > 0 && (size_t)len < cap)
        len += snprintf(out + len, cap - (size_t)len, ".%0*" PRId64, decimals, magnitude % divide);
    if (known && words[i].unit[0] && len > 0 && (size_t)len < cap)
        snprintf(out + len, cap - (size_t)len, " %s", words[i].unit);
}
