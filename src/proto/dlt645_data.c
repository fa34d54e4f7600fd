#include "proto/dlt645_data.h"

#include <string.h>

#include "base/must.h"

/* --- text without stdio ----------------------------------------------------------------------- */

struct text {
    char *out;
    size_t cap, len;
};

static void add(struct text *t, const char *s)
{
    while (*s && t->len + 1 < t->cap)
        t->out[t->len++] = *s++;
    t->out[t->len] = '\0';
}

static void add_number(struct text *t, uint64_t v, unsigned width)
{
    char digits[21];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while ((v != 0 || sizeof digits - 1 - at < width) && at > 0);
    add(t, digits + at);
}

static struct text text_of(char *out, size_t cap)
{
    MUST(cap > 0);
    out[0] = '\0';
    return (struct text){out, cap, 0};
}

const char *dlt645_unit_text(enum dlt645_unit unit)
{
    static const char *const texts[DLT645_UNITS] = {
        [DLT645_UNIT_NONE] = "",
        [DLT645_KWH] = "kWh",
        [DLT645_KVARH] = "kvarh",
        [DLT645_KVAH] = "kVAh",
        [DLT645_KW] = "kW",
        [DLT645_KVAR] = "kvar",
        [DLT645_KVA] = "kVA",
        [DLT645_VOLT] = "V",
        [DLT645_AMPERE] = "A",
        [DLT645_DEGREE] = "°",
        [DLT645_HERTZ] = "Hz",
        [DLT645_CELSIUS] = "°C",
        [DLT645_PERCENT] = "%",
        [DLT645_YUAN] = "yuan",
        [DLT645_YUAN_PER_KWH] = "yuan/kWh",
        [DLT645_MINUTE] = "min",
        [DLT645_SECOND] = "s",
        [DLT645_MS] = "ms",
        [DLT645_DAY] = "d",
        [DLT645_IMP_PER_KWH] = "imp/kWh",
        [DLT645_IMP_PER_KVARH] = "imp/kvarh",
    };
    return unit < DLT645_UNITS ? texts[unit] : "";
}

void dlt645_number_text(int64_t number, unsigned decimals, char *out)
{
    struct text t = text_of(out, 24);
    uint64_t magnitude = number < 0 ? (uint64_t)0 - (uint64_t)number : (uint64_t)number;
    uint64_t scale = 1;
    for (unsigned i = 0; i < decimals; i++)
        scale *= 10;
    if (number < 0)
        add(&t, "-");
    add_number(&t, magnitude / scale, 1);
    if (decimals == 0)
        return;
    add(&t, ".");
    add_number(&t, magnitude % scale, decimals);
}

/* --- names ------------------------------------------------------------------------------------ */

static void add_letter(struct text *t, unsigned index)
{
    char letter[2] = {(char)('A' + (index - 1) % 26), '\0'};
    add(t, letter);
}

static void index_en(struct text *t, enum dlt645_role role, unsigned index)
{
    static const char *const words[] = {
        [DLT645_ROLE_RATE] = "tariff ",
        [DLT645_ROLE_PHASE] = "phase ",
        [DLT645_ROLE_SETTLEMENT] = "settlement day -",
        [DLT645_ROLE_LAST] = "last -",
        [DLT645_ROLE_NUMBER] = "no. ",
        [DLT645_ROLE_HARMONIC] = "harmonic ",
    };
    add(t, words[role]);
    if (role == DLT645_ROLE_PHASE)
        add_letter(t, index);
    else
        add_number(t, index, 1);
}

static void index_zh(struct text *t, enum dlt645_role role, unsigned index)
{
    static const struct {
        const char *before, *after;
    } words[] = {
        [DLT645_ROLE_RATE] = {"费率", ""},           [DLT645_ROLE_PHASE] = {"", "相"},
        [DLT645_ROLE_SETTLEMENT] = {"上", "结算日"}, [DLT645_ROLE_LAST] = {"上", "次"},
        [DLT645_ROLE_NUMBER] = {"第", "项"},         [DLT645_ROLE_HARMONIC] = {"", "次谐波"},
    };
    add(t, words[role].before);
    if (role == DLT645_ROLE_PHASE)
        add_letter(t, index);
    else
        add_number(t, index, 1);
    add(t, words[role].after);
}

static void add_index(struct text *t, enum dlt645_role role, unsigned index, bool zh)
{
    bool totals = role == DLT645_ROLE_RATE || role == DLT645_ROLE_PHASE;
    if (totals && index == 0)
        add(t, zh ? "总" : "total");
    else if (role == DLT645_ROLE_SETTLEMENT && index == 0)
        add(t, zh ? "当前" : "now");
    else if (zh)
        index_zh(t, role, index);
    else
        index_en(t, role, index);
}

void dlt645_index_text(enum dlt645_role role, unsigned index, bool zh, char *out, size_t cap)
{
    struct text t = text_of(out, cap);
    if (role != DLT645_ROLE_NONE)
        add_index(&t, role, index, zh);
}

