/*
 * Blocks: one meter, one local day, in a few hundred bytes. Format: docs/formats/block.md.
 */
#ifndef YUFU_READINGS_BLOCK_H
#define YUFU_READINGS_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

#define BLOCK_STEP_S 60
#define BLOCK_DAY_MAX_S (26 * 3600) /* a day with a clock change, and some room */
#define BLOCK_SLOTS_MAX (BLOCK_DAY_MAX_S / BLOCK_STEP_S)
#define BLOCK_COLUMNS_MAX 1024
#define BLOCK_PAYLOAD_MAX (16 * 1024 * 1024)

enum block_began { BLOCK_GOES_ON, BLOCK_EXCHANGE, BLOCK_RESET, BLOCK_ROLLOVER, BLOCK_BEGAN_COUNT };

struct block_column {
    unsigned point; /* 1 .. 63 */
    int64_t epoch;  /* >= 0 */
    enum block_began began;
    size_t count;          /* 1 .. BLOCK_SLOTS_MAX */
    const uint16_t *slots; /* rising */
    const int64_t *values;
};

struct block {
    int64_t meter_id;
    int32_t day;
    wall_s from;
    size_t column_count;
    const struct block_column *columns;
    void *memory; /* what a decoded block owns; NULL otherwise */
};

/* *out is malloc'd and the caller's. ERR_MEMORY; ERR_RANGE if the block breaks a limit above. */
[[nodiscard]] enum err block_encode(const struct block *b, uint8_t **out, size_t *len);
/* Give back with block_free. ERR_BLOCK_MAGIC, ERR_BLOCK_CHECKSUM, ERR_BLOCK_SYNTAX, ERR_MEMORY. */
[[nodiscard]] enum err block_decode(struct bytes body, struct block *b);
void block_free(struct block *b);

#endif
