#include "proto/dtu.h"

#include <string.h>

/* --- packets ---------------------------------------------------------------------------------- */

enum err dtu_packet_parse(const char *text, size_t text_len, struct dtu_packet *out)
{
    *out = (struct dtu_packet){0};
    if (text_len == 0)
        return ERR_SYNTAX;
    if (text_len >= 2 && text[0] == '0' && text[1] == 'x') {
        size_t len = 0;
        if (text_len - 2 > 2 * sizeof out->data)
            return ERR_RANGE;
        TRY(hex_decode(text + 2, text_len - 2, out->data, sizeof out->data, &len));
        out->len = (uint8_t)len;
        return len > 0 ? ERR_OK : ERR_SYNTAX;
    }
    if (text_len > sizeof out->data)
        return ERR_RANGE;
    memcpy(out->data, text, text_len);
    out->len = (uint8_t)text_len;
    return ERR_OK;
}

size_t dtu_packet_begun(const struct dtu_packet *p, const uint8_t *data, size_t len)
{
    for (size_t n = p->len < len ? p->len : len; n > 0; n--)
        if (memcmp(data + len - n, p->data, n) == 0)
            return n;
    return 0;
}

bool dtu_packets_differ(const struct dtu_packet *a, const struct dtu_packet *b)
{
    size_t shorter = a->len < b->len ? a->len : b->len;
    return a->len == b->len || shorter == 0 || memcmp(a->data, b->data, shorter) != 0;
}

/* --- the stream ------------------------------------------------------------------------------- */

void dtu_filter_init(struct dtu_filter *f, const struct dtu_packet *registration,
                     const struct dtu_packet *heartbeat)
{
    *f = (struct dtu_filter){.packets = {*registration, *heartbeat}};
}

static bool alone(const struct dtu_filter *f, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < 2 && f->held_len == 0; i++)
        if (f->packets[i].len == len && len > 0 && memcmp(f->packets[i].data, data, len) == 0)
            return true;
    return false;
}

/* Is what is held the beginning of a packet? *whole: one, and all of it. */
static bool begins(const struct dtu_filter *f, bool *whole)
{
    bool some = false;
    *whole = false;
    for (size_t i = 0; i < 2; i++) {
        const struct dtu_packet *p = &f->packets[i];
        if (p->len < DTU_PACKET_SURE || p->len < f->held_len ||
            memcmp(p->data, f->held, f->held_len) != 0)
            continue;
        some = true;
        *whole = *whole || p->len == f->held_len;
    }
    return some;
}

struct gathered {
    uint8_t data[512];
    size_t len;
    dtu_sink *sink;
    void *arg;
};

static void hand_on(struct gathered *g)
{
    if (g->len > 0)
        g->sink(g->arg, g->data, g->len);
    g->len = 0;
}

static void gather(struct gathered *g, uint8_t byte)
{
    if (g->len == sizeof g->data)
        hand_on(g);
    g->data[g->len++] = byte;
}

static void take(struct dtu_filter *f, uint8_t byte, struct gathered *g)
{
    bool whole;
    f->held[f->held_len++] = byte;
    while (f->held_len > 0 && !begins(f, &whole)) {
        gather(g, f->held[0]);
        memmove(f->held, f->held + 1, --f->held_len);
    }
    if (f->held_len > 0 && whole) {
        f->held_len = 0;
        f->taken++;
    }
}

void dtu_filter_feed(struct dtu_filter *f, const uint8_t *data, size_t len, dtu_sink *sink,
                     void *arg)
{
    if (alone(f, data, len)) {
        f->taken++;
        return;
    }
    struct gathered g = {.sink = sink, .arg = arg};
    for (size_t i = 0; i < len; i++)
        take(f, data[i], &g);
    hand_on(&g);
}

void dtu_filter_release(struct dtu_filter *f, dtu_sink *sink, void *arg)
{
    if (f->held_len > 0)
        sink(arg, f->held, f->held_len);
    f->held_len = 0;
}
