/*
 * Frames of CJ/T 188, Modbus and M-Bus: any bytes may come off a line. What is decoded is said in
 * words and, encoded again, is the same frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cjt188.h"
#include "proto/mbus.h"
#include "proto/modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void see(void *arg, const struct say_value *v)
{
    (void)arg;
    check(v->en && v->zh && v->unit && strlen(v->text) < sizeof v->text &&
          strlen(v->note) < sizeof v->note);
}

static void try_cjt188(const uint8_t *data, size_t size)
{
    struct cjt188_frame f, back;
    uint8_t room[CJT188_FRAME_MAX];
    size_t used, again;
    if (cjt188_decode(data, size, &f, &used) != ERR_OK)
        return;
    check(used <= size);
    struct writer w = writer_of(room, sizeof room);
    cjt188_encode(&f, 4, &w);
    check(w.err == ERR_OK && cjt188_decode(room, w.len, &back, &again) == ERR_OK && again == w.len);
    check(back.len == f.len && memcmp(back.data, f.data, f.len) == 0 && back.type == f.type);
    (void)cjt188_say(&f, see, NULL);
}

static void try_mbus(const uint8_t *data, size_t size)
{
    struct mbus_frame f, back;
    uint8_t room[MBUS_FRAME_MAX + 8];
    size_t used, again;
    if (mbus_decode(data, size, &f, &used) != ERR_OK)
        return;
    check(used <= size);
    struct writer w = writer_of(room, sizeof room);
    mbus_encode(&f, &w);
    check(w.err == ERR_OK && w.len == used && memcmp(room, data, used) == 0);
    check(mbus_decode(room, w.len, &back, &again) == ERR_OK && again == used);
    (void)mbus_say(&f, see, NULL);
}

static void try_modbus(const struct modbus_frame *f, const uint8_t *data, size_t used)
{
    uint8_t room[MODBUS_FRAME_MAX + 8];
    struct writer w = writer_of(room, sizeof room);
    modbus_say(f, see, NULL);
    if (f->count > 0 && !f->exception)
        check(modbus_encode(f, &w) == ERR_OK && w.len == used && memcmp(room, data, used) == 0);
}

/* The records alone too: behind a checksum few inputs get so far. */
static void try_records(const uint8_t *data, size_t size)
{
    struct mbus_frame f = {.kind = MBUS_LONG, .control = MBUS_RSP_UD, .ci = 0x72};
    struct cjt188_frame c = {.type = size ? data[0] : 0x10, .control = size > 1 ? data[1] : 0x81};
    f.len = (uint8_t)(size < sizeof f.data ? size : sizeof f.data);
    memcpy(f.data, data, f.len);
    (void)mbus_say(&f, see, NULL);
    c.len = (uint8_t)(size < sizeof c.data ? size : sizeof c.data);
    memcpy(c.data, data, c.len);
    (void)cjt188_say(&c, see, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct modbus_frame f;
    size_t used;
    try_cjt188(data, size);
    try_mbus(data, size);
    try_records(data, size);
    if (modbus_decode_rtu(data, size, &f, &used) == ERR_OK)
        try_modbus(&f, data, used);
    if (modbus_decode_tcp(data, size, &f, &used) == ERR_OK)
        try_modbus(&f, data, used);
    return 0;
}
