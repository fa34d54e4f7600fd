/*
 * DL/T 645: any bytes may come off a line. Cuts every frame out of the input, says what each one
 * means, and joins answers; promises checked on the way:
 *   - the cursor always moves, and never past the end;
 *   - what was cut is encoded again to the same bytes;
 *   - load records, alone and joined, lie within their bytes, and each lets the next be found.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/vectors/frame_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool promise)
{
    if (!promise)
        abort();
}

static void check_records(struct bytes data, unsigned group)
{
    struct dlt645_load_record rec;
    struct dlt645_value v;
    wall_s t;
    size_t used;
    enum err e;
    while ((e = dlt645_load_decode(data, group, &rec, &used)) != ERR_TRUNCATED) {
        check(used > 0 && used <= data.len);
        for (unsigned i = 0; e == ERR_OK && i < DLT645_LOAD_COLUMNS; i++)
            if (dlt645_load_value(&rec, i, &v))
                check(v.raw.data >= data.data && v.raw.data + v.raw.len <= data.data + used);
        if (e == ERR_OK)
            (void)dlt645_load_time(&rec, 0, &t);
        data = (struct bytes){data.data + used, data.len - used};
    }
    check(used <= data.len);
}

static void check_frame(const struct dlt645_frame *f, const uint8_t *end, struct dlt645_join *join,
                        struct writer *joined)
{
    uint8_t out[DLT645_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    struct line said;
    dlt645_encode(f, 0, &w);
    check(w.err == ERR_OK && memcmp(out, end - w.len, w.len) == 0);
    frame_text(f, &said);
    enum err e = dlt645_join_add(join, f, joined);
    check(e == ERR_OK || e == ERR_STATE || e == ERR_FRAME_LENGTH || e == ERR_FULL);
    check_records((struct bytes){f->data, f->len}, f->control % (DLT645_LOAD_GROUPS + 1));
    check_records((struct bytes){joined->data, joined->len}, f->control % (DLT645_LOAD_GROUPS + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t space[1024];
    struct writer joined = writer_of(space, sizeof space);
    struct dlt645_join join = {0};
    struct dlt645_frame f;
    size_t at = 0, used = 0;
    while (at < size) {
        enum err e = dlt645_decode(data + at, size - at, &f, &used);
        check(used <= size - at);
        if (e == ERR_TRUNCATED)
            return 0;
        check(used > 0);
        at += used;
        if (e == ERR_OK)
            check_frame(&f, data + at, &join, &joined);
    }
    return 0;
}
