/*
 * DL/T 645: any bytes may come off a line. Cuts every frame out of the input, says what each one
 * means, and joins answers; promises checked on the way:
 *   - the cursor always moves, and never past the end;
 *   - what was cut is encoded again to the same bytes.
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
