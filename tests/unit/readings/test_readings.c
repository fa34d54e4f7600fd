#include "tests/unit/readings/rig.h"

#include "base/rand.h"

#define I(x) ((int64_t)(x))
#define WH(x) POINT_ENERGY_WH, I(x)

static void test_newest_state(void **state)
{
    struct rig *g = *state;
    wall_s at;
    int64_t epoch;
    assert_false(readings_newest(g->readings, 7, &at, &epoch));
    assert_true(readings_age_s(g->readings, 7, (wall_s){T0}) == INT64_MAX);
    rig_say(g, 7, 1, T0 + 100, WH(1000), POINT_POWER_W, I(-20), POINT_RELAY_OPEN, I(0), 0);
    assert_int_equal(g->moved.count, 1);
    assert_int_equal(g->moved.meter[0].meter_id, 7);
    assert_int_equal(g->moved.meter[0].change, READINGS_ENERGY | READINGS_STATE | READINGS_FIRST);
    rig_say(g, 7, 1, T0 + 160, WH(1000), POINT_RELAY_OPEN, I(1), 0);
    assert_int_equal(g->moved.meter[0].change, READINGS_STATE);
    rig_say(g, 7, 1, T0 + 220, WH(1000), 0);
    assert_int_equal(g->moved.meter[0].change, 0);
    rig_say(g, 7, 1, T0 + 221, POINT_BALANCE_FEN, I(-5), 0);
    assert_int_equal(g->moved.meter[0].change, READINGS_BALANCE);
    assert_int_equal(rig_value(g, 7, POINT_POWER_W), -20);
    assert_int_equal(rig_value(g, 7, POINT_BALANCE_FEN), -5);
    assert_int_equal(rig_value(g, 7, POINT_VOLTAGE_DV), -999);
    assert_int_equal(rig_value(g, 8, POINT_POWER_W), -999);
    assert_true(readings_newest(g->readings, 7, &at, &epoch));
    assert_int_equal(at.s, T0 + 221);
    assert_int_equal(readings_age_s(g->readings, 7, (wall_s){T0 + 231}), 10);
    assert_int_equal(readings_age_s(g->readings, 7, (wall_s){T0}), 0);
}

static void test_a_batch_is_taken_once(void **state)
{
    struct rig *g = *state;
    struct uplink_reading r = {.meter_id = 7, .epoch = 1, .at = {T0}, .point_count = 1};
    r.points[0] = (struct uplink_point){POINT_ENERGY_WH, 500};
    assert_ok(rig_batch(g, 1, T0, &r, 1));
    assert_false(g->moved.repeat);
    r.points[0].value = 600; /* a repeat is the same batch: its content is not looked at */
    assert_ok(rig_batch(g, 1, T0 + 900, &r, 1));
    assert_true(g->moved.repeat);
    assert_int_equal(g->moved.count, 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 500);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM batch"), 1);
}

static void test_range(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(-1), POINT_POWER_W, I(99'999'999), POINT_VOLTAGE_DV, I(2301), 99, I(1),
            POINT_RELAY_OPEN, I(8), 0);
    assert_int_equal(g->moved.refused, 4);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), -999);
    assert_int_equal(rig_value(g, 7, POINT_VOLTAGE_DV), 2301);
    assert_int_equal(rig_events(g, 7, "range"), 3);
    assert_int_equal(rig_events(g, 0, "unknown_point"), 1);
    rig_say(g, 7, 1, T0 + 1, WH(READINGS_FULL_SCALE_WH), 0);
    assert_int_equal(rig_events(g, 7, "range"), 4);
}

/* Points without a course: the newest counts, an exchange forgets it. */
static void test_sides(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(1000), POINT_VOLUME_L, I(1000), POINT_SUPPLY_CDEG, I(-512), 0);
    assert_int_equal(g->moved.refused, 0);
    assert_int_equal(rig_value(g, 7, POINT_VOLUME_L), 1000);
    assert_int_equal(rig_value(g, 7, POINT_SUPPLY_CDEG), -512);
    assert_int_equal(rig_value(g, 7, POINT_RETURN_CDEG), -999);
    assert_int_equal(rig_value(g, 8, POINT_VOLUME_L), -999);
    rig_say(g, 7, 1, T0 + 60, POINT_SUPPLY_CDEG, I(4000), POINT_VALVE, I(1), 0);
    rig_say(g, 7, 1, T0 + 30, POINT_SUPPLY_CDEG, I(3000), 0); /* came late */
    assert_int_equal(rig_value(g, 7, POINT_SUPPLY_CDEG), 4000);
    assert_int_equal(rig_value(g, 7, POINT_VALVE), 1);
    assert_int_equal(rig_events(g, 0, "unknown_point"), 0);
    rig_say(g, 7, 2, T0 + 90, WH(0), 0); /* another meter hangs there now */
    assert_int_equal(rig_value(g, 7, POINT_VALVE), -999);
    rig_say(g, 7, 2, T0 + 120, POINT_VALVE, I(0), 0);
    assert_int_equal(rig_value(g, 7, POINT_VALVE), 0);
    rig_restart(g); /* the batches of the open day are read again */
    assert_int_equal(rig_value(g, 7, POINT_VALVE), 0);
}

