/* What M-Bus frames mean. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/mbus.h"

/* --- the head ------------------------------------------------------------------------------------
 */

void mbus_manufacturer_text(uint16_t manufacturer, char out[4])
{
    out[0] = (char)((manufacturer >> 10 & 31) + 64);
    out[1] = (char)((manufacturer >> 5 & 31) + 64);
    out[2] = (char)((manufacturer & 31) + 64);
    out[3] = '\0';
}

static const struct {
    uint8_t code;
    const char *en, *zh;
} media[] = {{0x00, "other", "其他"},
             {0x01, "oil", "油"},
             {0x02, "electricity", "电"},
             {0x03, "gas", "燃气"},
             {0x04, "heat (outlet)", "热量(回水管)"},
             {0x05, "steam", "蒸汽"},
             {0x06, "warm water", "温水"},
             {0x07, "water", "水"},
             {0x08, "heat cost allocator", "热分配表"},
             {0x09, "compressed air", "压缩空气"},
             {0x0A, "cooling (outlet)", "冷量(回水管)"},
             {0x0B, "cooling (inlet)", "冷量(供水管)"},
             {0x0C, "heat (inlet)", "热量(供水管)"},
             {0x0D, "heat and cooling", "冷热量"},
             {0x0E, "bus or system", "总线/系统"},
             {0x15, "hot water", "热水"},
             {0x16, "cold water", "冷水"},
             {0x17, "hot and cold water", "冷热水"},
             {0x18, "pressure", "压力"}};

static size_t medium_at(uint8_t medium)
{
    size_t i = 0;
    while (i < sizeof media / sizeof *media && media[i].code != medium)
        i++;
    return i;
}

const char *mbus_medium_en(uint8_t medium)
{
    size_t i = medium_at(medium);
    return i < sizeof media / sizeof *media ? media[i].en : "unknown";
}

const char *mbus_medium_zh(uint8_t medium)
{
    size_t i = medium_at(medium);
    return i < sizeof media / sizeof *media ? media[i].zh : "未知";
}

const char *mbus_function_en(const struct mbus_frame *f)
{
    if (f->kind == MBUS_ACK)
        return "acknowledge";
    switch (f->control & ~MBUS_FCB & 0x4F) {
    case 0x40:
        return "initialise the link";
    case 0x43:
        return "send data";
    case 0x4B:
        return "request data";
    case 0x4A:
        return "request alarm";
    default:
        return (f->control & 0x4F) == 0x08 ? "answer with data" : "unknown";
    }
}

/* --- what a VIF names ----------------------------------------------------------------------------
 */

struct quantity {
    uint8_t from, to; /* VIF without its extension bit */
    const char *en, *zh, *unit;
    int exponent; /* of the first one; each further one is ten times as much */
};

static const struct quantity quantities[] = {
    {0x00, 0x07, "energy", "能量", "Wh", -3},
    {0x08, 0x0F, "energy", "能量", "J", 0},
    {0x10, 0x17, "volume", "体积", "m3", -6},
    {0x18, 0x1F, "mass", "质量", "kg", -3},
    {0x20, 0x20, "on time", "上电时间", "s", 0},
    {0x21, 0x21, "on time", "上电时间", "min", 0},
    {0x22, 0x22, "on time", "上电时间", "h", 0},
    {0x23, 0x23, "on time", "上电时间", "d", 0},
    {0x24, 0x24, "operating time", "工作时间", "s", 0},
    {0x25, 0x25, "operating time", "工作时间", "min", 0},
    {0x26, 0x26, "operating time", "工作时间", "h", 0},
    {0x27, 0x27, "operating time", "工作时间", "d", 0},
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
    {0x6C, 0x6C, "date", "日期", "", 0},
    {0x6D, 0x6D, "time", "时间", "", 0},
    {0x6E, 0x6E, "heat cost units", "热分配单位", "", 0},
    {0x70, 0x70, "averaging time", "平均时间", "s", 0},
    {0x71, 0x71, "averaging time", "平均时间", "min", 0},
    {0x72, 0x72, "averaging time", "平均时间", "h", 0},
    {0x73, 0x73, "averaging time", "平均时间", "d", 0},
    {0x74, 0x74, "actuality time", "刷新时间", "s", 0},
    {0x75, 0x75, "actuality time", "刷新时间", "min", 0},
    {0x76, 0x76, "actuality time", "刷新时间", "h", 0},
    {0x77, 0x77, "actuality time", "刷新时间", "d", 0},
    {0x78, 0x78, "fabrication number", "出厂编号", "", 0},
    {0x79, 0x79, "identification", "标识", "", 0},
    {0x7A, 0x7A, "bus address", "总线地址", "", 0},
};

