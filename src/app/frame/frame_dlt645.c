/* DL/T 645 frames as JSON. */
#include <string.h>

#include "app/frame/frame.h"
#include "proto/dlt645_load.h"

#define NAME_MAX_LEN 200
#define TEXT_MAX_LEN 640

static void set_text(json_t *o, const char *key, const char *text)
{
    (void)json_object_set_new(o, key, json_string(text)); /* out of memory shows as a missing key */
}

static void set_bool(json_t *o, const char *key, bool v)
{
    (void)json_object_set_new(o, key, json_boolean(v)); /* as above */
}

static void set_int(json_t *o, const char *key, json_int_t v)
{
    (void)json_object_set_new(o, key, json_integer(v)); /* as above */
}

static void set_hex(json_t *o, const char *key, struct bytes b)
{
    char hex[2 * DLT645_FRAME_MAX + 1];
    hex_encode(b.data, b.len, hex);
    set_text(o, key, hex);
}

static void set_error(json_t *o, enum err e)
{
    set_text(o, "error", err_name(e));
    set_text(o, "error_en", err_text_en(e));
    set_text(o, "error_zh", err_text_zh(e));
}

/* --- values ----------------------------------------------------------------------------------- */

static void join_name(char *out, const char *part, bool zh)
{
    if (!part[0])
        return;
    if (out[0])
        strncat(out, zh ? " " : ", ", NAME_MAX_LEN - strlen(out) - 1);
    strncat(out, part, NAME_MAX_LEN - strlen(out) - 1);
}

/* "voltage, phase A", "trip record, operator": whole by itself, so that a reader needs no context.
 */
static void set_name(json_t *o, const struct dlt645_say *s, const struct dlt645_value *v, bool zh)
{
    char name[NAME_MAX_LEN] = "", index[40];
    dlt645_index_text(v->role, v->index, zh, index, sizeof index);
    if (s && index[0])
        join_name(name, zh ? s->item->zh : s->item->en, zh);
    else if (s)
        dlt645_item_name(s->item, s->id, zh, name, sizeof name);
    join_name(name, index, zh);
    join_name(name, zh ? v->field->zh : v->field->en, zh);
    set_text(o, zh ? "name_zh" : "name", name);
}

static void set_meaning(json_t *o, const struct dlt645_value *v)
{
    json_t *en = json_array(), *zh = json_array();
    for (const struct dlt645_bit *b = v->field->bits; b->mask; b++)
        if (((uint64_t)v->number & b->mask) == b->value) {
            (void)json_array_append_new(en, json_string(b->en)); /* out of memory: left out */
            (void)json_array_append_new(zh, json_string(b->zh)); /* as above */
        }
    (void)json_object_set_new(o, "meaning", en);    /* as above */
    (void)json_object_set_new(o, "meaning_zh", zh); /* as above */
}

static const char *unit_zh(uint8_t unit)
{
    if (unit == DLT645_YUAN)
        return "元";
    if (unit == DLT645_YUAN_PER_KWH)
        return "元/kWh";
    return unit == DLT645_MINUTE ? "分钟" : NULL;
}

static void set_value(json_t *o, const struct dlt645_value *v)
{
    char text[TEXT_MAX_LEN];
    const char *unit = dlt645_unit_text(v->field->unit);
    dlt645_value_text(v, text, sizeof text);
    set_text(o, "value", text);
    if (unit[0])
        set_text(o, "unit", unit);
    if (unit_zh(v->field->unit))
        set_text(o, "unit_zh", unit_zh(v->field->unit));
    if (v->field->bits)
        set_meaning(o, v);
}

/* Absent expiry times of control frames: all 99 means that the command never expires. */
static void set_absent(json_t *o, const struct dlt645_value *v)
{
    bool never = v->field->kind == DLT645_TIME && v->raw.data[0] == 0x99;
    (void)json_object_set_new(o, "value",
                              never ? json_string("never") : json_null()); /* as above */
    set_bool(o, "absent", true);
}

static void set_damaged(json_t *o, const struct dlt645_value *v)
{
    bool decimal = true;
    for (size_t i = 0; i < v->raw.len; i++)
        decimal = decimal && v->raw.data[i] >> 4 <= 9 && (v->raw.data[i] & 15) <= 9;
    (void)json_object_set_new(o, "value", json_null()); /* as above */
    set_error(o, decimal ? ERR_RANGE : ERR_BCD);
}