static void name_range(struct text *t, const struct dlt645_range *r, unsigned v, bool zh)
{
    if (r->role == DLT645_ROLE_NONE)
        return;
    if (r->role == DLT645_ROLE_SETTLEMENT && v == 0)
        return;
    add(t, zh ? " " : ", ");
    if (v > r->high)
        add(t, zh ? "数据块" : "block");
    else
        add_index(t, r->role, v, zh);
}

void dlt645_item_name(const struct dlt645_item *item, uint32_t id, bool zh, char *out, size_t cap)
{
    struct text t = text_of(out, cap);
    add(&t, zh ? item->zh : item->en);
    unsigned di1 = id >> 8 & 0xFF, di0 = id & 0xFF;
    if (item->head == 0 && id <= 0xFFFF && item->di1.low >= 0x90) { /* a 1997 row */
        struct dlt645_range low = item->di0;
        low.high &= 0x0F;
        name_range(&t, &low, di0 & 0x0F, zh);
        return;
    }
    name_range(&t, &item->di1, di1, zh);
    name_range(&t, &item->di0, di0, zh);
}

/* --- fields ----------------------------------------------------------------------------------- */

static bool all_bytes(struct bytes b, uint8_t value)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] != value)
            return false;
    return b.len > 0;
}

static bool is_bcd(uint8_t b)
{
    return (b >> 4) <= 9 && (b & 0x0F) <= 9;
}

static bool all_bcd(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (!is_bcd(b.data[i]))
            return false;
    return true;
}

static void take_bcd(struct dlt645_value *v, bool with_sign)
{
    uint8_t copy[8];
    MUST(v->raw.len <= sizeof copy);
    memcpy(copy, v->raw.data, v->raw.len);
    bool negative = with_sign && (copy[v->raw.len - 1] & 0x80);
    if (negative)
        copy[v->raw.len - 1] &= 0x7F;
    struct reader r = reader_of(copy, v->raw.len);
    v->number = (int64_t)reader_bcd_le(&r, v->raw.len);
    if (r.err != ERR_OK)
        v->state = DLT645_DAMAGED;
    if (negative)
        v->number = -v->number;
}

static void take_binary(struct dlt645_value *v)
{
    uint64_t n = 0;
    for (size_t i = v->raw.len; i > 0; i--)
        n = n << 8 | v->raw.data[i - 1];
    v->number = (int64_t)(n & INT64_MAX);
}

/* What a date part may be at most, and at least. */
static bool part_fits(char letter, unsigned v)
{
    switch (letter) {
    case 'M':
        return v >= 1 && v <= 12;
    case 'D':
        return v >= 1 && v <= 31;
    case 'h':
        return v <= 24; /* 24:00 ends a day in some tables */
    case 'm':
    case 's':
        return v <= 59;
    default:
        return true;
    }
}

static void take_time(struct dlt645_value *v)
{
    const char *pattern = v->field->pattern;
    size_t n = v->raw.len;
    bool dated = strchr(pattern, 'D') || strchr(pattern, 'M');
    if (all_bytes(v->raw, 0x99) || (dated && all_bytes(v->raw, 0))) {
        v->state = DLT645_ABSENT;
        return;
    }
    if (!all_bcd(v->raw)) {
        v->state = DLT645_DAMAGED;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t b = v->raw.data[n - 1 - i];
        if (!part_fits(pattern[i], (b >> 4) * 10U + (b & 0x0F)))
            v->state = DLT645_DAMAGED;
    }
}

void dlt645_field_take(const struct dlt645_field *f, struct reader *r, struct dlt645_value *v)
{
    size_t len = f->len ? f->len : reader_left(r);
    *v = (struct dlt645_value){.field = f, .raw = reader_take(r, len)};
    if (r->err != ERR_OK || v->raw.len == 0)
        return;
    bool named = f->kind != DLT645_WORD && f->kind != DLT645_BIN && f->kind != DLT645_RAW;
    if (named && all_bytes(v->raw, 0xFF))
        v->state = DLT645_ABSENT;
    else if (f->kind == DLT645_BCD || f->kind == DLT645_SBCD)
        take_bcd(v, f->kind == DLT645_SBCD);
    else if (f->kind == DLT645_BIN || f->kind == DLT645_WORD)
        take_binary(v);
    else if (f->kind == DLT645_TIME)
        take_time(v);
    else if (f->kind == DLT645_DIGITS && !all_bcd(v->raw))
        v->state = DLT645_DAMAGED;
}

/* --- elements --------------------------------------------------------------------------------- */

static size_t element_len(const struct dlt645_item *item)
{
    size_t len = 0;
    for (unsigned i = 0; i < item->field_count; i++)
        len += item->fields[i].len;
    return len;
}

/* A meter may leave the tail of an element out (many tell only a record's time), but never a part
 * of a field. */
static bool ends_at_field(const struct dlt645_item *item, size_t len)
{
    for (unsigned i = 0; len > 0 && i < item->field_count; i++) {
        if (len < item->fields[i].len)
            return false;
        len -= item->fields[i].len;
    }
    return len == 0;
}

