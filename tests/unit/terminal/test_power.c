/*
 * Power fails after every single nvram write of every money act, and inside each write at every
 * byte. After the reboot the state is the one before or the one after, and the same frame sent
 * again completes it: no credit is lost, none is doubled.
 */
#include "tests/unit/terminal/rig.h"

#include "base/rand.h"

static struct rig g;
static unsigned long cuts;

/* What must be all old or all new. */
struct facts {
    int64_t balance_fen, purchased_fen;
    uint64_t carry, energy_mwh;
    uint32_t count, record_count;
    int64_t record_fen;
    bool opened, cut;
    uint8_t remote_cut, staff, held;
    uint16_t power_w;
    int64_t free_fen, month_fen;
    uint8_t hours, zones;
    int32_t white_mw;
};

static struct facts facts(void)
{
    const struct terminal_books *b = &g.t.books;
    return (struct facts){
        .balance_fen = b->balance_fen,
        .purchased_fen = b->purchased_fen,
        .carry = b->carry,
        .energy_mwh = terminal_register_mwh(&g.t, 0, 0),
        .count = b->count,
        .record_count = b->purchase[0].count,
        .record_fen = b->purchase[0].amount_fen,
        .opened = b->opened,
        .cut = b->overdraft_cut,
        .remote_cut = b->remote_cut,
        .staff = b->staff,
        .held = b->hold[0].cause,
        .power_w = g.t.guard.circuit[0].power_w,
        .free_fen = b->free_fen,
        .month_fen = g.t.config.free_fen,
        .hours = g.t.guard.circuit[2].hours[1].count,
        .zones = g.t.config.zone_count,
        .white_mw = g.t.guard.circuit[0].load.white[0].power_mw,
    };
}

static bool same(const struct facts *a, const struct facts *b)
{
    return a->balance_fen == b->balance_fen && a->purchased_fen == b->purchased_fen &&
           a->carry == b->carry && a->energy_mwh == b->energy_mwh && a->count == b->count &&
           a->record_count == b->record_count && a->record_fen == b->record_fen &&
           a->opened == b->opened && a->cut == b->cut && a->remote_cut == b->remote_cut &&
           a->staff == b->staff && a->held == b->held && a->power_w == b->power_w &&
           a->free_fen == b->free_fen && a->month_fen == b->month_fen && a->hours == b->hours &&
           a->zones == b->zones && a->white_mw == b->white_mw;
}

/* An act on an idle terminal and how it answers when it is done, and when it was done before. */
struct act {
    const char *name;
    void (*prepare)(void);
    int (*perform)(void);
    int again; /* the answer when a cut came after the act was complete */
};

static void prepare_closed(void)
{
    struct terminal_setup s = rig_setup();
    rig_new(&g, &s);
}

static void prepare_opened(void)
{
    prepare_closed();
    assert_int_equal(rig_money(&g, 0x070101FF, 1000, 1, CUSTOMER), 0);
}