static enum err add_value(json_t *list, const struct dlt645_say *s, const struct dlt645_value *v)
{
    json_t *o = json_object();
    set_name(o, s, v, false);
    set_name(o, s, v, true);
    if (v->state == DLT645_OK)
        set_value(o, v);
    else if (v->state == DLT645_ABSENT)
        set_absent(o, v);
    else
        set_damaged(o, v);
    set_hex(o, "raw", v->raw);
    const char *error = json_string_value(json_object_get(o, "error"));
    enum err e = !error ? ERR_OK : strcmp(error, err_name(ERR_BCD)) == 0 ? ERR_BCD : ERR_RANGE;
    (void)json_array_append_new(list, o); /* as above */
    return e;
}

static enum err fields_json(json_t *o, const struct dlt645_say *s)
{
    json_t *list = json_array();
    struct reader r = reader_of(s->before.data, s->before.len);
    enum err first = ERR_OK;
    for (unsigned i = 0; i < s->layout->field_count; i++) {
        struct dlt645_value v;
        dlt645_field_take(&s->layout->fields[i], &r, &v);
        enum err e = add_value(list, NULL, &v);
        first = first == ERR_OK ? e : first;
    }
    (void)json_object_set_new(o, "fields", list); /* as above */
    return first;
}

static enum err values_json(json_t *o, const struct dlt645_say *s)
{
    struct dlt645_walk w;
    enum err first = dlt645_say_values(s, &w);
    if (first != ERR_OK)
        return first == ERR_NOT_FOUND ? ERR_OK : first;
    json_t *list = json_array();
    struct dlt645_value v;
    while (dlt645_walk_next(&w, &v)) {
        enum err e = add_value(list, s, &v);
        first = first == ERR_OK ? e : first;
    }
    (void)json_object_set_new(o, "values", list); /* as above */
    return first;
}

/* --- load records ---------------------------------------------------------------------------- */

static json_t *record_json(const struct dlt645_load_record *rec, enum err *first)
{
    static const struct dlt645_field when = {.en = "time",
                                             .zh = "存储时间",
                                             .kind = DLT645_TIME,
                                             .len = sizeof rec->time,
                                             .pattern = "YMDhm"};
    json_t *o = json_object(), *list = json_array();
    struct reader r = reader_of(rec->time, sizeof rec->time);
    struct dlt645_value v;
    dlt645_field_take(&when, &r, &v);
    enum err e = add_value(list, NULL, &v);
    for (unsigned i = 0; i < DLT645_LOAD_COLUMNS; i++)
        if (dlt645_load_value(rec, i, &v)) {
            enum err bad = add_value(list, NULL, &v);
            e = e == ERR_OK ? bad : e;
        }
    *first = *first == ERR_OK ? e : *first;
    set_bool(o, "doubtful", rec->doubtful);
    (void)json_object_set_new(o, "values", list); /* as above */
    return o;
}

/* A part of a longer answer may begin and end within a record: what is whole is shown. */
static enum err records_json(json_t *o, const struct dlt645_say *s, unsigned group)
{
    struct dlt645_load_record rec;
    struct bytes rest = s->data;
    json_t *list = json_array();
    enum err first = ERR_OK, e = ERR_OK;
    size_t used;
    while (rest.len > 0 && (e = dlt645_load_decode(rest, group, &rec, &used)) != ERR_TRUNCATED) {
        if (e == ERR_OK)
            (void)json_array_append_new(list, record_json(&rec, &first)); /* as above */
        else if (s->sequence < 0 && first == ERR_OK)
            first = e;
        rest = (struct bytes){rest.data + used, rest.len - used};
    }
    bool part = s->follows || s->sequence >= 0;
    (void)json_object_set_new(o, "records", list); /* as above */
    return first == ERR_OK && rest.len > 0 && !part ? ERR_TRUNCATED : first;
}

/* --- the parts of a frame ----------------------------------------------------------------------
 */

