#include "journal/detail.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Kept free at the end for `,"cut":true}`. */
#define DETAIL_TAIL 16

/* Adds one piece of a member, or remembers that it did not fit. */
static bool put(struct detail *d, const char *text, size_t len)
{
    if (d->len + len + DETAIL_TAIL > DETAIL_MAX)
        return false;
    memcpy(d->text + d->len, text, len);
    d->len += len;
    return true;
}

static bool put_name(struct detail *d, const char *name)
{
    return put(d, d->len ? ",\"" : "{\"", 2) && put(d, name, strlen(name)) && put(d, "\":", 2);
}

static void put_member(struct detail *d, const char *name, const char *json)
{
    size_t before = d->len;
    if (put_name(d, name) && put(d, json, strlen(json)))
        return;
    d->len = before;
    d->cut = true;
}

void detail_int(struct detail *d, const char *name, int64_t value)
{
    char text[TEXT_INT_MAX];
    text_int(text, value);
    put_member(d, name, text);
}

void detail_bool(struct detail *d, const char *name, bool value)
{
    put_member(d, name, value ? "true" : "false");
}

void detail_json(struct detail *d, const char *name, const char *json)
{
    put_member(d, name, json);
}

size_t detail_utf8_length(const unsigned char *s, size_t left)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } forms[] = {
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (s[0] < forms[i].from || s[0] > forms[i].to || left < forms[i].len)
            continue;
        if (forms[i].len > 1 && (s[1] < forms[i].second_from || s[1] > forms[i].second_to))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if (s[k] < 0x80 || s[k] > 0xBF)
                return 0;
        return forms[i].len;
    }
    return 0;
}

static size_t escape(const unsigned char *s, size_t len, char out[8])
{
    if (len == 0)
        return (size_t)snprintf(out, 8, "\\ufffd");
    if (s[0] == '"' || s[0] == '\\')
        return (size_t)snprintf(out, 8, "\\%c", s[0]);
    if (s[0] < 0x20 || s[0] == 0x7F)
        return (size_t)snprintf(out, 8, "\\u%04x", s[0]);
    memcpy(out, s, len);
    return len;
}

void detail_text(struct detail *d, const char *name, const char *value)
{
    if (!value) {
        put_member(d, name, "null");
        return;
    }
    size_t before = d->len, left = strlen(value), used = 0;
    const unsigned char *s = (const unsigned char *)value;
    bool fits = put_name(d, name) && put(d, "\"", 1);
    while (fits && left > 0 && used < DETAIL_TEXT_MAX) {
        char piece[8];
        size_t len = detail_utf8_length(s, left), step = len ? len : 1;
        if (used + step > DETAIL_TEXT_MAX)
            break;
        fits = put(d, piece, escape(s, len, piece));
        s += step;
        used += step;
        left -= step;
    }
    if (fits && put(d, "\"", 1))
        return;
    d->len = before;
    d->cut = true;
}

const char *detail_end(struct detail *d)
{
    const char *tail = d->cut ? "\"cut\":true}" : "}";
    size_t len = strlen(tail);
    if (d->len == 0)
        d->text[d->len++] = '{';
    else if (d->cut)
        d->text[d->len++] = ',';
    memcpy(d->text + d->len, tail, len + 1);
    return d->text;
}
