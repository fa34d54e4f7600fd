/* Sealing days, and looking back over sealed and open ones alike. */
#include "tests/unit/readings/rig.h"

#include "base/rand.h"

#define I(x) ((int64_t)(x))
#define WH(x) POINT_ENERGY_WH, I(x)

/* The register of meter `m` at second `s` after T0: 1 Wh each 4 s (900 W), cut to 10 Wh. */
static int64_t register_at(int64_t s)
{
    return 1'000'000 + s / 40 * 10;
}

static void run_days(struct rig *g, int64_t from_s, int64_t to_s)
{
    for (int64_t s = from_s; s < to_s; s += 180)
        rig_say(g, 7, 1, T0 + s, WH(register_at(s)), POINT_ENERGY_RATE2_WH,
                I(register_at(s) - 1'000'000), POINT_POWER_W, I(900), 0);
}

struct series {
    struct rig *g;
    struct readings_span span;
    struct readings_sample samples[2000];
    struct readings_usage usage[2000];
    size_t cap, count;
};

static enum err series(struct store_tx *tx, void *arg)
{
    struct series *s = arg;
    return readings_series(s->g->readings, tx, &s->span, s->samples, s->cap, &s->count);
}

static enum err usage(struct store_tx *tx, void *arg)
{
    struct series *s = arg;
    return readings_usage(s->g->readings, tx, &s->span, s->usage, s->cap, &s->count);
}

static struct series look(struct rig *g, int64_t from, int64_t to, int64_t step)
{
    return (struct series){
        .g = g, .span = {7, POINT_ENERGY_WH, {T0 + from}, {T0 + to}, step}, .cap = 2000};
}

static void seal_ok(struct rig *g, int32_t day)
{
    size_t left;
    assert_ok(rig_seal(g, day, 1000, &left));
    assert_int_equal(left, 0);
}

static void test_sealing_keeps_every_answer(void **state)
{
    struct rig *g = *state;
    run_days(g, 0, 3 * DAY);
    static struct series before, after;
    before = look(g, 0, 3 * DAY, 3600);
    assert_ok(store_read(g->store, usage, &before));
    assert_int_equal(before.count, 72);
    for (int d = 0; d < 3; d++)
        seal_ok(g, DAY0 + d);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM block"), 3);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily"), 3);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM hourly"), 72);
    after = look(g, 0, 3 * DAY, 3600);
    assert_ok(store_read(g->store, usage, &after));
    for (size_t i = 0; i < 72; i++) {
        assert_int_equal(before.usage[i].energy_wh, after.usage[i].energy_wh);
        assert_true(after.usage[i].measured);
        assert_in_range(before.usage[i].energy_wh, 840, 950);
    }
    struct readings_registers reg;
    for (int d = 1; d <= 3; d++) {
        assert_ok(rig_registers(g, 7, T0 + d * DAY - 1, &reg));
        assert_int_equal(reg.wh[0], register_at(d * DAY - 180));
        assert_int_equal(reg.wh[2], reg.wh[0] - 1'000'000);
        assert_int_equal(reg.at.s, T0 + d * DAY - 180);
    }
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), register_at(3 * DAY - 180));
}

/* What is read at midnight sharp closes the day before it and opens the new one. */
static void test_midnight_belongs_to_both(void **state)
{
    struct rig *g = *state;
    run_days(g, 0, 2 * DAY + 1);
    seal_ok(g, DAY0);
    seal_ok(g, DAY0 + 1);
    assert_int_equal(rig_count(g, "SELECT closing_wh FROM daily WHERE day = 20500"),
                     register_at(DAY));
    assert_int_equal(rig_count(g, "SELECT opening_wh FROM daily WHERE day = 20501"),
                     register_at(DAY));
    assert_int_equal(rig_count(g, "SELECT sum(energy_wh) FROM daily"),
                     register_at(2 * DAY) - register_at(0));
    assert_int_equal(rig_count(g, "SELECT sum(energy_wh) FROM hourly"),
                     register_at(2 * DAY) - register_at(0));
}

