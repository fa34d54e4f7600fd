/*
 * Units that dial in: whatever a stranger sends on an open port. The first byte says how it is cut
 * and how long it waits between two pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "uplink/dialin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
    bool open[3];
    size_t received;
};

static void check(int promise)
{
    if (!promise)
        abort();
}

static void do_send(void *ctx, int64_t conn, const uint8_t *data, size_t len)
{
    check(((struct world *)ctx)->open[conn] && data != NULL && len > 0);
}

static void do_close(void *ctx, int64_t conn)
{
    struct world *w = ctx;
    check(w->open[conn]);
    w->open[conn] = false;
}

static void do_up(void *ctx, int64_t line)
{
    (void)ctx;
    check(line >= 1 && line <= 3);
}

static void do_down(void *ctx, int64_t line, enum err why)
{
    do_up(ctx, line);
    check(why != ERR_OK);
}

static void do_received(void *ctx, int64_t line, const uint8_t *data, size_t len)
{
    do_up(ctx, line);
    check(data != NULL && len > 0);
    ((struct world *)ctx)->received += len;
}

static void do_told(void *ctx, const struct dialin_told *told)
{
    do_up(ctx, told->line);
    check(told->count > 0 && told->count <= DIALIN_POINTS && told->address < 1000);
}

static void do_note(void *ctx, const struct dialin_note *note)
{
    (void)ctx;
    check(note->said_len <= DIALIN_FIRST_MAX);
}

static void add_line(struct dialin *d, int64_t id, const char *endpoint)
{
    struct dialin_endpoint e;
    check(dialin_endpoint_parse(endpoint, &e) == ERR_OK && dialin_line_add(d, id, &e) == ERR_OK);
}

static void feed(struct dialin *d, struct world *w, const uint8_t *data, size_t size)
{
    mono_ms now = {1'000};
    size_t piece = 1 + (data[0] & 15U);
    int64_t wait_ms = (data[0] >> 4) * 40;
    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        now = mono_after(now, wait_ms);
        dialin_tick(d, now);
        for (int64_t conn = 1; conn <= 2; conn++) /* two of them, the second a little behind */
            if (w->open[conn] && at >= (size_t)(conn - 1) * piece)
                dialin_data(d, conn, now, data + at, n);
    }
    dialin_tick(d, mono_after(now, DIALIN_TWIN_MS));
    dialin_tick(d, mono_after(now, 10 * DIALIN_SILENT_MS));
    check(!w->open[1] && !w->open[2] && dialin_wake(d).ms == MONO_NEVER.ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.open = {false, true, true}};
    struct dialin_io io = {&w, do_send, do_close, do_up, do_down, do_received, do_told, do_note};
    struct dialin *d;
    if (size == 0)
        return 0;
    check(dialin_new(&d, &io) == ERR_OK &&
          dialin_secret_put(d, "GW-001", "0123456789abcdef") == ERR_OK);
    add_line(d, 1, "dtu:0x68105417;0x01030000");
    add_line(d, 2, "acrel:GW-001/1");
    add_line(d, 3, "acrel-4g:02121031700227");
    for (int64_t conn = 1; conn <= 2; conn++)
        dialin_open(d, conn, (mono_ms){0}, (const uint8_t *)"0123456789abcdef");
    feed(d, &w, data, size);
    dialin_free(d);
    return 0;
}
