/* What CJ/T 188 frames mean. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/cjt188.h"

/* --- names ---------------------------------------------------------------------------------------
 */

struct name {
    uint16_t code;
    const char *en, *zh;
};

static const struct name types[] = {{0x10, "cold water", "冷水表"},
                                    {0x11, "hot water", "热水表"},
                                    {0x12, "drinking water", "直饮水表"},
                                    {0x13, "reclaimed water", "中水表"},
                                    {0x20, "heat", "热量表（计热）"},
                                    {0x21, "cooling", "热量表（计冷）"},
                                    {0x30, "gas", "燃气表"},
                                    {0x40, "electricity", "电能表"},
                                    {0xAA, "any", "任意"}};

static const struct name groups[] = {{0x10, "water", "水表"},
                                     {0x20, "heat", "热量表"},
                                     {0x30, "gas", "燃气表"},
                                     {0x40, "other", "其他"}};

static const struct name identifiers[] = {
    {0x901F, "current metering data", "当前计量数据"},
    {0x8102, "price table", "价格表"},
    {0x8103, "settlement day", "结算日"},
    {0x8104, "reading day", "抄表日"},
    {0x8105, "purchase", "购入金额"},
    {0x8106, "key version", "密钥版本号"},
    {0x810A, "address", "地址"},
    {0xA010, "write price table", "写价格表"},
    {0xA011, "write settlement day", "写结算日"},
    {0xA012, "write reading day", "写抄表日"},
    {0xA013, "write purchase", "写购入金额"},
    {0xA014, "write key", "写新密钥"},
    {0xA015, "write time", "写标准时间"},
    {0xA016, "set accumulated value", "写机电同步数据"},
    {0xA017, "valve", "阀门控制"},
    {0xA018, "write address", "写地址"},
    {0xA019, "leave the factory", "出厂启用"},
};

static const struct name *find(const struct name *list, size_t count, uint16_t code)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].code == code)
            return &list[i];
    return NULL;
}
#define FIND(list, code) find(list, sizeof list / sizeof *list, code)

static const struct name *type_of(uint8_t type)
{
    static const struct name unknown = {0, "unknown", "未知"};
    const struct name *n = FIND(types, type);
    if (!n)
        n = FIND(groups, type & 0xF0);
    return n ? n : &unknown;
}

const char *cjt188_type_en(uint8_t type)
{
    return type_of(type)->en;
}

const char *cjt188_type_zh(uint8_t type)
{
    return type_of(type)->zh;
}

const char *cjt188_function_en(uint8_t control)
{
    switch (control & 0x3F) {
    case 0x01:
        return "read";
    case 0x03:
        return "read address";
    case 0x04:
        return "write";
    case 0x09:
        return "read key version";
    case 0x15:
        return "write address";
    case 0x16:
        return "synchronise";
    case 0x2A: /* of several makers, for A017 alone */
        return "valve";
    default:
        return "unknown";
    }
}

static bool is_history(uint16_t id)
{
    return id >= 0xD120 && id <= 0xD12B;
}

static bool is_identifier(uint16_t id)
{
    return is_history(id) || FIND(identifiers, id) != NULL;
}

uint16_t cjt188_identifier(const struct cjt188_frame *f, bool *swapped)
{
    *swapped = false;
    if (f->len < 3 || (f->control & CJT188_ABNORMAL))
        return 0;
    uint16_t high_first = (uint16_t)(f->data[0] << 8 | f->data[1]);
    uint16_t low_first = (uint16_t)(f->data[1] << 8 | f->data[0]);
    *swapped = !is_identifier(high_first) && is_identifier(low_first);
    return *swapped ? low_first : high_first;
}

const char *cjt188_identifier_en(uint16_t id)
{
    const struct name *n = FIND(identifiers, id);
    return is_history(id) ? "history" : n ? n->en : "unknown";
}

const char *cjt188_identifier_zh(uint16_t id)
{
    const struct name *n = FIND(identifiers, id);
    return is_history(id) ? "历史计量数据" : n ? n->zh : "未知";
}