/* Sums of day rows telescope over a gap of days. */
static void test_gap_of_days(void **state)
{
    struct rig *g = *state;
    run_days(g, 0, DAY / 2);
    seal_ok(g, DAY0);
    for (int d = 1; d < 4; d++)
        seal_ok(g, DAY0 + d);
    run_days(g, 4 * DAY + 3600, 5 * DAY);
    seal_ok(g, DAY0 + 4);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily"), 2);
    assert_int_equal(rig_count(g, "SELECT sum(energy_wh) FROM daily"),
                     register_at(5 * DAY - 180) - register_at(0));
    static struct series s;
    s = look(g, 0, 5 * DAY, DAY);
    assert_ok(store_read(g->store, usage, &s));
    assert_int_equal(s.count, 5);
    assert_true(s.usage[0].measured);
    assert_false(s.usage[1].measured);
    assert_false(s.usage[3].measured);
    assert_true(s.usage[4].measured);
    struct readings_registers reg;
    assert_ok(rig_registers(g, 7, T0 + 4 * DAY, &reg)); /* four days back */
    assert_int_equal(reg.wh[0], register_at(DAY / 2 - 180));
}

/* Read once, silent since, and no day is over yet that could have been sealed. */
static void test_silence_before_anything_was_sealed(void **state)
{
    struct rig *g = *state;
    struct readings_registers reg;
    rig_say(g, 7, 1, T0, WH(4'000), 0);
    for (int64_t h = 0; h <= 40; h += 4) {
        assert_ok(rig_registers(g, 7, T0 + h * 3600, &reg));
        assert_int_equal(reg.wh[0], 4'000);
        assert_int_equal(reg.at.s, T0);
    }
    assert_err(ERR_NOT_FOUND, rig_registers(g, 7, T0 - 1, &reg));
    assert_err(ERR_NOT_FOUND, rig_registers(g, 8, T0 + 40 * 3600, &reg));
}

/* A gateway that was cut off delivers a sealed day late: holes are filled, what stood stays, and
 * the rows of that day and the next come out as if it had come in time. */
static void test_late_day(void **state)
{
    struct rig *g = *state;
    run_days(g, 0, DAY / 2);
    seal_ok(g, DAY0);
    assert_int_equal(rig_count(g, "SELECT closing_wh FROM daily WHERE day = 20500"),
                     register_at(DAY / 2 - 180));
    run_days(g, DAY / 2, 2 * DAY);
    seal_ok(g, DAY0 + 1);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM block"), 2);
    assert_int_equal(rig_count(g, "SELECT closing_wh FROM daily WHERE day = 20500"),
                     register_at(DAY));
    assert_int_equal(rig_count(g, "SELECT opening_wh FROM daily WHERE day = 20501"),
                     register_at(DAY));
    assert_int_equal(rig_count(g, "SELECT sum(energy_wh) FROM daily"),
                     register_at(2 * DAY - 180) - register_at(0));
    static struct series s;
    s = look(g, 0, 2 * DAY, 0);
    assert_ok(store_read(g->store, series, &s));
    assert_int_equal(s.count, 960);
}

/* R5: what was sealed is not rewritten, even by a reading of the same minute that fits. */
static void test_sealed_values_stay(void **state)
{
    struct rig *g = *state;
    struct readings_registers reg;
    rig_say(g, 7, 1, T0 + 600, WH(1000), 0);
    rig_say(g, 7, 1, T0 + 1200, WH(1100), 0);
    seal_ok(g, DAY0);
    struct uplink_reading late = {.meter_id = 7, .epoch = 1, .at = {T0 + 630}, .point_count = 1};
    late.points[0] = (struct uplink_point){POINT_ENERGY_WH, 1050};
    assert_ok(rig_batch(g, 900, T0 + DAY, &late, 1));
    late.at.s = T0 + 900;
    late.points[0].value = 1060;
    assert_ok(rig_batch(g, 901, T0 + DAY, &late, 1));
    seal_ok(g, DAY0);
    assert_ok(rig_registers(g, 7, T0 + 700, &reg));
    assert_int_equal(reg.wh[0], 1000);
    assert_ok(rig_registers(g, 7, T0 + 1000, &reg));
    assert_int_equal(reg.wh[0], 1060); /* a hole was filled */
}

/* Sealing twice, or in small portions, or again after a crash in between, changes nothing. */
static void test_sealing_is_repeatable(void **state)
{
    struct rig *g = *state;
    size_t left;
    for (int m = 1; m <= 5; m++)
        for (int64_t s = 0; s < DAY; s += 3600)
            rig_say(g, m, 1, T0 + s, WH(s / 10), 0);
    rig_say(g, 1, 1, T0 + DAY + 60, WH(DAY / 10), 0);
    int64_t batches = rig_count(g, "SELECT count(*) FROM batch");
    assert_ok(rig_seal(g, DAY0, 2, &left));
    assert_int_equal(left, 3);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM batch"), batches);
    rig_restart(g); /* a crash: all batches are there, so everything is open again */
    assert_ok(rig_seal(g, DAY0, 1000, &left));
    assert_int_equal(left, 0);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily"), 5);
    assert_int_equal(rig_count(g, "SELECT count(DISTINCT energy_wh) FROM daily"), 1);
    assert_true(rig_count(g, "SELECT count(*) FROM batch") < 5);
    assert_ok(rig_seal(g, DAY0, 1000, &left));
    assert_int_equal(rig_count(g, "SELECT count(*) FROM block"), 5);
    rig_restart(g);
    assert_int_equal(rig_value(g, 1, POINT_ENERGY_WH), DAY / 10);
    assert_int_equal(rig_value(g, 2, POINT_ENERGY_WH), (DAY - 3600) / 10);
}

/* Breaks survive sealing: the same closing and opening registers, and no energy out of thin air. */
static void test_breaks_survive_sealing(void **state)
{
    struct rig *g = *state;
    struct readings_place small = {.full_scale_wh = 1'000'000};
    struct readings_break b;
    assert_ok(readings_place(g->readings, 7, &small));
    rig_say(g, 7, 1, T0 + 600, WH(999'000), 0);
    rig_say(g, 7, 1, T0 + 1200, WH(500), 0); /* rollover: 1500 */
    rig_say(g, 7, 2, T0 + 1800, WH(70), 0);  /* exchange: 0 */
    rig_say(g, 7, 2, T0 + 2400, WH(170), 0); /* 100 */
    rig_say(g, 7, 2, T0 + 3000, WH(5), 0);   /* reset, when confirmed: 0 */
    rig_say(g, 7, 2, T0 + 3660, WH(10), 0);  /* 5 */
    for (int sealed = 0; sealed < 2; sealed++) {
        assert_ok(rig_break(g, 7, T0, T0 + DAY, &b));
        assert_int_equal(b.why, READINGS_ROLLOVER);
        assert_int_equal(b.closing.wh[0], 1'000'000);
        assert_ok(rig_break(g, 7, b.at.s, T0 + DAY, &b));
        assert_int_equal(b.why, READINGS_EXCHANGE);
        assert_int_equal(b.closing.wh[0], 500);
        assert_int_equal(b.opening.wh[0], 70);
        assert_int_equal(b.opening.epoch, 2);
        assert_ok(rig_break(g, 7, b.at.s, T0 + DAY, &b));
        assert_int_equal(b.why, READINGS_RESET);
        assert_int_equal(b.closing.wh[0], 170);
        assert_int_equal(b.opening.wh[0], 5);
        assert_err(ERR_NOT_FOUND, rig_break(g, 7, b.at.s, T0 + DAY, &b));
        static struct series s;
        s = look(g, 0, DAY, DAY);
        assert_ok(store_read(g->store, usage, &s));
        assert_int_equal(s.usage[0].energy_wh, 1605);
        seal_ok(g, DAY0);
    }
    assert_int_equal(rig_count(g, "SELECT energy_wh FROM daily"), 1605);
}

/* An exchange whose old meter was sealed days ago is still a break. */
static void test_exchange_after_sealing(void **state)
{
    struct rig *g = *state;
    struct readings_break b;
    rig_say(g, 7, 1, T0 + 600, WH(999'000), 0);
    seal_ok(g, DAY0);
    for (int restart = 0; restart < 2; restart++) {
        if (restart)
            rig_restart(g);
        else
            rig_say(g, 7, 2, T0 + DAY + 60, WH(3), 0);
        assert_ok(rig_break(g, 7, T0 + 600, T0 + 2 * DAY, &b));
        assert_int_equal(b.why, READINGS_EXCHANGE);
        assert_int_equal(b.closing.wh[0], 999'000);
        assert_int_equal(b.opening.wh[0], 3);
    }
    seal_ok(g, DAY0 + 1);
    assert_int_equal(rig_count(g, "SELECT energy_wh FROM daily WHERE day = 20501"), 0);
}

static void test_series_refusals_and_thinning(void **state)
{
    struct rig *g = *state;
    static struct series s;
    run_days(g, 0, 7200);
    s = look(g, 0, 7200, 600);
    assert_ok(store_read(g->store, series, &s));
    assert_int_equal(s.count, 12);
    assert_int_equal(s.samples[0].at.s, T0 + 540); /* the last of the first ten minutes */
    s.cap = 11;
    assert_err(ERR_FULL, store_read(g->store, series, &s));
    s.span.point = (enum meter_point)63;
    assert_err(ERR_RANGE, store_read(g->store, series, &s));
    s = look(g, 100, 0, 60);
    assert_err(ERR_RANGE, store_read(g->store, series, &s));
    assert_err(ERR_RANGE, store_read(g->store, usage, &s));
    s = look(g, 0, 100, 60);
    assert_err(ERR_RANGE, store_read(g->store, usage, &s)); /* not a whole number of steps */
    s = look(g, 0, 7200, 30);
    assert_err(ERR_RANGE, store_read(g->store, usage, &s));
    s = look(g, 0, 7200, 60);
    s.cap = 119;
    assert_err(ERR_FULL, store_read(g->store, usage, &s));
    s.cap = 2000;
    s.span.point = POINT_POWER_W;
    assert_err(ERR_RANGE, store_read(g->store, usage, &s));
}

static enum err damage(struct store_tx *tx, void *arg)
{
    (void)arg;
    return store_exec(tx, "UPDATE block SET body = substr(body, 1, length(body) - 1)", "");
}

static void test_damaged_block_is_named(void **state)
{
    struct rig *g = *state;
    struct readings_registers reg;
    run_days(g, 0, DAY);
    seal_ok(g, DAY0);
    assert_ok(store_run(g->store, damage, NULL));
    assert_err(ERR_BLOCK_CHECKSUM, rig_registers(g, 7, T0 + DAY, &reg));
}

static void test_day_rows(void **state)
{
    struct rig *g = *state;
    size_t left;
    for (int d = 0; d < 4; d++) {
        run_days(g, d * DAY, (d + 1) * DAY);
        seal_ok(g, DAY0 + d);
    }
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily WHERE meter_id = 7"), 4);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily WHERE meter_id = 7 "
                                  "AND closing_wh - opening_wh = energy_wh"),
                     4);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM daily a JOIN daily b USING (meter_id) "
                                  "WHERE meter_id = 7 AND b.day = a.day + 1 "
                                  "AND b.opening_wh = a.closing_wh"),
                     3);
    /* another group's day touches nothing */
    run_days(g, 4 * DAY, 4 * DAY + 600);
    struct readings_place other = {.group = 9};
    assert_ok(readings_place(g->readings, 7, &other));
    assert_ok(rig_seal(g, DAY0 + 4, 1000, &left));
    assert_int_equal(rig_count(g, "SELECT count(*) FROM block"), 4);
}

struct both {
    struct rig *g;
    struct readings_stretch stretch;
    bool unbroken, known;
    struct readings_registers registers;
};

static enum err look_both(struct store_tx *tx, void *arg)
{
    struct both *b = arg;
    return readings_unbroken(b->g->readings, tx, 7, &b->stretch, &b->unbroken, &b->known,
                             &b->registers);
}

static bool same_registers(const struct readings_registers *a, const struct readings_registers *b)
{
    return a->epoch == b->epoch && a->at.s == b->at.s && a->count == b->count &&
           memcmp(a->wh, b->wh, sizeof a->wh) == 0 && a->wallet_known == b->wallet_known &&
           a->wallet_at.s == b->wallet_at.s && a->balance_fen == b->balance_fen &&
           a->purchased_fen == b->purchased_fen;
}

/* A week with silences of days, registers that are told now and then, sales, one reset and one
 * exchange; the first days are sealed. */
static void live(struct rig *g, struct rand_stream *r)
{
    int64_t wh = 1'000'000, fen = 10'000, count = 1, epoch = 1;
    for (int64_t s = 0; s < 7 * DAY; s += 60 * (1 + (int64_t)rand_below(r, 60))) {
        s += rand_chance(r, 10) ? 2 * DAY : 0;
        if (rand_chance(r, 10))
            epoch++, wh = 5'000;
        wh += (int64_t)rand_below(r, 400);
        if (rand_chance(r, 50))
            count++, fen += 500;
        if (rand_chance(r, 300))
            rig_say(g, 7, epoch, T0 + s, WH(wh), POINT_ENERGY_RATE2_WH, wh / 2, POINT_BALANCE_FEN,
                    fen, POINT_PURCHASE_COUNT, count, 0);
        else
            rig_say(g, 7, epoch, T0 + s, WH(wh), 0);
    }
}

/* Two answers from one look are those of two looks. */
static void test_one_look_for_two(void **state)
{
    size_t unbroken = 0, known = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rand_stream r = rand_split(seed, "look");
        void *place = NULL;
        assert_int_equal(rig_open(&place), 0);
        struct rig *g = place;
        live(g, &r);
        for (int i = 0; i < 400; i++) {
            if (i == 200)
                for (int day = 0; day < 5; day++)
                    seal_ok(g, DAY0 + day);
            int64_t since = (int64_t)rand_below(&r, 9 * DAY) - DAY;
            int64_t until = since + (int64_t)rand_below(&r, 3 * DAY);
            int64_t at = since - 600 + (int64_t)rand_below(&r, (uint64_t)(until - since) + 1200);
            struct both b = {.g = g, .stretch = {{T0 + since}, {T0 + until}, {T0 + at}}};
            struct readings_break brk;
            struct readings_registers alone;
            assert_ok(store_read(g->store, look_both, &b));
            enum err e = rig_break(g, 7, T0 + since, T0 + until, &brk);
            assert_int_equal(b.unbroken, e == ERR_NOT_FOUND);
            unbroken += b.unbroken;
            if (!b.known)
                continue;
            assert_ok(rig_registers(g, 7, T0 + at, &alone));
            assert_true(same_registers(&b.registers, &alone));
            known++;
        }
        rig_close(&place);
    }
    assert_in_range(unbroken, 500, 3000);
    assert_in_range(known, 500, 3000);
    (void)state;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_sealing_keeps_every_answer),
        CASE(test_midnight_belongs_to_both),
        CASE(test_gap_of_days),
        CASE(test_silence_before_anything_was_sealed),
        CASE(test_late_day),
        CASE(test_sealed_values_stay),
        CASE(test_sealing_is_repeatable),
        CASE(test_breaks_survive_sealing),
        CASE(test_exchange_after_sealing),
        CASE(test_series_refusals_and_thinning),
        CASE(test_damaged_block_is_named),
        CASE(test_day_rows),
        cmocka_unit_test(test_one_look_for_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
