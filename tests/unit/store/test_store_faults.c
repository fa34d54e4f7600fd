/*
 * The store on a disk that fails: at every single write and sync, once and for ever, by error, by
 * being full, by losing power. What was acknowledged is there afterwards; what was refused is not.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sim/disk.h"
#include "store/store.h"

#define ROUNDS 4     /* flushes of one life */
#define JOBS 3       /* jobs of one flush */
#define PAD 3000     /* bytes a row: more than half a page, so that rows spill */

struct world {
    struct sim_disk *disk;
    struct store *store;
    int64_t next;            /* number of the next row */
    int64_t acknowledged[512];
    size_t count;
    int refused[ERR_COUNT];  /* by error */
};

static enum err add_row(struct store_tx *tx, void *arg)
{
    static uint8_t pad[PAD];
    int64_t n = *(int64_t *)arg;
    memset(pad, (int)n, sizeof pad);
    return store_exec(tx, "INSERT INTO queue (seq, kind, body) VALUES ($1, 1, $2)", "ib", n,
                      (struct bytes){pad, sizeof pad});
}

struct job {
    struct world *world;
    int64_t n;
};

static enum err job_work(struct store_tx *tx, void *arg)
{
    return add_row(tx, &((struct job *)arg)->n);
}

static void job_done(void *arg, enum err result)
{
    struct job *j = arg;
    if (result == ERR_OK)
        j->world->acknowledged[j->world->count++] = j->n;
    else
        j->world->refused[result]++;
    free(j);
}

static enum err open_store(struct world *w)
{
    return store_open(&w->store, &(struct store_config){STORE_GATEWAY, "q.db", "faulty", false});
}

static void work(struct world *w)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < JOBS; i++) {
            struct job *j = malloc(sizeof *j);
            *j = (struct job){w, w->next++};
            store_submit(w->store, job_work, job_done, j);
        }
        store_flush(w->store);
    }
}

static enum err check_rows(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < w->count; i++) {
        int64_t size = 0;
        enum err e = store_int(tx, &size, "SELECT length(body) FROM queue WHERE seq = $1", "i",
                               w->acknowledged[i]);
        if (e != ERR_OK || size != PAD)
            fail_msg("row %lld was acknowledged and is lost", (long long)w->acknowledged[i]);
    }
    return ERR_OK;
}

static enum err count_rows(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM queue", "");
}

static int64_t rows(struct world *w)
{
    int64_t n = -1;
    assert_ok(store_read(w->store, count_rows, &n));
    return n;
}

/* All that was acknowledged, and (if `exact`) nothing that was refused. */
static void check_world(struct world *w, bool exact)
{
    assert_ok(store_check(w->store));
    assert_ok(store_read(w->store, check_rows, w));
    if (exact)
        assert_int_equal(rows(w), w->count);
}

static struct world begin(uint64_t seed)
{
    struct world w = {.next = 1};
    assert_ok(sim_disk_new(&w.disk, "faulty", seed));
    assert_ok(open_store(&w));
    return w;
}

static void end(struct world *w)
{
    store_close(w->store);
    sim_disk_free(w->disk);
}

/* --- full ----------------------------------------------------------------------------------- */

static void test_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    struct world w = begin(1);
    work(&w);
    assert_int_equal(w.count, ROUNDS * JOBS);
    sim_disk_capacity(w.disk, sim_disk_stats(w.disk).bytes + 20'000);
    work(&w);
    assert_true(w.refused[ERR_STORE_FULL] > 0);
    assert_int_equal(w.count + (size_t)w.refused[ERR_STORE_FULL], 2 * ROUNDS * JOBS);
    assert_false(store_dead(w.store));
    check_world(&w, true);
    sim_disk_mend(w.disk); /* somebody made room */
    size_t before = w.count;
    work(&w);
    assert_int_equal(w.count, before + ROUNDS * JOBS);
    check_world(&w, true);
    sim_disk_power_cut(w.disk);
    store_close(w.store);
    assert_ok(open_store(&w));
    check_world(&w, true);
    end(&w);
}

/* ENOSPC at the k-th write, k = 1, 2, 3 ... until it is no longer reached. */
static int full_at_every_write(bool for_ever)
{
    int reached = 0;
    for (uint64_t k = 1;; k++) {
        struct world w = begin(k);
        sim_disk_plan(w.disk, SIM_DISK_ENOSPC, SIM_DISK_WRITES, k, for_ever);
        work(&w);
        bool hit = sim_disk_stats(w.disk).faults > 0;
        assert_false(store_dead(w.store));
        assert_int_equal(w.count + (size_t)w.refused[ERR_STORE_FULL], ROUNDS * JOBS);
        sim_disk_mend(w.disk);
        check_world(&w, true);
        work(&w);
        check_world(&w, true);
        sim_disk_power_cut(w.disk);
        store_close(w.store);
        assert_ok(open_store(&w));
        check_world(&w, true);
        end(&w);
        reached += hit;
        if (!hit)
            return reached;
    }
}

static void test_full_at_every_write(void **state)
{
    (void)state;
    assert_true(full_at_every_write(false) > 12);
    assert_true(full_at_every_write(true) > 12);
}