static const struct quantity after_fd[] = {
    {0x08, 0x08, "access number", "访问次数", "", 0},
    {0x09, 0x09, "medium", "介质", "", 0},
    {0x0A, 0x0A, "manufacturer", "厂商", "", 0},
    {0x0B, 0x0B, "parameter set", "参数集", "", 0},
    {0x0C, 0x0C, "model", "型号", "", 0},
    {0x0D, 0x0D, "hardware version", "硬件版本", "", 0},
    {0x0E, 0x0E, "firmware version", "固件版本", "", 0},
    {0x0F, 0x0F, "software version", "软件版本", "", 0},
    {0x10, 0x10, "customer location", "客户位置", "", 0},
    {0x11, 0x11, "customer", "客户", "", 0},
    {0x17, 0x17, "error flags", "错误标志", "", 0},
    {0x1A, 0x1A, "digital output", "开关量输出", "", 0},
    {0x1B, 0x1B, "digital input", "开关量输入", "", 0},
    {0x3A, 0x3A, "dimensionless", "无量纲", "", 0},
    {0x40, 0x4F, "voltage", "电压", "V", -9},
    {0x50, 0x5F, "current", "电流", "A", -12},
    {0x60, 0x60, "reset counter", "复位次数", "", 0},
    {0x61, 0x61, "cumulation counter", "累计次数", "", 0},
};

static const struct quantity after_fb[] = {
    {0x00, 0x01, "energy", "能量", "MWh", -1}, {0x08, 0x09, "energy", "能量", "GJ", -1},
    {0x10, 0x11, "volume", "体积", "m3", 2},   {0x18, 0x19, "mass", "质量", "t", 2},
    {0x28, 0x29, "power", "功率", "MW", -1},   {0x30, 0x31, "power", "功率", "GJ/h", -1},
};

static const struct quantity *find(const struct quantity *list, size_t count, uint8_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= list[i].from && code <= list[i].to)
            return &list[i];
    return NULL;
}
#define FIND(list, code) find(list, sizeof list / sizeof *list, code)

/* *code: the byte that was found, *used: how many bytes of the VIF say it. */
static const struct quantity *quantity_of(struct bytes vif, uint8_t *code, size_t *used)
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

/* --- values --------------------------------------------------------------------------------------
 */

static int64_t integer_of(struct bytes b)
{
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v |= (uint64_t)b.data[i] << 8 * i;
    if (b.len > 0 && b.len < 8 && b.data[b.len - 1] & 0x80)
        v |= UINT64_MAX << 8 * b.len;
    return (int64_t)v;
}

/* Digits; an F on top is a minus sign. */
static bool bcd_of(struct bytes b, int64_t *out)
{
    uint8_t room[8];
    bool minus = b.data[b.len - 1] >> 4 == 0xF;
    memcpy(room, b.data, b.len);
    if (minus)
        room[b.len - 1] &= 0x0F;
    struct reader r = reader_of(room, b.len);
    uint64_t v = reader_bcd_le(&r, b.len);
    *out = minus ? -(int64_t)v : (int64_t)v;
    return r.err == ERR_OK;
}

/* Years 81 and above are of the last century. */
static int32_t year_of(unsigned w)
{
    int32_t y = (int32_t)((w >> 5 & 7) | (w >> 9 & 0x78));
    return y + (y > 80 ? 1900 : 2000);
}

