/*
 * Blocks of readings: any bytes may come off a disk. The checksum is put right first, so that the
 * decoder itself is reached. What decodes is encoded and decoded again to the same content.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "readings/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void compare(const struct block *a, const struct block *b)
{
    check(a->meter_id == b->meter_id && a->day == b->day && a->from.s == b->from.s);
    check(a->column_count == b->column_count);
    for (size_t i = 0; i < a->column_count; i++) {
        const struct block_column *c = &a->columns[i], *d = &b->columns[i];
        check(c->point == d->point && c->epoch == d->epoch && c->began == d->began);
        check(c->count == d->count);
        check(memcmp(c->slots, d->slots, c->count * sizeof *c->slots) == 0);
        check(memcmp(c->values, d->values, c->count * sizeof *c->values) == 0);
    }
}

static void again(const struct block *b)
{
    uint8_t *body;
    size_t len;
    struct block back;
    check(block_encode(b, &body, &len) == ERR_OK);
    check(block_decode((struct bytes){body, len}, &back) == ERR_OK);
    compare(b, &back);
    block_free(&back);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block b;
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (size >= 8) {
        struct writer w = writer_of(copy + 4, 4);
        writer_u32le(&w, crc32c(copy + 8, size - 8));
    }
    if (block_decode((struct bytes){copy, size}, &b) == ERR_OK)
        again(&b);
    block_free(&b);
    free(copy);
    return 0;
}
