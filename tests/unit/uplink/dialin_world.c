#include "tests/unit/uplink/dialin_world.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"

static void add(struct world *w, const char *format, ...)
{
    va_list args;
    size_t at = strlen(w->log);
    va_start(args, format);
    int n = vsnprintf(w->log + at, sizeof w->log - at, format, args);
    va_end(args);
    assert_true(n >= 0 && at + (size_t)n < sizeof w->log);
}

static void do_send(void *ctx, int64_t conn, const uint8_t *data, size_t len)
{
    struct world *w = ctx;
    if (!w->frames) {
        add(w, "send %d %.*s;", (int)conn, (int)len, (const char *)data);
        return;
    }
    assert_true(len <= sizeof w->sent);
    memcpy(w->sent, data, len);
    w->sent_len = len;
}

static void do_close(void *ctx, int64_t conn)
{
    add(ctx, "close %d;", (int)conn);
}

static void do_up(void *ctx, int64_t line)
{
    add(ctx, "up %d;", (int)line);
}

static void do_down(void *ctx, int64_t line, enum err why)
{
    add(ctx, "down %d %s;", (int)line, err_name(why));
}

static void do_received(void *ctx, int64_t line, const uint8_t *data, size_t len)
{
    struct world *w = ctx;
    char hex[1024];
    if (w->frames)
        hex_encode(data, len, hex);
    add(w, "got %d %.*s;", (int)line, w->frames ? (int)(2 * len) : (int)len,
        w->frames ? hex : (const char *)data);
}

static void do_note(void *ctx, const struct dialin_note *n)
{
    static const char *const names[] = {"bound",  "twin",     "displaced", "unknown",
                                        "silent", "unproven", "broken"};
    add(ctx, "%s %d %.*s;", names[n->event], (int)n->conn, (int)n->said_len, (const char *)n->said);
}

static void do_told(void *ctx, const struct dialin_told *t)
{
    add(ctx, "told %d %u at %lld", (int)t->line, t->address, (long long)t->at.s);
    for (size_t i = 0; i < t->count; i++)
        add(ctx, " %d=%lld", (int)t->points[i].point, (long long)t->points[i].value);
    add(ctx, ";");
}

void world_line(struct world *w, int64_t id, const char *endpoint, enum err want)
{
    struct dialin_endpoint e;
    assert_ok(dialin_endpoint_parse(endpoint, &e));
    assert_int_equal(dialin_line_add(w->d, id, &e), want);
}

void world_open(struct world *w)
{
    *w = (struct world){.now = {1'000'000}, .frames = w->frames};
    struct dialin_io io = {w, do_send, do_close, do_up, do_down, do_received, do_told, do_note};
    assert_ok(dialin_new(&w->d, &io));
}

int world_close(void **state)
{
    dialin_free(((struct world *)*state)->d);
    return 0;
}

void expect(struct world *w, const char *log)
{
    assert_string_equal(w->log, log);
    w->log[0] = '\0';
}
