/* What M-Bus frames mean. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "proto/mbus_vif.h"

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
             {0x04, "heat (outlet)", "热量（回水管）"},
             {0x05, "steam", "蒸汽"},
             {0x06, "warm water", "温水"},
             {0x07, "water", "水"},
             {0x08, "heat cost allocator", "热分配表"},
             {0x09, "compressed air", "压缩空气"},
             {0x0A, "cooling (outlet)", "冷量（回水管）"},
             {0x0B, "cooling (inlet)", "冷量（供水管）"},
             {0x0C, "heat (inlet)", "热量（供水管）"},
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

/* Type F: minute, hour, date. Type I has seconds before, and more bits that nobody asks for. */
static struct civil civil_of(struct bytes b)
{
    const uint8_t *at = b.data + (b.len == 6);
    unsigned d = at[2] | (unsigned)at[3] << 8;
    return (struct civil){.year = year_of(d),
                          .month = d >> 8 & 15,
                          .day = d & 31,
                          .hour = at[1] & 31,
                          .minute = at[0] & 63,
                          .second = b.len == 6 ? b.data[0] & 63 : 0};
}

/* The meter says so, or it was never set. */
static bool time_absent(struct bytes b)
{
    return b.data[b.len == 6] & 0x80 || integer_of(b) == 0;
}

static void say_time(struct say_value *v, struct bytes b)
{
    struct civil c = civil_of(b);
    if (time_absent(b)) {
        v->state = SAY_ABSENT;
        return;
    }
    if (!civil_valid(c)) {
        v->state = SAY_DAMAGED;
        say_hex(v, b);
        return;
    }
    int n = snprintf(v->text, sizeof v->text, "%04d-%02u-%02u %02u:%02u", c.year, c.month, c.day,
                     c.hour, c.minute);
    if (b.len == 6)
        snprintf(v->text + n, sizeof v->text - (size_t)n, ":%02u", c.second);
}

/* A real of 32 bits: to six decimals, or whole where it has none. ERR_STATE: no number, or
 * infinite. ERR_RANGE: too large. */
static enum err real_of(struct bytes b, int64_t *number, int *exponent)
{
    uint32_t w = (uint32_t)integer_of(b);
    int e = (int)(w >> 23 & 0xFF) - 150;
    uint64_t m = (w & 0x7FFFFF) | (w >> 23 & 0xFF ? 0x800000u : 0u);
    if ((w >> 23 & 0xFF) == 0xFF)
        return ERR_STATE;
    if (e > 63 - 24)
        return ERR_RANGE;
    uint64_t half = e < 0 && e > -64 ? UINT64_C(1) << (-e - 1) : 0;
    uint64_t size = e >= 0 ? m << e : e > -64 ? (m * 1'000'000 + half) >> -e : 0;
    *exponent = e >= 0 ? 0 : -6;
    *number = w >> 31 ? -(int64_t)size : (int64_t)size;
    return ERR_OK;
}

static void say_real(struct say_value *v, struct bytes b, int exponent)
{
    int64_t number;
    int own;
    enum err e = real_of(b, &number, &own);
    if (e == ERR_OK) {
        say_scaled(v, number, exponent + own);
    } else if (e == ERR_STATE) {
        v->state = SAY_ABSENT;
    } else {
        v->state = SAY_DAMAGED;
        say_hex(v, b);
    }
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
    static const char *const functions[] = {"", "maximum", "minimum", "in error state"};
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

/* What the extensions make of the quantity. */
struct extended {
    int exponent;
    const char *unit; /* NULL: the quantity's own */
    bool date, absent;
};

static void add_note(struct say_value *v, const char *text)
{
    size_t n = strlen(v->note);
    if (*text)
        snprintf(v->note + n, sizeof v->note - n, "%s%s", n ? ", " : "", text);
}

static void note_hex(struct say_value *v, struct bytes b)
{
    char hex[13];
    hex_encode(b.data, b.len < 6 ? b.len : 6, hex);
    size_t n = strlen(v->note);
    if (b.len)
        snprintf(v->note + n, sizeof v->note - n, " %s", hex);
}

/* False: one that nobody here knows may change what the number means. */
static bool extend(struct say_value *v, struct bytes rest, struct extended *x)
{
    const struct mbus_vife_row *row;
    uint8_t code;
    bool known = true;
    while (mbus_vife_next(&rest, &row, &code, &known)) {
        add_note(v, row->en);
        if (row->kind == MBUS_VIFE_MAKER) {
            note_hex(v, rest);
            break;
        }
        x->exponent += row->kind == MBUS_VIFE_FACTOR ? row->exponent + (code - row->from) : 0;
        x->date = x->date || row->kind == MBUS_VIFE_DATE;
        x->absent = x->absent || row->kind == MBUS_VIFE_ERROR;
        if (row->kind == MBUS_VIFE_COUNT || row->kind == MBUS_VIFE_DURATION)
            x->unit = row->unit;
    }
    return known;
}

/* The unit in letters, the last one first. */
static void note_text(struct say_value *v, struct bytes vif)
{
    char text[24];
    size_t n = vif.len > 1 ? vif.data[1] : 0, len = n < sizeof text - 1 ? n : sizeof text - 1;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = vif.len > 1 + n - i ? vif.data[1 + n - i] : '?';
        text[i] = c >= 0x20 && c < 0x7F ? (char)c : '.';
    }
    text[len] = '\0';
    add_note(v, text);
}

