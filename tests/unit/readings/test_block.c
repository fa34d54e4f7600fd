#include "tests/unit/check.h"

#include <stdlib.h>

#include "base/rand.h"
#include "base/varint.h"
#include "readings/block.h"

#define COLUMNS 12

struct made {
    struct block block;
    struct block_column columns[COLUMNS];
    uint16_t slots[COLUMNS][BLOCK_SLOTS_MAX];
    int64_t values[COLUMNS][BLOCK_SLOTS_MAX];
};

static void make(struct made *m, struct rand_stream *r)
{
    m->block = (struct block){.meter_id = (int64_t)rand_below(r, 1'000'000),
                              .day = 20'000 + (int32_t)rand_below(r, 1000),
                              .from = {1'760'000'000},
                              .column_count = rand_below(r, COLUMNS + 1),
                              .columns = m->columns};
    for (size_t i = 0; i < m->block.column_count; i++) {
        size_t n = 0;
        unsigned density = 1 + (unsigned)rand_below(r, 999);
        int64_t v = (int64_t)rand_below(r, 1'000'000'000);
        for (uint16_t s = 0; s < BLOCK_SLOTS_MAX; s++) {
            if (!rand_chance(r, density) && !(n == 0 && s == BLOCK_SLOTS_MAX - 1))
                continue;
            v += rand_chance(r, 5) ? (int64_t)rand_u64(r) >> 2 : (int64_t)rand_below(r, 200) - 20;
            m->slots[i][n] = s;
            m->values[i][n++] = v;
        }
        struct block_column *c = &m->columns[i];
        *c = (struct block_column){.count = n, .slots = m->slots[i], .values = m->values[i]};
        c->point = 1 + (unsigned)rand_below(r, 63);
        c->epoch = (int64_t)rand_below(r, 5);
        c->began = (enum block_began)rand_below(r, 4);
    }
}

static void check_same(const struct block *a, const struct block *b)
{
    assert_int_equal(a->meter_id, b->meter_id);
    assert_int_equal(a->day, b->day);
    assert_int_equal(a->from.s, b->from.s);
    assert_int_equal(a->column_count, b->column_count);
    for (size_t i = 0; i < a->column_count; i++) {
        const struct block_column *c = &a->columns[i], *d = &b->columns[i];
        assert_int_equal(c->point, d->point);
        assert_int_equal(c->epoch, d->epoch);
        assert_int_equal(c->began, d->began);
        assert_int_equal(c->count, d->count);
        assert_memory_equal(c->slots, d->slots, c->count * sizeof *c->slots);
        assert_memory_equal(c->values, d->values, c->count * sizeof *c->values);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    static struct made m;
    struct rand_stream r = rand_split(11, "block");
    for (int i = 0; i < 300; i++) {
        uint8_t *body;
        size_t len;
        struct block back;
        make(&m, &r);
        assert_ok(block_encode(&m.block, &body, &len));
        assert_ok(block_decode((struct bytes){body, len}, &back));
        check_same(&m.block, &back);
        block_free(&back);
        free(body);
    }
}

/* One day at three minutes of a meter that uses between 0 and 60 Wh a step. */
static void make_day(struct made *m)
{
    struct rand_stream r = rand_split(12, "day");
    *m = (struct made){.block = {.meter_id = 7, .day = 20'500, .columns = m->columns}};
    m->block.column_count = 1;
    int64_t wh = 1'234'560;
    for (uint16_t i = 0; i < 480; i++) {
        wh += (int64_t)rand_below(&r, 7) * 10;
        m->slots[0][i] = (uint16_t)(i * 3);
        m->values[0][i] = wh;
    }
    m->columns[0] = (struct block_column){
        .point = 1, .epoch = 1, .count = 480, .slots = m->slots[0], .values = m->values[0]};
}

static void test_a_day_is_small(void **state)
{
    (void)state;
    static struct made m;
    uint8_t *body;
    size_t len;
    make_day(&m);
    assert_ok(block_encode(&m.block, &body, &len));
    print_message("480 values: %zu bytes\n", len);
    assert_true(len < 480 * 8 / 8); /* at least eight times smaller than raw */
    free(body);
}

/* Any single damaged byte, and any cut, is noticed by name. */
static void test_damage_is_named(void **state)
{
    (void)state;
    static struct made m;
    uint8_t *body;
    size_t len;
    make_day(&m);
    assert_ok(block_encode(&m.block, &body, &len));
    for (size_t i = 0; i < len; i++) {
        struct block b;
        body[i] ^= 0x10;
        enum err e = block_decode((struct bytes){body, len}, &b);
        assert_err(i < 4 ? ERR_BLOCK_MAGIC : ERR_BLOCK_CHECKSUM, e);
        body[i] ^= 0x10;
        e = block_decode((struct bytes){body, i}, &b);
        assert_err(i < 4 ? ERR_BLOCK_MAGIC : ERR_BLOCK_CHECKSUM, e);
    }
    free(body);
}

static void rechecksum(uint8_t *body, size_t len)
{
    struct writer w = writer_of(body + 4, 4);
    writer_u32le(&w, crc32c(body + 8, len - 8));
}

/* Bytes that are wrong but carry the right checksum never pass as another block's shape, and never
 * read or write out of bounds (the sanitizer build watches). */
static void test_garbage_with_good_checksum(void **state)
{
    (void)state;
    static struct made m;
    struct rand_stream r = rand_split(13, "garbage");
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
        uint8_t *body;
        size_t len;
        struct block b;
        make(&m, &r);
        assert_ok(block_encode(&m.block, &body, &len));
        for (int k = 0; k < 3; k++) {
            size_t at = 8 + rand_below(&r, len - 8);
            body[at] ^= (uint8_t)(1 + rand_below(&r, 255));
        }
        rechecksum(body, len);
        enum err e = block_decode((struct bytes){body, len}, &b);
        assert_true(e == ERR_OK || e == ERR_BLOCK_SYNTAX);
        refused += e != ERR_OK;
        block_free(&b);
        free(body);
    }
    assert_true(refused > 1000);
}

static void test_limits(void **state)
{
    (void)state;
    static struct made m;
    uint8_t *body;
    size_t len;
    make_day(&m);
    m.columns[0].point = 64;
    assert_err(ERR_RANGE, block_encode(&m.block, &body, &len));
    m.columns[0].point = 1;
    m.columns[0].count = 0;
    assert_err(ERR_RANGE, block_encode(&m.block, &body, &len));
    m.columns[0].count = 480;
    m.slots[0][5] = m.slots[0][4];
    assert_err(ERR_RANGE, block_encode(&m.block, &body, &len));
    m.slots[0][5] = BLOCK_SLOTS_MAX;
    assert_err(ERR_RANGE, block_encode(&m.block, &body, &len));
    m.block.column_count = BLOCK_COLUMNS_MAX + 1;
    assert_err(ERR_RANGE, block_encode(&m.block, &body, &len));
}

static void test_varints(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(14, "varint");
    uint8_t room[10];
    for (int i = 0; i < 10'000; i++) {
        uint64_t bits = rand_u64(&r), v = bits >> rand_below(&r, 64);
        struct writer w = writer_of(room, sizeof room);
        varint_put(&w, v);
        assert_ok(w.err);
        struct reader rd = reader_of(room, w.len);
        assert_true(varint_get(&rd) == v);
        assert_ok(rd.err);
        assert_true(unzigzag(zigzag((int64_t)v)) == (int64_t)v);
    }
    static const uint8_t endless[11] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                        0xFF, 0xFF, 0xFF, 0x02, 0x00};
    struct reader rd = reader_of(endless, sizeof endless);
    (void)varint_get(&rd);
    assert_err(ERR_RANGE, rd.err);
    rd = reader_of(endless, 3);
    (void)varint_get(&rd);
    assert_err(ERR_TRUNCATED, rd.err);
    assert_true(zigzag(-1) == 1 && zigzag(1) == 2 && zigzag(INT64_MIN) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_a_day_is_small),
        cmocka_unit_test(test_damage_is_named),
        cmocka_unit_test(test_garbage_with_good_checksum),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_varints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