static const char *address_kind(const uint8_t a[6])
{
    static const uint8_t all[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    if (memcmp(a, all, 6) == 0)
        return "broadcast";
    for (size_t i = 0; i < 6; i++) {
        if (a[i] == 0xAA)
            return "wildcard";
        if (a[i] >> 4 > 9 || (a[i] & 15) > 9)
            return "not decimal";
    }
    return "meter";
}

static void head_json(json_t *o, const struct dlt645_frame *f, const struct dlt645_say *s)
{
    char address[13];
    dlt645_address_text(f->address, address);
    set_text(o, "direction", s->answer ? "answer" : "request");
    set_text(o, "direction_zh", s->answer ? "应答" : "请求");
    set_text(o, "address", address);
    set_text(o, "address_kind", address_kind(f->address));
    set_hex(o, "control", (struct bytes){&f->control, 1});
    set_text(o, "function", s->function_words->en);
    set_text(o, "function_zh", s->function_words->zh);
    if (s->follows)
        set_bool(o, "more_follows", true);
}

static void id_json(json_t *o, const struct dlt645_say *s)
{
    char name[NAME_MAX_LEN];
    uint8_t id[4] = {(uint8_t)(s->id >> 24), (uint8_t)(s->id >> 16), (uint8_t)(s->id >> 8),
                     (uint8_t)s->id};
    bool old = s->era == DLT645_ERA_1997;
    set_hex(o, "identifier", (struct bytes){old ? id + 2 : id, old ? 2 : 4});
    for (int zh = 0; zh <= 1; zh++) {
        const char *text = zh ? s->id_zh : s->id_en;
        if (!text && s->item) {
            dlt645_item_name(s->item, s->id, zh, name, sizeof name);
            text = name;
        }
        if (!text)
            text = zh ? "未知标识" : "unknown identifier";
        set_text(o, zh ? "name_zh" : "name", text);
    }
    set_bool(o, "known", s->item || s->id_en);
}

static json_t *words_json(const struct dlt645_words *w)
{
    json_t *o = json_object();
    set_text(o, "name", w->name);
    set_text(o, "en", w->en);
    set_text(o, "zh", w->zh);
    return o;
}

/* The first reason stands in "error" like any other error; all of them in "errors". */
static void refusal_json(json_t *o, const struct dlt645_say *s)
{
    bool two = s->refusal == DLT645_REFUSAL_SERR || s->refusal == DLT645_REFUSAL_STATUS ||
               s->refusal_bits > 0xFF;
    uint8_t code[2] = {(uint8_t)(s->refusal_bits >> 8), (uint8_t)s->refusal_bits};
    json_t *list = json_array();
    const struct dlt645_words *w;
    for (unsigned i = 0; (w = dlt645_refusal_words(s->refusal, s->refusal_bits, i)); i++) {
        if (i == 0) {
            set_text(o, "error", w->name);
            set_text(o, "error_en", w->en);
            set_text(o, "error_zh", w->zh);
        }
        (void)json_array_append_new(list, words_json(w)); /* as above */
    }
    set_hex(o, "error_code", (struct bytes){two ? code : code + 1, two ? 2 : 1});
    (void)json_object_set_new(o, "errors", list); /* as above */
}

static void status_json(json_t *o, const struct dlt645_say *s)
{
    uint16_t bits = (uint16_t)(s->data.data[0] | s->data.data[1] << 8);
    json_t *list = json_array();
    const struct dlt645_words *w;
    for (unsigned i = 0; (w = dlt645_status_words(bits, i)); i++)
        (void)json_array_append_new(list, words_json(w)); /* as above */
    (void)json_object_set_new(o, "status", list);         /* as above */
}

static enum err body_json(json_t *o, const struct dlt645_say *s)
{
    enum err e = s->err;
    if (s->has_id)
        id_json(o, s);
    if (s->sequence >= 0)
        set_int(o, "sequence", s->sequence);
    if (s->refusal != DLT645_REFUSAL_NONE)
        refusal_json(o, s);
    if (s->layout) {
        enum err fields = fields_json(o, s);
        e = e == ERR_OK ? fields : e;
    }
    if (s->data.len > 0) {
        unsigned group;
        bool load = dlt645_say_load(s, &group);
        enum err values = load ? records_json(o, s, group) : values_json(o, s);
        e = e == ERR_OK ? values : e;
        set_hex(o, "data", s->data);
    }
    if (s->cipher.len > 0)
        set_hex(o, "cipher", s->cipher);
    if (s->mac.len > 0)
        set_hex(o, "signature", s->mac);
    bool status = s->answer && !s->abnormal && s->function == DLT645_CONTROL && s->data.len == 2;
    if (status && s->era == DLT645_ERA_2007)
        status_json(o, s);
    if (s->plain)
        set_bool(o, "without_offset", true);
    return e;
}

json_t *frame_dlt645_json(const struct dlt645_frame *f, enum dlt645_era era, bool *valid)
{
    struct dlt645_say s;
    json_t *o = json_object();
    dlt645_say(f, era, &s);
    set_text(o, "protocol", s.era == DLT645_ERA_1997 ? "DL/T 645-1997" : "DL/T 645-2007");
    set_bool(o, "valid", true);
    head_json(o, f, &s);
    enum err e = body_json(o, &s);
    if (e != ERR_OK) {
        set_bool(o, "valid", false);
        set_error(o, e);
        *valid = false;
    }
    return o;
}