static void fill_unknown(struct say_value *v, const struct mbus_record *m,
                         const struct mbus_vif_row *q)
{
    char hex[26];
    v->en = q ? q->en : "unknown";
    v->zh = q ? q->zh : "未知";
    say_hex(v, m->value);
    hex_encode(m->vif.data, m->vif.len < 12 ? m->vif.len : 12, hex);
    snprintf(v->note, sizeof v->note, "VIF %s", hex);
}

static void fill_value(struct say_value *v, const struct mbus_record *m, bool date, int exponent)
{
    if (m->letters)
        say_string(v, m->value);
    else if (m->value.len == 0)
        v->state = SAY_ABSENT;
    else if (m->data_field == 0x0D) /* a number of more digits than anybody reads */
        say_hex(v, m->value);
    else if (date && m->value.len == 2)
        say_date(v, m->value);
    else if (date && (m->value.len == 4 || m->value.len == 6))
        say_time(v, m->value);
    else if (date)
        say_hex(v, m->value);
    else
        say_number(v, m, exponent);
}

/* A date has two bytes, a date and time four (type F) or six (type I). */
static bool is_time(uint8_t code, size_t len)
{
    return code == 0x6C ? len == 2 : len == 4 || len == 6;
}

static void fill(struct say_value *v, const struct mbus_record *m)
{
    uint8_t code;
    size_t used;
    uint8_t first = m->vif.data[0] & 0x7F;
    const struct mbus_vif_row *q = mbus_vif_of(m->vif, &code, &used);
    static const struct mbus_vif_row any = {0x7E, 0x7E, "any", "任意", "", 0};
    static const struct mbus_vif_row own = {0x7C,       0x7C, "quantity told in letters",
                                            "文字单位", "",   0};
    if (first == 0x7C && m->vif.len >= 2) {
        q = &own;
        code = first;
        used = 2u + m->vif.data[1] <= m->vif.len ? 2u + m->vif.data[1] : m->vif.len;
    } else if (first == 0x7E) {
        q = &any;
    }
    struct extended x = {.exponent = q ? q->exponent + (code - q->from) : 0};
    struct bytes rest = {m->vif.data + used, m->vif.len - used};
    note_place(v, m);
    if (q == &own)
        note_text(v, m->vif);
    if (!q || first == 0x7F || !extend(v, rest, &x)) {
        fill_unknown(v, m, first == 0x7F ? NULL : q);
        return;
    }
    v->en = q->en;
    v->zh = q->zh;
    bool point = used == 1 && (code == 0x6C || code == 0x6D);
    bool since = m->vif.data[0] == 0xFD && (code == 0x30 || code == 0x70);
    bool date = x.date || since || (point && is_time(code, m->value.len));
    v->unit = date ? "" : x.unit ? x.unit : q->unit;
    fill_value(v, m, date, x.unit ? 0 : x.exponent);
    bool no_digits = m->function == MBUS_IN_ERROR && v->state == SAY_DAMAGED;
    if (no_digits || x.absent)
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
    const struct mbus_vif_row *q = mbus_vif_of(m->vif, &code, &used);
    bool plain = (m->vif.data[0] & 0x7F) == 0x7C || (m->vif.data[0] & 0x7F) == 0x7F;
    if (!q || plain || m->vif.len > used)
        return false;
    *out = (struct mbus_quantity){q->en, q->zh, q->unit, q->exponent + (code - q->from)};
    return true;
}