/* 66 kW x 60 s x 1.2, ten seconds of jitter and the registers' grain: 1560 Wh. */
static void test_plausibility_at_the_edge(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(1000), 0);
    rig_say(g, 7, 1, T0 + 60, WH(1000 + 1561), 0);
    assert_int_equal(g->moved.refused, 1);
    assert_int_equal(rig_events(g, 7, "implausible"), 1);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 1000);
    rig_say(g, 7, 1, T0 + 60, WH(1000 + 1560), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 2560);
    struct readings_place small = {.power_max_w = 2200};
    assert_ok(readings_place(g->readings, 7, &small));
    rig_say(g, 7, 1, T0 + 120, WH(2560 + 72), 0); /* 2.2 kW x 70 s x 1.2 + 20 = 71 */
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 2560);
    rig_say(g, 7, 1, T0 + 120, WH(2560 + 71), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 2631);
}

/* A jump that stays is not reported at every poll, and is believed when enough time has passed. */
static void test_a_jump_heals(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(0), 0);
    int64_t t = T0;
    for (; t < T0 + 6 * 3600 && rig_value(g, 7, POINT_ENERGY_WH) == 0; t += 600)
        rig_say(g, 7, 1, t + 600, WH(200'000), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 200'000);
    assert_true(t > T0 + 2 * 3600); /* 200 kWh at 79.2 kW */
    assert_int_equal(rig_events(g, 7, "implausible"), 3);
}