static enum err check_length(const struct dlt645_walk *w, size_t len)
{
    size_t element = element_len(w->item);
    bool many = w->block || w->item->list_role != DLT645_ROLE_NONE;
    if (len == 0 || (!many && len > element))
        return ERR_FRAME_LENGTH;
    size_t tail = many ? len % element : len;
    if (many && w->item->counted && tail != 0)
        return ERR_FRAME_LENGTH;
    return ends_at_field(w->item, tail) ? ERR_OK : ERR_FRAME_LENGTH;
}

static enum err begin(struct dlt645_walk *w, struct bytes data)
{
    w->data = reader_of(data.data, data.len);
    if (w->item->list_role != DLT645_ROLE_NONE) {
        w->role = w->item->list_role;
        w->first = w->item->list_first;
    }
    if (w->item->counted) {
        size_t count = reader_u8(&w->data);
        if (data.len != 1 + count * element_len(w->item))
            return ERR_FRAME_LENGTH;
    }
    return check_length(w, reader_left(&w->data));
}

enum err dlt645_walk_begin(struct dlt645_walk *w, const struct dlt645_item *item, uint32_t id,
                           struct bytes data)
{
    *w = (struct dlt645_walk){.item = item};
    const struct dlt645_range *r = &item->di1;
    if (item->di0.block && (id & 0xFF) == 0xFF)
        r = &item->di0;
    else if (!item->di1.block || (id >> 8 & 0xFF) != 0xFF)
        return begin(w, data);
    w->block = true;
    w->role = r->role;
    w->first = r->low;
    return begin(w, data);
}

enum err dlt645_walk_begin_1997(struct dlt645_walk *w, const struct dlt645_item *item, uint16_t id,
                                struct bytes data)
{
    *w = (struct dlt645_walk){.item = item};
    w->block = item->di0.block && (id & 0x0F) == 0x0F;
    if (w->block) {
        w->role = item->di0.role;
        w->first = item->di0.low & 0x0F;
        if (data.len % element_len(item) == 1 && data.data[data.len - 1] == 0xAA)
            data.len--; /* some meters end a block with AA */
    }
    return begin(w, data);
}

bool dlt645_walk_next(struct dlt645_walk *w, struct dlt645_value *v)
{
    if (reader_left(&w->data) == 0)
        return false;
    dlt645_field_take(&w->item->fields[w->field], &w->data, v);
    v->role = w->role;
    v->index = w->first + w->element;
    if (++w->field == w->item->field_count) {
        w->field = 0;
        w->element++;
    }
    return true;
}

/* --- text of values --------------------------------------------------------------------------- */

static void add_pair(struct text *t, uint8_t b)
{
    char pair[3];
    hex_encode(&b, 1, pair);
    add(t, pair);
}

static void time_text(const struct dlt645_value *v, struct text *t)
{
    const char *pattern = v->field->pattern;
    for (size_t i = 0; i < v->raw.len; i++) {
        char c = pattern[i], before = i ? pattern[i - 1] : '\0';
        if (c == 'Y')
            add(t, "20");
        else if (before && strchr("YM", before))
            add(t, "-");
        else if (before == 'D')
            add(t, " ");
        else if (before)
            add(t, ":");
        add_pair(t, v->raw.data[v->raw.len - 1 - i]);
        if (c == 'h' && !pattern[i + 1])
            add(t, "h");
    }
}

static void ascii_text(const struct dlt645_value *v, struct text *t)
{
    for (size_t i = v->raw.len; i > 0; i--) {
        char c[2] = {(char)v->raw.data[i - 1], '\0'};
        if (c[0] >= 0x20 && c[0] < 0x7F)
            add(t, c);
        else if (c[0] != '\0')
            add(t, "?");
    }
}

void dlt645_value_text(const struct dlt645_value *v, char *out, size_t cap)
{
    struct text t = text_of(out, cap);
    char number[24];
    switch (v->field->kind) {
    case DLT645_BCD:
    case DLT645_SBCD:
    case DLT645_BIN:
        dlt645_number_text(v->number, v->field->decimals, number);
        add(&t, number);
        break;
    case DLT645_TIME:
        time_text(v, &t);
        break;
    case DLT645_ASCII:
        ascii_text(v, &t);
        break;
    case DLT645_RAW: /* as on the wire */
        for (size_t i = 0; i < v->raw.len; i++)
            add_pair(&t, v->raw.data[i]);
        break;
    default: /* words and digits: the highest first, as people write them */
        for (size_t i = v->raw.len; i > 0; i--)
            add_pair(&t, v->raw.data[i - 1]);
    }
}

enum err dlt645_number(uint32_t id, struct bytes data, int64_t *number)
{
    const struct dlt645_item *item = dlt645_item_find(id);
    if (!item)
        return ERR_NOT_FOUND;
    struct dlt645_walk w;
    struct dlt645_value v;
    TRY(dlt645_walk_begin(&w, item, id, data));
    if (!dlt645_walk_next(&w, &v) || reader_left(&w.data) > 0)
        return ERR_FRAME_LENGTH;
    if (v.state == DLT645_ABSENT)
        return ERR_STATE;
    if (v.state == DLT645_DAMAGED)
        return ERR_BCD;
    *number = v.number;
    return ERR_OK;
}