enum err mbus_number(const struct mbus_record *m, int64_t *number, int *exponent)
{
    *exponent = 0;
    if (m->function == MBUS_IN_ERROR || m->value.len == 0)
        return ERR_STATE;
    if (m->data_field == 0x0D || m->special)
        return ERR_FRAME_UNKNOWN;
    if (m->data_field == 5)
        return real_of(m->value, number, exponent);
    if (m->data_field >= 9)
        return bcd_of(m->value, number) ? ERR_OK : ERR_BCD;
    *number = integer_of(m->value);
    return ERR_OK;
}

enum err mbus_time(const struct mbus_record *m, struct civil *time)
{
    bool of_type = m->data_field == 4 || m->data_field == 6;
    if (m->vif.len != 1 || m->vif.data[0] != 0x6D || !of_type)
        return ERR_FRAME_UNKNOWN;
    if (m->function == MBUS_IN_ERROR || time_absent(m->value))
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

/* --- other data than variable ones ---------------------------------------------------------------
 */

static enum err say_reset(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "application reset", .zh = "应用层复位", .unit = ""};
    say_hex(&v, (struct bytes){f->data, f->len});
    sink(arg, &v);
    return ERR_OK;
}

static enum err say_refusal(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    static const char *const names[] = {
        "unspecified",         "CI not there",       "buffer too long",    "too many records",
        "premature end",       "more than 10 DIFEs", "more than 10 VIFEs", "unknown",
        "application is busy", "too many readouts"};
    struct say_value v = {.en = "application error", .zh = "应用层错误", .unit = ""};
    unsigned code = f->len > 0 ? f->data[0] : 0;
    say_text(&v, names[code < sizeof names / sizeof *names ? code : 7]);
    snprintf(v.note, sizeof v.note, "%02X", code);
    sink(arg, &v);
    return ERR_OK;
}

static enum err say_alarm(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "alarm", .zh = "报警", .unit = ""};
    if (f->len < 1)
        return ERR_FRAME_LENGTH;
    say_hex(&v, (struct bytes){f->data, f->len});
    sink(arg, &v);
    return ERR_OK;
}

/* Units of fixed data: each of the first rows comes times 1, 10 and 100. */
static const char *fixed_unit(unsigned code, int *exponent)
{
    static const char *const units[] = {"Wh", "kWh", "MWh", "kJ",   "MJ",   "GJ",
                                        "W",  "kW",  "MW",  "kJ/h", "MJ/h", "GJ/h",
                                        "ml", "l",   "m3",  "ml/h", "l/h",  "m3/h"};
    *exponent = 0;
    if (code >= 2 && code < 2 + 3 * sizeof units / sizeof *units) {
        *exponent = (int)(code - 2) % 3;
        return units[(code - 2) / 3];
    }
    *exponent = code == 0x38 ? -3 : 0;
    return code == 0x38 ? "degC" : code == 0x39 ? "HCA" : "";
}

static void say_counter(const uint8_t *p, unsigned unit, bool binary, bool stored, bool high_first,
                        say_sink *sink, void *arg)
{
    uint8_t room[4];
    int exponent;
    for (size_t i = 0; i < 4; i++)
        room[i] = p[high_first ? 3 - i : i];
    struct say_value v = {.en = "counter", .zh = "计数", .unit = fixed_unit(unit, &exponent)};
    struct mbus_record m = {.data_field = binary ? 4 : 0x0C, .value = {room, 4}};
    if (unit < 2) {
        say_hex(&v, m.value);
        add_note(&v, unit ? "day, month, year" : "hour, minute, second");
    } else {
        say_number(&v, &m, exponent);
    }
    if (stored)
        add_note(&v, "stored");
    if (unit >= 0x3A && unit <= 0x3D)
        add_note(&v, "unit reserved");
    sink(arg, &v);
}

/* ID 4 | access | status | two units with the medium in their top bits | two counters of 4. */
static enum err say_fixed(const struct mbus_frame *f, bool high_first, say_sink *sink, void *arg)
{
    static const char *const media_of[] = {"other", "oil",        "electricity", "gas",      "heat",
                                           "steam", "water, hot", "water",       "heat cost"};
    const uint8_t *p = f->data;
    uint8_t id[4];
    if (f->len != 16)
        return ERR_FRAME_LENGTH;
    for (size_t i = 0; i < 4; i++)
        id[i] = p[high_first ? i : 3 - i];
    struct say_value v = {.en = "identification", .zh = "标识", .unit = ""};
    say_hex(&v, (struct bytes){id, 4});
    sink(arg, &v);
    v = (struct say_value){.en = "access number", .zh = "访问次数", .unit = ""};
    say_scaled(&v, p[4], 0);
    sink(arg, &v);
    say_status(p[5] & 0xFC, sink, arg);
    unsigned first = p[high_first ? 7 : 6], second = p[high_first ? 6 : 7];
    unsigned medium = first >> 6 | (second >> 6) << 2;
    v = (struct say_value){.en = "medium", .zh = "介质", .unit = ""};
    say_text(&v, medium < 9 ? media_of[medium] : "reserved");
    sink(arg, &v);
    bool binary = p[5] & 1, stored = p[5] & 2;
    say_counter(p + 8, first & 63, binary, false, high_first, sink, arg);
    bool same = (second & 63) == 0x3E; /* as the first, of a day in the past */
    say_counter(p + 12, same ? first & 63 : second & 63, binary, stored || same, high_first, sink,
                arg);
    return ERR_OK;
}

