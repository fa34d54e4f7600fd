#include "api/jwrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

void jwrite_put(struct jwrite *w, const char *text, size_t len)
{
    if (w->failed)
        return;
    if (w->cap - w->len <= len) {
        size_t cap = w->cap ? w->cap : 512;
        while (cap - w->len <= len)
            cap *= 2;
        char *more = realloc(w->data, cap);
        if (!more) {
            w->failed = true;
            return;
        }
        w->data = more;
        w->cap = cap;
    }
    memcpy(w->data + w->len, text, len);
    w->len += len;
}

static void put(struct jwrite *w, const char *text)
{
    jwrite_put(w, text, strlen(text));
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xC2 && p[0] < 0xE0   ? 2
               : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
               : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                             : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] >= 0xA0;
    bool beyond = p[0] == 0xF4 && p[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

static void escape(struct jwrite *w, unsigned char c)
{
    char text[8];
    if (c == '"' || c == '\\')
        snprintf(text, sizeof text, "\\%c", c);
    else if (c == '\n')
        snprintf(text, sizeof text, "\\n");
    else
        snprintf(text, sizeof text, "\\u%04x", c);
    put(w, text);
}

static void string(struct jwrite *w, const char *v, size_t len)
{
    const unsigned char *p = (const unsigned char *)v;
    size_t clean = 0; /* start of the run that needs no escape */
    jwrite_put(w, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t n = sequence(p + i, len - i);
        if (n > 0 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7F) {
            i += n;
            continue;
        }
        jwrite_put(w, v + clean, i - clean);
        if (n > 0)
            escape(w, p[i]);
        else
            put(w, "\xEF\xBF\xBD");
        clean = ++i;
    }
    jwrite_put(w, v + clean, len - clean);
    jwrite_put(w, "\"", 1);
}

static void before(struct jwrite *w, const char *key)
{
    if (w->comma)
        jwrite_put(w, ",", 1);
    w->comma = true;
    if (key) {
        string(w, key, strlen(key));
        jwrite_put(w, ":", 1);
    }
}

static void open(struct jwrite *w, const char *key, const char *opener, char closer)
{
    before(w, key);
    put(w, opener);
    MUST(w->depth < JWRITE_DEPTH_MAX);
    w->closers[w->depth++] = closer;
    w->comma = false;
}

void jwrite_object(struct jwrite *w, const char *key)
{
    open(w, key, "{", '}');
}

void jwrite_array(struct jwrite *w, const char *key)
{
    open(w, key, "[", ']');
}

void jwrite_end(struct jwrite *w)
{
    MUST(w->depth > 0);
    jwrite_put(w, &w->closers[--w->depth], 1);
    w->comma = true;
}

void jwrite_int(struct jwrite *w, const char *key, int64_t v)
{
    char text[24];
    before(w, key);
    jwrite_put(w, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)v));
}

void jwrite_id(struct jwrite *w, const char *key, int64_t v)
{
    if (v)
        jwrite_int(w, key, v);
    else
        jwrite_null(w, key);
}

void jwrite_bool(struct jwrite *w, const char *key, bool v)
{
    before(w, key);
    put(w, v ? "true" : "false");
}

void jwrite_null(struct jwrite *w, const char *key)
{
    before(w, key);
    put(w, "null");
}

void jwrite_text_n(struct jwrite *w, const char *key, const char *v, size_t len)
{
    before(w, key);
    string(w, v, len);
}

void jwrite_text(struct jwrite *w, const char *key, const char *v)
{
    if (v)
        jwrite_text_n(w, key, v, strlen(v));
    else
        jwrite_null(w, key);
}

void jwrite_raw(struct jwrite *w, const char *key, const char *v)
{
    before(w, key);
    put(w, v && *v ? v : "{}");
}

char *jwrite_take(struct jwrite *w, size_t *len)
{
    MUST(w->depth == 0);
    jwrite_put(w, "", 1);
    char *text = w->failed ? NULL : w->data;
    if (w->failed)
        free(w->data);
    *len = text ? w->len - 1 : 0;
    *w = (struct jwrite){};
    return text;
}

void jwrite_drop(struct jwrite *w)
{
    free(w->data);
    *w = (struct jwrite){};
}