const char *cjt188_unit(uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *text;
    } units[] = {{0x01, "J"},       {0x02, "Wh"}, {0x05, "kWh"}, {0x08, "MWh"},
                 {0x0A, "100 MWh"}, {0x0B, "kJ"}, {0x0E, "MJ"},  {0x11, "GJ"},
                 {0x13, "100 GJ"},  {0x14, "W"},  {0x17, "kW"},  {0x1A, "MW"},
                 {0x29, "L"},       {0x2C, "m3"}, {0x32, "L/h"}, {0x35, "m3/h"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].code == code)
            return units[i].text;
    return NULL;
}

/* --- fields --------------------------------------------------------------------------------------
 */

struct telling {
    struct reader r;
    say_sink *sink;
    void *arg;
    bool unit_first;
};

static bool take(struct telling *t, size_t len, struct bytes *b)
{
    *b = reader_take(&t->r, len);
    return t->r.err == ERR_OK;
}

static void tell(const struct telling *t, struct say_value *v)
{
    if (!v->unit)
        v->unit = "";
    t->sink(t->arg, v);
}

static void bcd(struct telling *t, const char *en, const char *zh, size_t len, unsigned decimals,
                const char *unit)
{
    struct say_value v = {.en = en, .zh = zh, .unit = unit};
    struct bytes b;
    if (!take(t, len, &b))
        return;
    say_bcd(&v, b, decimals);
    tell(t, &v);
}

/* A value and its unit, which some vendors put before it. */
static void amount(struct telling *t, const char *en, const char *zh, unsigned decimals)
{
    struct say_value v = {.en = en, .zh = zh};
    struct bytes b;
    if (!take(t, 5, &b))
        return;
    uint8_t code = t->unit_first ? b.data[0] : b.data[4];
    say_bcd(&v, (struct bytes){b.data + t->unit_first, 4}, decimals);
    v.unit = cjt188_unit(code);
    if (!v.unit)
        snprintf(v.note, sizeof v.note, "unit %02X", (unsigned)code);
    tell(t, &v);
}

static unsigned two(uint8_t bcd_byte)
{
    return (bcd_byte >> 4) * 10u + (bcd_byte & 15);
}

/* ss mm hh DD MM YY YY, lowest first. A clock that was never set is absent. */
static void clock_of(struct telling *t)
{
    struct say_value v = {.en = "time", .zh = "实时时间"};
    struct bytes b;
    bool unset = true, filled = true, digits = true;
    if (!take(t, 7, &b))
        return;
    for (size_t i = 0; i < 7; i++) {
        unset = unset && b.data[i] == 0;
        filled = filled && b.data[i] == 0xFF;
        digits = digits && (b.data[i] & 15) < 10 && b.data[i] >> 4 < 10;
    }
    struct civil c = {.year = (int32_t)(two(b.data[6]) * 100 + two(b.data[5])),
                      .month = (uint8_t)two(b.data[4]),
                      .day = (uint8_t)two(b.data[3]),
                      .hour = (uint8_t)two(b.data[2]),
                      .minute = (uint8_t)two(b.data[1]),
                      .second = (uint8_t)two(b.data[0])};
    if (unset || filled) {
        v.state = SAY_ABSENT;
    } else if (!digits || !civil_valid(c)) {
        v.state = SAY_DAMAGED;
        say_hex(&v, b);
    } else {
        snprintf(v.text, sizeof v.text, "%04d-%02u-%02u %02u:%02u:%02u", c.year, c.month, c.day,
                 c.hour, c.minute, c.second);
    }
    tell(t, &v);
}

/* The standard's bits; which byte carries them is a vendor's matter, so both are shown. */
static void status(struct telling *t)
{
    static const char *const valves[] = {"open", "closed", "reserved", "fault"};
    static const char *const valves_zh[] = {"阀门状态", "电池电压"};
    struct bytes b;
    if (!take(t, 2, &b))
        return;
    struct say_value v = {.en = "valve", .zh = valves_zh[0]};
    say_text(&v, valves[b.data[0] & 3]);
    tell(t, &v);
    v = (struct say_value){.en = "battery", .zh = valves_zh[1]};
    say_text(&v, b.data[0] & 4 ? "low" : "good");
    tell(t, &v);
    v = (struct say_value){.en = "status", .zh = "状态字"};
    say_hex(&v, b);
    tell(t, &v);
}