/* --- errors --------------------------------------------------------------------------------- */

/* EIO at the k-th call: whatever was acknowledged survives the restart (and a power cut with it). A
 * sync that failed kills the store for this process. */
static int error_at_every_call(enum sim_disk_calls calls, bool for_ever, int *died)
{
    int reached = 0;
    for (uint64_t k = 1;; k++) {
        struct world w = begin(k);
        sim_disk_plan(w.disk, SIM_DISK_EIO, calls, k, for_ever);
        work(&w);
        bool hit = sim_disk_stats(w.disk).faults > 0;
        if (calls == SIM_DISK_SYNCS && hit)
            assert_true(store_dead(w.store));
        *died += store_dead(w.store);
        sim_disk_mend(w.disk);
        if (store_dead(w.store))
            assert_err(ERR_STORE, store_read(w.store, count_rows, &(int64_t){0}));
        sim_disk_power_cut(w.disk);
        store_close(w.store);
        assert_ok(open_store(&w));
        check_world(&w, false);
        end(&w);
        reached += hit;
        if (!hit)
            return reached;
    }
}

static void test_error_at_every_call(void **state)
{
    (void)state;
    int died = 0;
    assert_true(error_at_every_call(SIM_DISK_SYNCS, false, &died) >= ROUNDS);
    assert_true(error_at_every_call(SIM_DISK_SYNCS, true, &died) >= ROUNDS);
    assert_true(error_at_every_call(SIM_DISK_WRITES, false, &died) > 12);
    assert_true(error_at_every_call(SIM_DISK_WRITES, true, &died) > 12);
    assert_true(died > 10);
}

/* --- power ---------------------------------------------------------------------------------- */

static void test_power_cut_at_every_call(void **state)
{
    (void)state;
    int cuts = 0;
    for (uint64_t k = 1;; k++) {
        struct world w = begin(k);
        sim_disk_plan(w.disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, k, false);
        work(&w);
        bool hit = sim_disk_down(w.disk);
        store_close(w.store);
        sim_disk_mend(w.disk);
        assert_ok(open_store(&w));
        check_world(&w, false);
        work(&w);
        check_world(&w, false);
        end(&w);
        cuts += hit;
        if (!hit)
            break;
    }
    assert_true(cuts > 20);
}

/* The first start of all: a power cut at any call of the making of the file. */
static void test_power_cut_while_the_file_is_made(void **state)
{
    (void)state;
    int cuts = 0;
    for (uint64_t k = 1;; k++) {
        struct world w = {.next = 1};
        assert_ok(sim_disk_new(&w.disk, "faulty", k));
        sim_disk_plan(w.disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, k, false);
        enum err e = open_store(&w);
        bool hit = sim_disk_down(w.disk);
        if (e == ERR_OK)
            store_close(w.store);
        sim_disk_mend(w.disk);
        assert_ok(open_store(&w));
        work(&w);
        assert_int_equal(w.count, ROUNDS * JOBS);
        check_world(&w, true);
        end(&w);
        cuts += hit;
        if (!hit)
            break;
    }
    assert_true(cuts > 20);
}

/* A sync fails, the process ends and begins again, and much later the power goes: what the kernel had
 * given up must not take along what was committed behind it. */
static void test_power_cut_long_after_a_failed_sync(void **state)
{
    (void)state;
    int failures = 0;
    for (uint64_t k = 1;; k++) {
        struct world w = begin(300 + k);
        sim_disk_plan(w.disk, SIM_DISK_EIO, SIM_DISK_SYNCS, k, false);
        work(&w);
        bool hit = sim_disk_stats(w.disk).faults > 0;
        failures += hit;
        sim_disk_kill(w.disk);
        store_close(w.store);
        sim_disk_mend(w.disk);
        assert_ok(open_store(&w));
        work(&w);
        check_world(&w, false);
        sim_disk_power_cut(w.disk);
        store_close(w.store);
        assert_ok(open_store(&w));
        check_world(&w, false);
        end(&w);
        if (!hit)
            break;
    }
    assert_true(failures >= ROUNDS);
}

/* Long lives with checkpoints in them, ended at random. */
static void test_many_lives(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(1, "lives");
    struct world w = begin(7);
    for (int life = 0; life < 60; life++) {
        sim_disk_plan(w.disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, 1 + rand_below(&r, 2500), false);
        for (int i = 0; i < 80 && !sim_disk_down(w.disk); i++) {
            work(&w);
            if (w.count > sizeof w.acknowledged / sizeof *w.acknowledged - ROUNDS * JOBS)
                w.count = 0; /* the older ones were checked often enough */
        }
        store_close(w.store);
        sim_disk_mend(w.disk);
        assert_ok(open_store(&w));
        check_world(&w, false);
    }
    assert_true(sim_disk_stats(w.disk).power_cuts > 40);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_disk_refuses_and_recovers),
        cmocka_unit_test(test_full_at_every_write),
        cmocka_unit_test(test_error_at_every_call),
        cmocka_unit_test(test_power_cut_at_every_call),
        cmocka_unit_test(test_power_cut_while_the_file_is_made),
        cmocka_unit_test(test_power_cut_long_after_a_failed_sync),
        cmocka_unit_test(test_many_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