static void say_date(struct say_value *v, struct bytes b)
{
    unsigned w = b.data[0] | (unsigned)b.data[1] << 8;
    struct civil c = {.year = year_of(w), .month = w >> 8 & 15, .day = w & 31};
    if (w == 0 || w == 0xFFFF)
        v->state = SAY_ABSENT;
    else if (!civil_valid(c)) {
        v->state = SAY_DAMAGED;
        say_hex(v, b);
    } else
        snprintf(v->text, sizeof v->text, "%04d-%02u-%02u", c.year, c.month, c.day);
}

static struct civil civil_of(struct bytes b)
{
    unsigned d = b.data[2] | (unsigned)b.data[3] << 8;
    return (struct civil){.year = year_of(d),
                          .month = d >> 8 & 15,
                          .day = d & 31,
                          .hour = b.data[1] & 31,
                          .minute = b.data[0] & 63};
}

static void say_time(struct say_value *v, struct bytes b)
{
    struct civil c = civil_of(b);
    if (b.data[0] & 0x80 || !civil_valid(c)) {
        v->state = b.data[0] & 0x80 ? SAY_ABSENT : SAY_DAMAGED;
        if (v->state == SAY_DAMAGED)
            say_hex(v, b);
        return;
    }
    snprintf(v->text, sizeof v->text, "%04d-%02u-%02u %02u:%02u", c.year, c.month, c.day, c.hour,
             c.minute);
}

/* A real of 32 bits, to six decimals, with whole numbers only. */
static void say_real(struct say_value *v, struct bytes b, int exponent)
{
    uint32_t w = (uint32_t)integer_of(b);
    int e = (int)(w >> 23 & 0xFF) - 150;
    uint64_t m = (w & 0x7FFFFF) | (w >> 23 & 0xFF ? 0x800000u : 0u);
    if ((w >> 23 & 0xFF) == 0xFF || e > 30) {
        v->state = SAY_DAMAGED;
        say_hex(v, b);
        return;
    }
    uint64_t millionths = e >= 0    ? (m << (e > 20 ? 20 : e)) * 1'000'000
                          : e > -60 ? m * 1'000'000 >> -e
                                    : 0;
    say_scaled(v, w >> 31 ? -(int64_t)millionths : (int64_t)millionths, exponent - 6);
}

static bool is_text(const struct mbus_record *m)
{
    return m->data_field == 0x0D;
}

static void say_string(struct say_value *v, struct bytes b)
{
    size_t n = b.len < sizeof v->text - 1 ? b.len : sizeof v->text - 1;
    for (size_t i = 0; i < n; i++) { /* the last character stands first */
        uint8_t c = b.data[b.len - 1 - i];
        v->text[i] = c >= 0x20 && c < 0x7F ? (char)c : '.';
    }
    v->text[n] = '\0';
}

static void say_number(struct say_value *v, const struct mbus_record *m, int exponent)
{
    int64_t number;
    if (m->data_field == 5) {
        say_real(v, m->value, exponent);
    } else if (m->data_field >= 9 && m->data_field != 0x0D) {
        if (bcd_of(m->value, &number)) {
            say_scaled(v, number, exponent);
        } else {
            v->state = SAY_DAMAGED;
            say_hex(v, m->value);
        }
    } else {
        say_scaled(v, integer_of(m->value), exponent);
    }
}

static void note_place(struct say_value *v, const struct mbus_record *m)
{
    static const char *const functions[] = {"", "maximum", "minimum", "invalid"};
    size_t n = 0;
    if (m->function != MBUS_NOW)
        n += (size_t)snprintf(v->note, sizeof v->note, "%s", functions[m->function]);
    const struct {
        const char *name;
        uint32_t value;
    } places[] = {{"storage", m->storage}, {"tariff", m->tariff}, {"subunit", m->subunit}};
    for (size_t i = 0; i < 3; i++)
        if (places[i].value && n < sizeof v->note)
            n += (size_t)snprintf(v->note + n, sizeof v->note - n, "%s%s %u", n ? ", " : "",
                                  places[i].name, (unsigned)places[i].value);
}