/* Cut off in debt: the payment also closes three relays, each an event of its own. */
static void prepare_cut(void)
{
    prepare_opened();
    rig_use(&g, 1, 1200 * 20'000);
    assert_false(rig_closed(&g, 1));
}

static int perform_open(void)
{
    return rig_money(&g, 0x070101FF, 5000, 1, CUSTOMER);
}

static int perform_recharge(void)
{
    return rig_money(&g, 0x070102FF, 2345, 2, CUSTOMER);
}

static int perform_initialise(void)
{
    return rig_init_wallet(&g, 700, 0);
}

static int perform_trip(void)
{
    return rig_order(&g, 0x1A, 0, NULL);
}

static int perform_limits(void)
{
    return rig_write_bcd(&g, 0x04001003, 500, 4);
}

static int perform_guard(void)
{
    /* 500 W, at once, never again by itself */
    const uint8_t limits[] = {0, 0xF4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 150, 0, 5, 0, 5};
    return rig_write(&g, 0x04802401, limits, sizeof limits);
}

static void prepare_guarded(void)
{
    prepare_opened();
    assert_int_equal(perform_guard(), 0);
}

/* A trip is three records: the event, why it was, and the books that make both count. */
static int perform_load_trip(void)
{
    struct terminal_sample s = {.voltage_dv = {2200}, .power_mw = {900'000}};
    rig_measure(&g, &s, 0);
    return g.dead ? -1 : 0;
}

static int perform_staff(void)
{
    const uint8_t on = 1;
    return rig_write(&g, 0x04802001, &on, 1);
}

static int perform_reset(void)
{
    const uint8_t yes = 1;
    return rig_write(&g, 0x04802101, &yes, 1);
}

static void prepare_load_tripped(void)
{
    prepare_guarded();
    assert_int_equal(perform_load_trip(), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
}

/* Two records: the setting, and the first month's amount in the books. */
static int perform_free(void)
{
    const uint8_t amount[] = {0x00, 0x05, 0x00, 0x00, 1};
    return rig_write(&g, 0x04800307, amount, sizeof amount);
}

static int perform_hours(void)
{
    const uint8_t day[] = {0x00, 0x08, 0x00, 0x22, 1, 0x00, 0x22, 0x30, 0x23, 2};
    return rig_write(&g, 0x04802603, day, sizeof day);
}

static int perform_zones(void)
{
    const uint8_t zones[] = {2, 0x01, 0x06, 1, 0x01, 0x10};
    return rig_write(&g, 0x04010000, zones, sizeof zones);
}

static int perform_white(void)
{
    uint8_t list[32] = {0xE8, 3};
    return rig_write(&g, 0x04802201, list, sizeof list);
}

static void prepare_tripped(void)
{
    prepare_opened();
    assert_int_equal(perform_trip(), 0);
}

static int perform_close(void)
{
    return rig_order(&g, 0x1C, 0, NULL);
}

static const struct act acts[] = {
    {"open", prepare_closed, perform_open, 2},
    {"recharge", prepare_opened, perform_recharge, 2},
    {"recharge out of debt", prepare_cut, perform_recharge, 2},
    {"initialise", prepare_cut, perform_initialise, 0},
    {"trip", prepare_opened, perform_trip, 0},
    {"parameter", prepare_opened, perform_limits, 0},
    {"load control", prepare_opened, perform_guard, 0},
    {"trip by load", prepare_guarded, perform_load_trip, 0},
    {"close", prepare_tripped, perform_close, 0},
    {"free amount", prepare_opened, perform_free, 0},
    {"hours", prepare_opened, perform_hours, 0},
    {"year zones", prepare_opened, perform_zones, 0},
    {"white list", prepare_opened, perform_white, 0},
    {"staff lock", prepare_opened, perform_staff, 0},
    {"staff reset", prepare_load_tripped, perform_reset, 0},
};

/* Runs the act with a cut in its k-th write after `bytes`; false: the act has no such write. */
static bool cut_once(const struct act *act, unsigned k, unsigned bytes, bool garbage)
{
    g.writes = 0;
    g.cut_write = k;
    g.cut_bytes = bytes;
    g.tear_garbage = garbage;
    int answer = act->perform();
    bool hit = g.dead;
    g.cut_write = 0;
    if (!hit)
        assert_int_equal(answer, 0);
    else
        assert_int_equal(answer, -1); /* nobody was told anything */
    return hit;
}

/* And a second cut while it starts up again. */
static void boot_with_cut(unsigned bytes)
{
    g.writes = 0;
    g.cut_write = 1;
    g.cut_bytes = bytes;
    rig_boot(&g);
    g.cut_write = 0;
    if (g.dead)
        cuts++;
    rig_boot(&g);
}

static void check_after_cut(const struct act *act, const struct facts *before,
                            const struct facts *after)
{
    struct facts now = facts();
    bool old = same(&now, before), done = same(&now, after);
    assert_true(old || done);
    int answer = act->perform();
    assert_int_equal(answer, old ? 0 : act->again);
    now = facts();
    assert_true(same(&now, after));
}

static void cut_everywhere(const struct act *act, const struct rig *start,
                           const struct facts *before, const struct facts *after)
{
    for (unsigned k = 1;; k++) {
        for (unsigned bytes = 0; bytes <= 672; bytes++)
            for (unsigned how = 0; how < 4; how++) {
                g = *start;
                if (!cut_once(act, k, bytes, how & 1))
                    return;
                cuts++;
                if (how & 2)
                    boot_with_cut(bytes);
                else
                    rig_boot(&g);
                check_after_cut(act, before, after);
            }
    }
}

static void test_cut_in_every_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        const struct act *act = &acts[i];
        act->prepare();
        struct rig start = g;
        struct facts before = facts();
        g.writes = 0;
        assert_int_equal(act->perform(), 0);
        assert_true(g.writes >= 1);
        struct facts after = facts();
        unsigned long from = cuts;
        cut_everywhere(act, &start, &before, &after);
        print_message("%s: %u writes, %lu cuts\n", act->name, g.writes, cuts - from);
    }
}

/* Energy and money leave together: whatever the cut, consumption priced is what left the wallet,
 * and no register that was told falls. */
static void test_cut_in_energy_accounting(void **state)
{
    (void)state;
    prepare_opened();
    rig_use(&g, 2, 123'456);
    struct rig start = g;
    unsigned long from = cuts;
    for (unsigned bytes = 0; bytes <= 512; bytes++)
        for (unsigned k = 1; k <= 4; k++) {
            g = start;
            g.writes = 0;
            g.cut_write = k;
            g.cut_bytes = bytes;
            uint64_t told = 0;
            for (int i = 0; i < 12 && !g.dead; i++) {
                rig_use(&g, 1 + (unsigned)i % 3, 4321);
                if (i % 5 == 4 && rig_read(&g, 0x00010000)) {
                    struct reader r = reader_of(g.answer.data + 4, 4);
                    told = reader_bcd_le(&r, 4);
                }
            }
            assert_true(g.dead);
            cuts++;
            g.cut_write = 0;
            rig_boot(&g);
            rig_check_conserved(&g, 1000);
            assert_true(terminal_register_mwh(&g.t, 0, 0) / 10'000 >= told);
        }
    print_message("energy: %lu cuts\n", cuts - from);
}

/* A long life with sudden deaths: a master that follows the count rule never loses a fen. */
static void test_random_life(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(20'260'101, "life");
    prepare_opened();
    int64_t paid_in = 1000;
    uint32_t n = 2, amount = 100; /* the purchase that is under way */
    unsigned deaths = 0;
    for (int i = 0; i < 20'000; i++) {
        if (rand_chance(&r, 300)) {
            g.writes = 0;
            g.cut_write = 1 + (unsigned)rand_below(&r, 6);
            g.cut_bytes = (unsigned)rand_below(&r, 520);
        }
        rig_pass(&g, (int64_t)rand_below(&r, 100));
        unsigned circuit = 1 + (unsigned)rand_below(&r, 3);
        rig_use(&g, circuit, rand_below(&r, 30'000));
        if (rand_chance(&r, 100)) {
            uint8_t what = rand_chance(&r, 500) ? 0x1A : 0x1C;
            (void)rig_order(&g, what, (uint8_t)rand_below(&r, 4), NULL);
        }
        if (rand_chance(&r, 200)) {
            int serr = rig_money(&g, 0x070102FF, amount, n, CUSTOMER);
            assert_true(serr == 0 || serr == 2 || serr == -1);
            if (serr >= 0) { /* done now, or it was done before a cut */
                paid_in += amount;
                n++;
                amount = 1 + (uint32_t)rand_below(&r, 500);
            }
        }
        if (g.dead) {
            g.cut_write = 0;
            rig_boot(&g);
            deaths++;
        }
        int64_t under_way = g.t.books.count == n ? amount : 0;
        rig_check_conserved(&g, paid_in + under_way);
        assert_int_equal(g.t.books.purchased_fen, paid_in + under_way);
    }
    print_message("life: %u deaths, %u purchases\n", deaths, n - 1);
    assert_true(deaths > 1000 && n > 1000);
}

/* The test itself can fail: a terminal that keeps count and balance in two records would lose or
 * double. Shown by putting an old record's balance beside a new count. */
static void test_damage_is_seen(void **state)
{
    (void)state;
    prepare_opened();
    struct facts before = facts();
    assert_int_equal(perform_recharge(), 0);
    uint8_t good[TERMINAL_NVRAM_SIZE];
    memcpy(good, g.nvram, sizeof good);
    /* Any single damaged bit of the newest record falls back to the one before, never to a mixture.
     */
    unsigned slot = g.t.books_slot;
    for (unsigned bit = 0; bit < 494 * 8; bit += 7) {
        memcpy(g.nvram, good, sizeof good);
        g.nvram[slot * 768 + bit / 8] ^= (uint8_t)(1U << bit % 8);
        rig_boot(&g);
        struct facts now = facts();
        if (!same(&now, &before))
            assert_int_equal(now.count, 2); /* the bit was in the unused tail */
        assert_false(g.t.nvram_fault);
    }
    memcpy(g.nvram, good, sizeof good);
    memset(g.nvram + 20, 0xA5, 8); /* both slots of the books gone */
    memset(g.nvram + 768 + 20, 0xA5, 8);
    rig_boot(&g);
    assert_true(g.t.nvram_fault);
    assert_int_equal(g.t.books.count, 0);
    assert_true(rig_read(&g, 0x04000501));
    assert_int_equal(g.answer.data[5] >> 5 & 1, 1); /* memory fault, for all to see */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_in_every_write),
        cmocka_unit_test(test_cut_in_energy_accounting),
        cmocka_unit_test(test_random_life),
        cmocka_unit_test(test_damage_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