static enum err say_bytes(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "data", .zh = "数据", .unit = ""};
    say_hex(&v, (struct bytes){f->data, f->len});
    snprintf(v.note, sizeof v.note, "CI %02X", (unsigned)f->ci);
    sink(arg, &v);
    return ERR_FRAME_UNKNOWN;
}

/* Records one after another; with the high byte first in values, as CI 76 has them. */
static enum err say_records(struct bytes records, bool high_first, say_sink *sink, void *arg)
{
    struct reader r = reader_of(records.data, records.len);
    struct mbus_record m;
    enum err e;
    uint8_t turned[MBUS_DATA_MAX];
    while (mbus_next(&r, &m, &e)) {
        if (high_first && !m.special && m.value.len <= sizeof turned) {
            for (size_t i = 0; i < m.value.len; i++)
                turned[i] = m.value.data[m.value.len - 1 - i];
            m.value.data = turned;
        }
        say_record(&m, sink, arg);
    }
    return e;
}

/* Enciphered data begin with two fillers once they are opened; here they were not. */
static bool is_enciphered(unsigned config, struct bytes records)
{
    unsigned mode = config >> 8 & 31;
    bool open = records.len >= 2 && records.data[0] == 0x2F && records.data[1] == 0x2F;
    return (mode == 5 || mode == 7 || mode == 13) && records.len > 0 && !open;
}

static enum err say_sealed(struct bytes records, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "enciphered data", .zh = "加密数据", .unit = ""};
    say_hex(&v, records);
    sink(arg, &v);
    return ERR_FRAME_UNKNOWN;
}

/* Access 1 | status 1 | configuration 2 | records. */
static enum err say_short_head(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    if (f->len < 4)
        return ERR_FRAME_LENGTH;
    struct bytes records = {f->data + 4, f->len - 4u};
    say_status(f->data[1], sink, arg);
    if (is_enciphered((unsigned)f->data[2] | (unsigned)f->data[3] << 8, records))
        return say_sealed(records, sink, arg);
    return say_records(records, false, sink, arg);
}

static enum err say_speed(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct say_value v = {.en = "baud rate", .zh = "通信速率", .unit = ""};
    if (f->len > 0)
        return say_bytes(f, sink, arg);
    say_scaled(&v, 300 << (f->ci - 0xB8), 0);
    sink(arg, &v);
    return ERR_OK;
}

static enum err say_other(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct bytes all = {f->data, f->len};
    if (f->kind != MBUS_LONG)
        return ERR_OK;
    if (f->ci >= 0xB8 && f->ci <= 0xBF)
        return say_speed(f, sink, arg);
    switch (f->ci) {
    case 0x50:
    case 0x54:
        return say_reset(f, sink, arg);
    case 0x51:
    case 0x78: /* no head at all */
        return say_records(all, false, sink, arg);
    case 0x55:
        return say_records(all, true, sink, arg);
    case 0x52:
    case 0x56:
        return say_select(f, sink, arg);
    case 0x70:
        return say_refusal(f, sink, arg);
    case 0x71:
        return say_alarm(f, sink, arg);
    case 0x73:
        return say_fixed(f, false, sink, arg);
    case 0x77:
        return say_fixed(f, true, sink, arg);
    case 0x7A:
        return say_short_head(f, sink, arg);
    case 0x72: /* shorter than their heads */
    case 0x76:
        return ERR_FRAME_LENGTH;
    default:
        return say_bytes(f, sink, arg);
    }
}

enum err mbus_say(const struct mbus_frame *f, say_sink *sink, void *arg)
{
    struct mbus_head head;
    struct bytes records;
    if (mbus_head(f, &head, &records) != ERR_OK)
        return say_other(f, sink, arg);
    say_status(head.status, sink, arg);
    if (is_enciphered(head.config, records))
        return say_sealed(records, sink, arg);
    return say_records(records, f->ci == 0x76, sink, arg);
}