static void fill(struct say_value *v, const struct mbus_record *m)
{
    uint8_t code;
    size_t used;
    const struct quantity *q = quantity_of(m->vif, &code, &used);
    bool plain = (m->vif.data[0] & 0x7F) == 0x7C || (m->vif.data[0] & 0x7F) == 0x7F;
    /* an extension that nobody here knows may change what the number means: it stays as it is */
    if (!q || plain || m->vif.len > used) {
        v->en = q && !plain ? q->en : "unknown";
        v->zh = q && !plain ? q->zh : "未知";
        say_hex(v, m->value);
        char hex[26];
        hex_encode(m->vif.data, m->vif.len < 12 ? m->vif.len : 12, hex);
        snprintf(v->note, sizeof v->note, "VIF %s", hex);
        return;
    }
    v->en = q->en;
    v->zh = q->zh;
    v->unit = q->unit;
    note_place(v, m);
    if (is_text(m))
        say_string(v, m->value);
    else if (m->value.len == 0)
        v->state = SAY_ABSENT;
    else if (used == 1 && code == 0x6C && m->value.len == 2)
        say_date(v, m->value);
    else if (used == 1 && code == 0x6D && m->value.len == 4)
        say_time(v, m->value);
    else
        say_number(v, m, q->exponent + (code - q->from));
    if (m->function == MBUS_INVALID)
        v->state = SAY_ABSENT;
}

/* --- for drivers ---------------------------------------------------------------------------------
 */

bool mbus_quantity_of(const struct mbus_record *m, struct mbus_quantity *out)
{
    uint8_t code;
    size_t used;
    if (m->special || m->vif.len == 0)
        return false;
    const struct quantity *q = quantity_of(m->vif, &code, &used);
    bool plain = (m->vif.data[0] & 0x7F) == 0x7C || (m->vif.data[0] & 0x7F) == 0x7F;
    if (!q || plain || m->vif.len > used)
        return false;
    *out = (struct mbus_quantity){q->en, q->zh, q->unit, q->exponent + (code - q->from)};
    return true;
}

static enum err real_of(struct bytes b, int64_t *millionths)
{
    uint32_t w = (uint32_t)integer_of(b);
    int e = (int)(w >> 23 & 0xFF) - 150;
    uint64_t m = (w & 0x7FFFFF) | (w >> 23 & 0xFF ? 0x800000u : 0u);
    if ((w >> 23 & 0xFF) == 0xFF || e > 18)
        return ERR_RANGE;
    uint64_t size = e >= 0 ? m << e : e > -64 ? m * 1'000'000 >> -e : 0;
    if (e >= 0 && size > INT64_MAX / 1'000'000)
        return ERR_RANGE;
    size *= e >= 0 ? 1'000'000 : 1;
    *millionths = w >> 31 ? -(int64_t)size : (int64_t)size;
    return ERR_OK;
}

enum err mbus_number(const struct mbus_record *m, int64_t *number, int *exponent)
{
    *exponent = 0;
    if (m->function == MBUS_INVALID || m->value.len == 0)
        return ERR_STATE;
    if (is_text(m) || m->special)
        return ERR_FRAME_UNKNOWN;
    if (m->data_field == 5) {
        *exponent = -6;
        return real_of(m->value, number);
    }
    if (m->data_field >= 9)
        return bcd_of(m->value, number) ? ERR_OK : ERR_BCD;
    *number = integer_of(m->value);
    return ERR_OK;
}

enum err mbus_time(const struct mbus_record *m, struct civil *time)
{
    if (m->vif.len != 1 || m->vif.data[0] != 0x6D || m->value.len != 4)
        return ERR_FRAME_UNKNOWN;
    if (m->function == MBUS_INVALID || m->value.data[0] & 0x80)
        return ERR_STATE;
    *time = civil_of(m->value);
    return civil_valid(*time) ? ERR_OK : ERR_RANGE;
}

static void say_record(const struct mbus_record *m, say_sink *sink, void *arg)
{
    struct say_value v = {.unit = ""};
    if (m->special) {
        v.en = m->more_follows ? "more telegrams follow" : "manufacturer's data";
        v.zh = m->more_follows ? "还有后续报文" : "厂商自定义数据";
        say_hex(&v, m->value);
    } else if (m->vif.len == 0) {
        return;
    } else {
        fill(&v, m);
    }
    sink(arg, &v);
}