static void number(struct telling *t, const char *en, const char *zh)
{
    struct say_value v = {.en = en, .zh = zh};
    uint8_t byte = reader_u8(&t->r);
    if (t->r.err != ERR_OK)
        return;
    say_scaled(&v, byte, 0);
    tell(t, &v);
}

static void raw(struct telling *t, const char *en, const char *zh, size_t len)
{
    struct say_value v = {.en = en, .zh = zh};
    struct bytes b;
    if (!take(t, len, &b) || len == 0)
        return;
    say_hex(&v, b);
    tell(t, &v);
}

static void digits(struct telling *t, const char *en, const char *zh, size_t len)
{
    struct say_value v = {.en = en, .zh = zh};
    struct bytes b;
    uint8_t high_first[8];
    if (!take(t, len, &b) || len > 8)
        return;
    for (size_t i = 0; i < len; i++)
        high_first[i] = b.data[len - 1 - i];
    say_hex(&v, (struct bytes){high_first, len});
    tell(t, &v);
}

/* --- layouts -------------------------------------------------------------------------------------
 */

static void say_water(struct telling *t)
{
    amount(t, "accumulated volume", "当前累积流量", 2);
    amount(t, "volume on the settlement day", "结算日累积流量", 2);
    clock_of(t);
    status(t);
}

static bool unit_at(struct bytes b, size_t at)
{
    return at < b.len && cjt188_unit(b.data[at]) != NULL;
}

/* Five values with units: where the units stand tells the order. */
static bool units_first(struct bytes b)
{
    bool first = true, last = true;
    for (size_t i = 0; i < 5; i++) {
        first = first && unit_at(b, 5 * i);
        last = last && unit_at(b, 5 * i + 4);
    }
    return first && !last;
}

static void say_heat(struct telling *t, bool cooling)
{
    t->unit_first = units_first((struct bytes){t->r.data + t->r.at, reader_left(&t->r)});
    amount(t, "energy on the settlement day", "结算日热量", 2);
    amount(t, cooling ? "cooling energy" : "heat energy", cooling ? "当前冷量" : "当前热量", 2);
    amount(t, "power", "热功率", 2);
    amount(t, "flow", "流量", 4);
    amount(t, "accumulated volume", "累积流量", 2);
    bcd(t, "supply temperature", "供水温度", 3, 2, "degC");
    bcd(t, "return temperature", "回水温度", 3, 2, "degC");
    bcd(t, "working hours", "累积工作时间", 3, 0, "h");
    clock_of(t);
    status(t);
}

static void say_prices(struct telling *t, bool with_day)
{
    bcd(t, "price 1", "价格一", 3, 2, "yuan");
    bcd(t, "quantity 1", "用量一", 3, 0, "");
    bcd(t, "price 2", "价格二", 3, 2, "yuan");
    bcd(t, "quantity 2", "用量二", 3, 0, "");
    bcd(t, "price 3", "价格三", 3, 2, "yuan");
    if (with_day)
        bcd(t, "start day", "启用日期", 1, 0, "");
}

static void say_purchase(struct telling *t)
{
    number(t, "serial number of the purchase", "本次购买序号");
    bcd(t, "amount", "本次购入金额", 4, 2, "yuan");
    if (reader_left(&t->r) == 0)
        return;
    bcd(t, "accumulated amount", "累计购入金额", 4, 2, "yuan");
    bcd(t, "remaining money", "剩余金额", 4, 2, "yuan");
    if (reader_left(&t->r) >= 2)
        status(t);
}

static void say_valve(struct telling *t)
{
    struct say_value v = {.en = "valve", .zh = "阀门"};
    uint8_t byte = reader_u8(&t->r);
    if (t->r.err != ERR_OK)
        return;
    say_text(&v, byte == 0x55   ? "open"
                 : byte == 0x99 ? "close"
                 : byte == 0xAA ? "exercise"
                 : byte == 0x77 ? "half open"
                 : byte == 0x66 ? "open for good"
                                : "unknown");
    snprintf(v.note, sizeof v.note, "%02X", (unsigned)byte);
    tell(t, &v);
}

