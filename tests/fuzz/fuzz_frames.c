/*
 * Frames of CJ/T 188, Modbus, M-Bus and Acrel's uplinks: any bytes may come off a line. What is
 * decoded is said in words and, encoded again, is the same frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/acrel.h"
#include "proto/acrel4g.h"
#include "proto/cjt188.h"
#include "proto/mbus.h"
#include "proto/modbus_rare.h"

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
    modbus_say_all(f, see, NULL);
    if (f->count == 0 || f->exception)
        return;
    if (modbus_is_coils(f->function)) /* understood, not written */
        check(modbus_encode(f, &w) == ERR_FRAME_UNKNOWN || f->count > MODBUS_REGISTERS_MAX);
    else
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

static void see_value(void *arg, const struct acrel_value *v)
{
    const struct bytes *all = arg;
    check(v->meter.len <= all->len && v->function.len <= all->len && v->value.len <= all->len);
    int64_t number;
    unsigned port, address;
    (void)acrel_decimal(v->value, 3, &number);
    (void)acrel_meter_id(v->meter, &port, &address);
}

/* What a gateway would have enciphered, too: nothing gets so far by chance. */
static void try_acrel_text(const uint8_t *data, size_t size)
{
    struct bytes all = {data, size}, time;
    struct acrel_auth auth, back;
    uint8_t room[1024], rtu[ACREL_RTU_MAX];
    unsigned port, address;
    struct writer w = writer_of(room, sizeof room), r = writer_of(rtu, sizeof rtu);
    (void)acrel_report_read(all, &time, see_value, &all);
    if (acrel_auth_read(all, &auth) == ERR_OK && auth.building_id.len < 64) {
        acrel_auth_write(&auth, &w);
        check(w.err == ERR_OK || w.err == ERR_SYNTAX);
        if (w.err == ERR_OK)
            check(acrel_auth_read((struct bytes){room, w.len}, &back) == ERR_OK &&
                  back.operation == auth.operation && back.value.len == auth.value.len);
    }
    (void)acrel_downlink_read(all, &port, &address, &r);
}

static void try_acrel(const uint8_t *data, size_t size)
{
    struct acrel_frame f;
    struct acrel4g_frame g;
    uint8_t room[ACREL4G_FRAME_MAX];
    size_t used;
    try_acrel_text(data, size);
    if (acrel_decode(data, size, &f, &used) == ERR_OK) {
        check(used <= size && used == f.data.len + ACREL_HEAD);
        (void)acrel_say(&f, see, NULL);
        try_acrel_text(f.data.data, f.data.len);
    }
    if (acrel4g_decode(data, size, &g, &used) != ERR_OK)
        return;
    struct writer w = writer_of(room, sizeof room);
    acrel4g_encode(&g, &w);
    check(w.err == ERR_OK && w.len == used && memcmp(room, data, used) == 0);
    (void)acrel4g_say(&g, see, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct modbus_frame f;
    size_t used;
    try_cjt188(data, size);
    try_mbus(data, size);
    try_records(data, size);
    try_acrel(data, size);
    if (modbus_decode_rtu_all(data, size, &f, &used) == ERR_OK)
        try_modbus(&f, data, used);
    if (modbus_decode_tcp_all(data, size, &f, &used) == ERR_OK)
        try_modbus(&f, data, used);
    return 0;
}