/* --- a frame -------------------------------------------------------------------------------------
 */

static void say_status(uint8_t status, say_sink *sink, void *arg)
{
    static const struct {
        uint8_t mask, value;
        const char *en;
    } bits[] = {{3, 1, "busy"},
                {3, 2, "application error"},
                {4, 4, "power low"},
                {8, 8, "permanent error"},
                {16, 16, "temporary error"}};
    struct say_value v = {.en = "status", .zh = "状态", .unit = ""};
    size_t n = 0;
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if ((status & bits[i].mask) == bits[i].value && n < sizeof v.text)
            n += (size_t)snprintf(v.text + n, sizeof v.text - n, "%s%s", n ? ", " : "", bits[i].en);
    if (n == 0)
        say_text(&v, "good");
    snprintf(v.note, sizeof v.note, "%02X", (unsigned)status);
    sink(arg, &v);
}

/* Who is called by secondary address; F and FF are wild. */
static enum err say_select(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    if (f->len < 8)
        return ERR_FRAME_LENGTH;
    struct say_value v = {.en = "selected meter", .zh = "选择的表号", .unit = ""};
    say_hex(&v, (struct bytes){(uint8_t[]){f->data[3], f->data[2], f->data[1], f->data[0]}, 4});
    sink(arg, &v);
    v = (struct say_value){.en = "manufacturer", .zh = "厂商", .unit = ""};
    uint16_t code = (uint16_t)(f->data[4] | f->data[5] << 8);
    char letters[4];
    mbus_manufacturer_text(code, letters);
    say_text(&v, code == 0xFFFF ? "any" : letters);
    sink(arg, &v);
    v = (struct say_value){.en = "version", .zh = "版本", .unit = ""};
    say_hex(&v, (struct bytes){f->data + 6, 1});
    sink(arg, &v);
    v = (struct say_value){.en = "medium", .zh = "介质", .unit = ""};
    say_text(&v, f->data[7] == 0xFF ? "any" : mbus_medium_en(f->data[7]));
    snprintf(v.note, sizeof v.note, "%02X", (unsigned)f->data[7]);
    sink(arg, &v);
    return ERR_OK;
}

static enum err say_other(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "data", .zh = "数据", .unit = ""};
    if (f->kind != MBUS_LONG)
        return ERR_OK;
    if (f->ci == 0x72)
        return ERR_FRAME_LENGTH; /* shorter than its head */
    if (f->ci == 0x52)
        return say_select(f, sink, arg);
    if (f->ci >= 0xB8 && f->ci <= 0xBD && f->len == 0) {
        v = (struct say_value){.en = "baud rate", .zh = "通信速率", .unit = ""};
        say_scaled(&v, 300 << (f->ci - 0xB8), 0);
        sink(arg, &v);
        return ERR_OK;
    }
    if (f->ci == 0x50 || f->len == 0) {
        v = (struct say_value){.en = "application reset", .zh = "应用层复位", .unit = ""};
        say_hex(&v, (struct bytes){f->data, f->len});
        if (f->ci == 0x50)
            sink(arg, &v);
        return f->ci == 0x50 ? ERR_OK : ERR_FRAME_UNKNOWN;
    }
    say_hex(&v, (struct bytes){f->data, f->len});
    snprintf(v.note, sizeof v.note, "CI %02X", (unsigned)f->ci);
    sink(arg, &v);
    return f->ci == 0x51 ? ERR_OK : ERR_FRAME_UNKNOWN;
}

enum err mbus_say(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct mbus_head head;
    struct bytes records;
    struct mbus_record m;
    enum err e;
    if (mbus_head(f, &head, &records) != ERR_OK)
        return say_other(f, sink, arg);
    say_status(head.status, sink, arg);
    struct reader r = reader_of(records.data, records.len);
    while (mbus_next(&r, &m, &e))
        say_record(&m, sink, arg);
    return e;
}