static void test_one_fall_is_damage(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(50'000), 0);
    rig_say(g, 7, 1, T0 + 60, WH(40'000), 0);
    assert_int_equal(g->moved.refused, 1);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 50'000);
    rig_say(g, 7, 1, T0 + 120, WH(50'010), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 50'010);
    assert_int_equal(rig_events(g, 7, "suspect"), 1);
    assert_int_equal(rig_events(g, 7, "corrupt"), 1);
    assert_int_equal(rig_events(g, 7, "reset"), 0);
    struct readings_break b;
    assert_err(ERR_NOT_FOUND, rig_break(g, 7, T0 - 1, T0 + 999, &b));
}

static void test_two_falls_are_a_reset(void **state)
{
    struct rig *g = *state;
    struct readings_break b;
    rig_say(g, 7, 1, T0, WH(50'000), POINT_ENERGY_RATE2_WH, I(30'000), 0);
    rig_say(g, 7, 1, T0 + 60, WH(10), POINT_ENERGY_RATE2_WH, I(10), 0);
    rig_say(g, 7, 1, T0 + 120, WH(40), POINT_ENERGY_RATE2_WH, I(30), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 40);
    assert_int_equal(rig_events(g, 7, "reset"), 2);
    assert_ok(rig_break(g, 7, T0, T0 + 999, &b));
    assert_int_equal(b.why, READINGS_RESET);
    assert_int_equal(b.at.s, T0 + 60);
    assert_int_equal(b.closing.wh[0], 50'000);
    assert_int_equal(b.closing.wh[2], 30'000);
    assert_int_equal(b.opening.wh[0], 10);
    assert_int_equal(b.opening.wh[2], 10);
    assert_err(ERR_NOT_FOUND, rig_break(g, 7, T0 + 60, T0 + 999, &b));
    assert_err(ERR_NOT_FOUND, rig_break(g, 7, T0, T0 + 59, &b));
}

/* Two falls that do not agree with each other are two suspects. */
static void test_falls_that_disagree(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(50'000), 0);
    rig_say(g, 7, 1, T0 + 60, WH(30'000), 0);
    rig_say(g, 7, 1, T0 + 120, WH(20'000), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 50'000);
    rig_say(g, 7, 1, T0 + 180, WH(40'000), 0); /* too far above the suspect */
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 50'000);
    assert_int_equal(rig_events(g, 7, "reset"), 0);
}

static void test_rollover(void **state)
{
    struct rig *g = *state;
    struct readings_break b;
    struct readings_place small = {.full_scale_wh = 1'000'000};
    assert_ok(readings_place(g->readings, 7, &small));
    rig_say(g, 7, 1, T0, WH(999'900), POINT_ENERGY_RATE2_WH, I(5000), 0);
    rig_say(g, 7, 1, T0 + 60, WH(150), POINT_ENERGY_RATE2_WH, I(5250), 0);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 150);
    assert_int_equal(rig_events(g, 7, "rollover"), 1);
    assert_ok(rig_break(g, 7, T0, T0 + 60, &b));
    assert_int_equal(b.why, READINGS_ROLLOVER);
    assert_int_equal(b.closing.wh[0], 1'000'000);
    assert_int_equal(b.opening.wh[0], 0);
    assert_int_equal(b.closing.wh[2], 5000); /* goes on: the same on both sides */
    assert_int_equal(b.opening.wh[2], 5000);
    /* below nine tenths of the scale, or with too much behind it, a fall is no rollover */
    rig_say(g, 8, 1, T0, WH(899'999), 0);
    assert_ok(readings_place(g->readings, 8, &small));
    rig_say(g, 8, 1, T0 + 60, WH(10), 0);
    assert_int_equal(rig_events(g, 8, "suspect"), 1);
    assert_ok(readings_place(g->readings, 9, &small));
    rig_say(g, 9, 1, T0, WH(950'000), 0);
    rig_say(g, 9, 1, T0 + 60, WH(10), 0);
    assert_int_equal(rig_events(g, 9, "suspect"), 1);
}

static void test_exchange(void **state)
{
    struct rig *g = *state;
    struct readings_break b;
    struct readings_registers reg;
    rig_say(g, 7, 1, T0, WH(50'000), POINT_ENERGY_RATE2_WH, I(20'000), POINT_VOLTAGE_DV, I(2300),
            0);
    rig_say(g, 7, 2, T0 + 600, WH(3), POINT_ENERGY_RATE2_WH, I(2), 0);
    assert_true(g->moved.meter[0].change & READINGS_EPOCH);
    assert_int_equal(rig_events(g, 7, "exchange"), 1);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 3);
    assert_int_equal(rig_value(g, 7, POINT_VOLTAGE_DV), -999); /* the old meter's word */
    rig_say(g, 7, 1, T0 + 660, WH(50'010), 0);
    assert_int_equal(g->moved.refused, 1);
    assert_int_equal(rig_events(g, 7, "old_epoch"), 1);
    assert_ok(rig_break(g, 7, T0, T0 + 999, &b));
    assert_int_equal(b.why, READINGS_EXCHANGE);
    assert_int_equal(b.closing.epoch, 1);
    assert_int_equal(b.closing.wh[0], 50'000);
    assert_int_equal(b.closing.wh[2], 20'000);
    assert_int_equal(b.opening.epoch, 2);
    assert_int_equal(b.opening.wh[0], 3);
    assert_int_equal(b.opening.wh[2], 2);
    assert_ok(rig_registers(g, 7, T0 + 599, &reg));
    assert_int_equal(reg.epoch, 1);
    assert_ok(rig_registers(g, 7, T0 + 600, &reg));
    assert_int_equal(reg.epoch, 2);
    assert_int_equal(reg.wh[0], 3);
}

static void test_late_readings_fill_in(void **state)
{
    struct rig *g = *state;
    struct readings_registers reg;
    rig_say(g, 7, 1, T0, WH(100), 0);
    rig_say(g, 7, 1, T0 + 600, WH(200), POINT_POWER_W, I(10), 0);
    struct uplink_reading late = {.meter_id = 7, .epoch = 1, .at = {T0 + 300}, .point_count = 2};
    late.points[0] = (struct uplink_point){POINT_ENERGY_WH, 150};
    late.points[1] = (struct uplink_point){POINT_POWER_W, 5000};
    assert_ok(rig_batch(g, 100, T0 + 700, &late, 1));
    assert_int_equal(rig_events(g, 7, "backfill"), 2);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 200);
    assert_int_equal(rig_value(g, 7, POINT_POWER_W), 10);
    assert_ok(rig_registers(g, 7, T0 + 400, &reg));
    assert_int_equal(reg.wh[0], 150);
    assert_int_equal(reg.at.s, T0 + 300);
    late.points[0].value = 201; /* above what came later */
    late.at.s = T0 + 310;
    late.point_count = 1;
    assert_ok(rig_batch(g, 101, T0 + 700, &late, 1));
    assert_int_equal(g->moved.refused, 1);
    late.points[0].value = 120; /* below what came before */
    assert_ok(rig_batch(g, 102, T0 + 700, &late, 1));
    assert_int_equal(g->moved.refused, 1);
    late.at.s = T0 + 300; /* what was read stays */
    late.points[0].value = 151;
    assert_ok(rig_batch(g, 103, T0 + 700, &late, 1));
    assert_ok(rig_registers(g, 7, T0 + 400, &reg));
    assert_int_equal(reg.wh[0], 150);
}

static void test_impossible_times(void **state)
{
    struct rig *g = *state;
    struct uplink_reading r = {.meter_id = 7, .epoch = 1, .at = {T0 + 301}, .point_count = 1};
    r.points[0] = (struct uplink_point){POINT_ENERGY_WH, 1};
    assert_ok(rig_batch(g, 1, T0, &r, 1));
    assert_int_equal(g->moved.refused, 1);
    r.at.s = T0 - 401 * DAY;
    assert_ok(rig_batch(g, 2, T0, &r, 1));
    assert_int_equal(rig_events(g, 7, "clock"), 2);
    r.at.s = T0 + 300;
    assert_ok(rig_batch(g, 3, T0, &r, 1));
    assert_int_equal(g->moved.refused, 0);
}

static void say_wallet(struct rig *g, int64_t at, int64_t fen, int64_t count)
{
    rig_say(g, 7, 1, at, WH(10), POINT_BALANCE_FEN, fen, POINT_PURCHASE_COUNT, count, 0);
}

/* The wallet is taken where no sale is near: a sale may fall between balance and count. */
static void test_wallet_of_a_quiet_moment(void **state)
{
    struct rig *g = *state;
    struct readings_registers reg;
    say_wallet(g, T0, 500, 3);
    assert_ok(rig_registers(g, 7, T0 + 10, &reg));
    assert_true(reg.wallet_known);
    assert_int_equal(reg.balance_fen, 500);
    assert_int_equal(reg.count, -1); /* what comes next is not known */
    say_wallet(g, T0 + 60, 490, 3);
    say_wallet(g, T0 + 120, 480, 4); /* sold between the two questions */
    say_wallet(g, T0 + 180, 1470, 4);
    say_wallet(g, T0 + 240, 1460, 4);
    static const struct {
        int64_t at, balance, count;
    } cases[] = {{0, 500, 3}, {60, 500, 3}, {120, 500, 3}, {180, 1470, 4}, {240, 1470, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(rig_registers(g, 7, T0 + cases[i].at, &reg));
        assert_int_equal(reg.balance_fen, cases[i].balance);
        assert_int_equal(reg.count, cases[i].count);
    }
    /* a count that is asked for less often is known between two that agree */
    rig_say(g, 7, 1, T0 + 300, POINT_BALANCE_FEN, I(1450), 0);
    say_wallet(g, T0 + 360, 1440, 4);
    assert_ok(rig_registers(g, 7, T0 + 300, &reg));
    assert_int_equal(reg.balance_fen, 1450);
    assert_int_equal(reg.count, 4);
    assert_err(ERR_NOT_FOUND, rig_registers(g, 7, T0 - 1, &reg));
    assert_err(ERR_NOT_FOUND, rig_registers(g, 9, T0, &reg));
}

static void test_freshness(void **state)
{
    struct rig *g = *state;
    struct readings_freshness f;
    for (int i = 1; i <= 200; i++)
        rig_say(g, i, 1, T0 + i, WH(i), 0);
    readings_freshness(g->readings, (wall_s){T0 + 200}, &f);
    assert_int_equal(f.meters, 200);
    assert_int_equal(f.bound_s[0], 30);
    assert_int_equal(f.within[0], 31); /* ages 0 .. 30 */
    assert_int_equal(f.within[5], 181);
    assert_int_equal(f.within[8], 200);
    assert_int_equal(f.oldest_s, 199);
}

/* Random histories with every kind of trouble: after a restart memory says the same as before, and
 * looking back gives the same answers. */
static void test_restart_changes_nothing(void **state)
{
    struct rig *g = *state;
    struct rand_stream r = rand_split(21, "history");
    int64_t wh[10] = {}, epoch[10], t = T0;
    for (int m = 0; m < 10; m++)
        epoch[m] = 1;
    for (int i = 0; i < 2000; i++) {
        int m = (int)rand_below(&r, 10);
        t += (int64_t)rand_below(&r, 60);
        if (rand_chance(&r, 5)) {
            epoch[m]++;
            wh[m] = 0;
        }
        wh[m] += (int64_t)rand_below(&r, 100);
        int64_t said = rand_chance(&r, 30) ? wh[m] / 2 : wh[m];
        if (rand_chance(&r, 3))
            wh[m] /= 3;
        rig_say(g, m + 1, epoch[m], t, WH(said), POINT_POWER_W, I(rand_below(&r, 500)), 0);
    }
    struct readings_registers before[10], after[10];
    int64_t newest[10];
    for (int m = 0; m < 10; m++) {
        newest[m] = rig_value(g, m + 1, POINT_ENERGY_WH);
        assert_ok(rig_registers(g, m + 1, t - 10'000, &before[m]));
    }
    rig_restart(g);
    for (int m = 0; m < 10; m++) {
        assert_int_equal(rig_value(g, m + 1, POINT_ENERGY_WH), newest[m]);
        assert_ok(rig_registers(g, m + 1, t - 10'000, &after[m]));
        assert_memory_equal(&before[m], &after[m], sizeof before[m]);
    }
}

/* R2 on random input: the registers that are kept never fall but at a named break. */
static void test_no_silent_fall(void **state)
{
    struct rig *g = *state;
    struct rand_stream r = rand_split(22, "falls");
    int64_t wh = 500'000'000, last = 0;
    for (int i = 0; i < 5000; i++) {
        wh += (int64_t)rand_below(&r, 300);
        int64_t said = rand_chance(&r, 100) ? (int64_t)rand_below(&r, 999'999'999) : wh;
        rig_say(g, 7, 1, T0 + i * 60, WH(said), 0);
        int64_t now = rig_value(g, 7, POINT_ENERGY_WH);
        struct readings_break b;
        if (now < last)
            assert_ok(rig_break(g, 7, T0 + (i - 2) * 60, T0 + i * 60, &b));
        last = now;
    }
    assert_true(rig_events(g, 7, "implausible") + rig_events(g, 7, "suspect") > 50);
}

static enum err refuse_after(struct store_tx *tx, void *arg)
{
    struct rig *g = arg;
    struct uplink_reading r = {.meter_id = 7, .epoch = 1, .at = {T0 + 60}, .point_count = 1};
    r.points[0] = (struct uplink_point){POINT_ENERGY_WH, 1100};
    struct uplink_readings list = {1, 50, &r, 1};
    struct readings_batch b = {3, 1, 50, {T0 + 60}, {(const uint8_t *)"x", 1}, &list};
    TRY(readings_ingest(g->readings, tx, &b, &g->moved));
    return ERR_STATE; /* the transaction does not commit */
}

/* The contract of a commit that fails: load again, and memory is what the store says. */
static void test_rollback(void **state)
{
    struct rig *g = *state;
    rig_say(g, 7, 1, T0, WH(1000), 0);
    assert_err(ERR_STATE, store_run(g->store, refuse_after, g));
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 1100);
    rig_restart(g);
    assert_int_equal(rig_value(g, 7, POINT_ENERGY_WH), 1000);
    assert_int_equal(rig_count(g, "SELECT count(*) FROM batch"), 1);
}

static void test_verdicts_are_known_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < READINGS_VERDICT_COUNT; i++) {
        enum readings_verdict v = (enum readings_verdict)i;
        assert_int_equal(readings_verdict_of(readings_verdict_name(v)), v);
    }
    assert_int_equal(readings_verdict_of("no such verdict"), READINGS_VERDICT_COUNT);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_newest_state),
        CASE(test_a_batch_is_taken_once),
        CASE(test_range),
        CASE(test_sides),
        CASE(test_plausibility_at_the_edge),
        CASE(test_a_jump_heals),
        CASE(test_one_fall_is_damage),
        CASE(test_two_falls_are_a_reset),
        CASE(test_falls_that_disagree),
        CASE(test_rollover),
        CASE(test_exchange),
        CASE(test_late_readings_fill_in),
        CASE(test_impossible_times),
        CASE(test_wallet_of_a_quiet_moment),
        CASE(test_freshness),
        CASE(test_restart_changes_nothing),
        CASE(test_no_silent_fall),
        CASE(test_rollback),
        cmocka_unit_test(test_verdicts_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
