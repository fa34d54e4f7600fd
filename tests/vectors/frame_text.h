/* One line of text for one DL/T 645 frame: what tests/vectors/dlt645.txt writes behind its bar. */
#ifndef YUFU_TESTS_VECTORS_FRAME_TEXT_H
#define YUFU_TESTS_VECTORS_FRAME_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "proto/dlt645_load.h"
#include "proto/dlt645_say.h"

struct line {
    char text[4096];
    size_t len;
};

static void put_text(struct line *l, const char *s)
{
    int n = snprintf(l->text + l->len, sizeof l->text - l->len, "%s", s);
    if (n > 0)
        l->len += (size_t)n < sizeof l->text - l->len ? (size_t)n : sizeof l->text - 1 - l->len;
}

static void put_word(struct line *l, const char *s)
{
    put_text(l, l->len ? " " : "");
    put_text(l, s);
}

static void put_value(struct line *l, const struct dlt645_value *v)
{
    char text[600], index[40];
    dlt645_value_text(v, text, sizeof text);
    dlt645_index_text(v->role, v->index, false, index, sizeof index);
    if (index[0] || v->field->en[0]) {
        put_word(l, index);
        put_text(l, index[0] && v->field->en[0] ? " " : "");
        put_text(l, v->field->en);
        put_text(l, ":");
    }
    put_word(l, v->state == DLT645_OK ? text : v->state == DLT645_ABSENT ? "absent" : "damaged");
    if (v->state == DLT645_OK && dlt645_unit_text(v->field->unit)[0])
        put_word(l, dlt645_unit_text(v->field->unit));
    for (const struct dlt645_bit *b = v->field->bits; b && b->mask; b++)
        if (((uint64_t)v->number & b->mask) == b->value) {
            put_text(l, " [");
            put_text(l, b->en);
            put_text(l, "]");
        }
    put_text(l, ";");
}

static void put_layout(struct line *l, const struct dlt645_say *s)
{
    struct reader r = reader_of(s->before.data, s->before.len);
    for (unsigned i = 0; i < s->layout->field_count; i++) {
        struct dlt645_value v;
        dlt645_field_take(&s->layout->fields[i], &r, &v);
        put_value(l, &v);
    }
}

static void put_status(struct line *l, const struct dlt645_say *s)
{
    uint16_t bits = (uint16_t)(s->data.data[0] | s->data.data[1] << 8);
    const struct dlt645_words *w;
    for (unsigned i = 0; (w = dlt645_status_words(bits, i)); i++)
        put_word(l, w->name);
}

static void put_record(struct line *l, const struct dlt645_load_record *rec)
{
    static const struct dlt645_field when = {
        .en = "record", .kind = DLT645_TIME, .len = 5, .pattern = "YMDhm"};
    struct reader r = reader_of(rec->time, sizeof rec->time);
    struct dlt645_value v;
    dlt645_field_take(&when, &r, &v);
    if (rec->doubtful)
        put_word(l, "doubtful");
    put_value(l, &v);
    for (unsigned i = 0; i < DLT645_LOAD_COLUMNS; i++)
        if (dlt645_load_value(rec, i, &v))
            put_value(l, &v);
}

/* Records one after another, then what is none. */
static void put_records(struct line *l, const struct dlt645_say *s, unsigned group)
{
    char hex[2 * DLT645_DATA_MAX + 1];
    struct dlt645_load_record rec;
    struct bytes rest = s->data;
    size_t used;
    put_word(l, "=");
    enum err e = dlt645_load_decode(rest, group, &rec, &used);
    for (; e == ERR_OK; e = dlt645_load_decode(rest, group, &rec, &used)) {
        put_record(l, &rec);
        rest = (struct bytes){rest.data + used, rest.len - used};
    }
    if (rest.len == 0)
        return;
    put_word(l, err_name(e));
    hex_encode(rest.data, rest.len, hex);
    put_word(l, hex);
}

static void put_data(struct line *l, const struct dlt645_say *s)
{
    struct dlt645_walk w;
    struct dlt645_value v;
    char hex[2 * DLT645_DATA_MAX + 1];
    unsigned group;
    if (dlt645_say_load(s, &group)) {
        put_records(l, s, group);
        return;
    }
    enum err e = dlt645_say_values(s, &w);
    put_word(l, "=");
    if (e == ERR_FRAME_LENGTH)
        put_word(l, "FRAME_LENGTH");
    if (e != ERR_OK) {
        hex_encode(s->data.data, s->data.len, hex);
        put_word(l, hex);
        return;
    }
    while (dlt645_walk_next(&w, &v))
        put_value(l, &v);
}

static void put_id(struct line *l, const struct dlt645_say *s)
{
    char id[9], name[160];
    snprintf(id, sizeof id, s->era == DLT645_ERA_1997 ? "%04X" : "%08X", (unsigned)s->id);
    put_word(l, id);
    put_text(l, " (");
    if (s->item)
        dlt645_item_name(s->item, s->id, false, name, sizeof name);
    put_text(l, s->item ? name : s->id_en ? s->id_en : "unknown");
    put_text(l, ")");
}

static void put_bytes(struct line *l, const char *name, struct bytes b)
{
    char hex[2 * DLT645_DATA_MAX + 1];
    if (b.len == 0)
        return;
    hex_encode(b.data, b.len, hex);
    put_word(l, name);
    put_word(l, hex);
}

static void frame_text(const struct dlt645_frame *f, struct line *l)
{
    struct dlt645_say s;
    char address[13];
    *l = (struct line){0};
    dlt645_say(f, DLT645_ERA_GUESS, &s);
    dlt645_address_text(f->address, address);
    put_word(l, s.era == DLT645_ERA_1997 ? "1997" : "2007");
    put_word(l, address);
    put_word(l, s.answer ? "answer" : "request");
    put_word(l, s.function_words->name);
    if (s.follows)
        put_word(l, "FOLLOWS");
    if (s.has_id)
        put_id(l, &s);
    if (s.sequence >= 0) {
        char n[16];
        snprintf(n, sizeof n, "#%d", s.sequence);
        put_word(l, n);
    }
    if (s.layout)
        put_layout(l, &s);
    if (s.refusal != DLT645_REFUSAL_NONE) {
        put_word(l, "refused");
        const struct dlt645_words *w;
        for (unsigned i = 0; (w = dlt645_refusal_words(s.refusal, s.refusal_bits, i)); i++)
            put_word(l, w->name);
    }
    if (s.answer && !s.abnormal && s.function == DLT645_CONTROL && s.data.len == 2)
        put_status(l, &s);
    else if (s.data.len > 0)
        put_data(l, &s);
    put_bytes(l, "cipher", s.cipher);
    put_bytes(l, "signature", s.mac);
    if (s.err != ERR_OK)
        put_word(l, err_name(s.err));
}

#endif