static enum err say_request(struct telling *t, uint16_t id)
{
    bool write = (id & 0xFF00) == 0xA000 && id != 0xA019;
    if (reader_left(&t->r) == 0) /* a read asks with the identifier alone */
        return write ? ERR_FRAME_LENGTH : ERR_OK;
    switch (id) {
    case 0xA010:
        say_prices(t, true);
        return ERR_OK;
    case 0xA011:
    case 0xA012:
        bcd(t, "day", "日", 1, 0, "");
        return ERR_OK;
    case 0xA013:
        say_purchase(t);
        return ERR_OK;
    case 0xA014:
        number(t, "key version", "密钥版本号");
        raw(t, "key", "密钥", reader_left(&t->r));
        return ERR_OK;
    case 0xA015:
        clock_of(t);
        return ERR_OK;
    case 0xA016:
        amount(t, "accumulated value", "累积量", 2);
        return ERR_OK;
    case 0xA017:
        say_valve(t);
        return ERR_OK;
    case 0xA018:
        digits(t, "new address", "新地址", 7);
        return ERR_OK;
    default:
        raw(t, "data", "数据", reader_left(&t->r));
        return ERR_FRAME_UNKNOWN;
    }
}

static enum err say_answer(struct telling *t, uint16_t id, uint8_t type)
{
    if (is_history(id)) {
        amount(t, "accumulated value", "累积量", 2);
        return ERR_OK;
    }
    switch (id) {
    case 0x901F:
        if ((type & 0xF0) == 0x20)
            say_heat(t, type == 0x21);
        else
            say_water(t);
        return ERR_OK;
    case 0x8102:
        say_prices(t, false);
        return ERR_OK;
    case 0x8103:
    case 0x8104:
        bcd(t, "day", "日", 1, 0, "");
        return ERR_OK;
    case 0x8105:
        say_purchase(t);
        return ERR_OK;
    case 0x8106:
        number(t, "key version", "密钥版本号");
        return ERR_OK;
    case 0x810A:
        if (reader_left(&t->r) >= 7) /* it stands in the frame anyway */
            digits(t, "address", "地址", 7);
        return ERR_OK;
    case 0xA013:
        if (reader_left(&t->r) >= 3)
            number(t, "serial number of the purchase", "本次购买序号");
        status(t);
        return ERR_OK;
    case 0xA010:
    case 0xA011:
    case 0xA012:
    case 0xA014:
    case 0xA015:
    case 0xA016:
    case 0xA017:
    case 0xA018:
    case 0xA019:
        if (reader_left(&t->r) >= 2)
            status(t);
        return ERR_OK;
    default:
        raw(t, "data", "数据", reader_left(&t->r));
        return ERR_FRAME_UNKNOWN;
    }
}

enum err cjt188_say(const struct cjt188_frame *f, say_sink *sink, void *arg)
{
    struct telling t = {.r = reader_of(f->data, f->len), .sink = sink, .arg = arg};
    bool swapped, answer = (f->control & CJT188_ANSWER) != 0;
    uint16_t id = cjt188_identifier(f, &swapped);
    if (f->control & CJT188_ABNORMAL) {
        number(&t, "serial number", "序列号");
        if (reader_left(&t.r) >= 2)
            status(&t);
        return t.r.err == ERR_OK && f->len >= 3 ? ERR_OK : ERR_FRAME_LENGTH;
    }
    if (f->len < 3)
        return ERR_FRAME_LENGTH;
    (void)reader_take(&t.r, 2);
    number(&t, "serial number", "序列号");
    enum err e = answer ? say_answer(&t, id, f->type) : say_request(&t, id);
    if (t.r.err != ERR_OK)
        return ERR_FRAME_LENGTH;
    if (e == ERR_OK && reader_left(&t.r) > 0)
        raw(&t, "more", "其余数据", reader_left(&t.r));
    return e;
}
