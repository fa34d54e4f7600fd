/* Clock, timers, turn hook, work off the loop, signals, processes, files, watched descriptors. */
#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"
#include "io/io.h"
#include "tests/unit/io/loop.h"

static struct io *start(const char *clock)
{
    struct io_options options = {0};
    struct io *io;
    if (clock != NULL)
        assert_ok(io_clock_parse(clock, &options.clock));
    assert_ok(io_open(&io, &options));
    return io;
}

static void clock_text_is_read_strictly(void **state)
{
    (void)state;
    struct io_clock c;
    assert_ok(io_clock_parse("1700000000,1600000000.5,60", &c));
    assert_int_equal(c.real0_ms, 1'700'000'000'000);
    assert_int_equal(c.virtual0_ms, 1'600'000'000'500);
    assert_int_equal(c.speed, 60);
    char text[64];
    io_clock_text(&c, text, sizeof text);
    struct io_clock again;
    assert_ok(io_clock_parse(text, &again));
    assert_memory_equal(&c, &again, sizeof c);

    static const char *const BAD[] = {"",           "1",     "1,2",    "1,2,",
                                      "1,2,3x",     ",2,3",  "1,2,-1", "1.,2,3",
                                      "1.0001,2,3", "a,2,3", " 1,2,3", "1,2,3 "};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_err(ERR_SYNTAX, io_clock_parse(BAD[i], &c));
    assert_err(ERR_RANGE, io_clock_parse("1,2,0", &c));
    assert_err(ERR_RANGE, io_clock_parse("1,2,100001", &c));
    assert_err(ERR_RANGE, io_clock_parse("123456789012,2,1", &c));
}

static void fast_clock_runs_fast(void **state)
{
    (void)state;
    struct io_options options = {.clock = io_clock_start((wall_s){1'600'000'000}, 1000)};
    struct io *io;
    assert_ok(io_open(&io, &options));
    int64_t wall0 = io_wall_ms(io), mono0 = io_mono(io).ms, real0 = io_mono_real(io).ms;
    assert_in_range(wall0, 1'600'000'000'000, 1'600'000'060'000);
    while (io_mono_real(io).ms < real0 + 20)
        io_step(io, 1);
    /* At least 19 whole real milliseconds lie between the two looks. */
    assert_true(io_mono(io).ms - mono0 >= 19'000);
    assert_true(io_wall_ms(io) - wall0 >= 18'000);
    assert_true(io_wall_real(io).s > 1'700'000'000);
    io_close(io);
}

struct fired {
    struct io_timer timer;
    struct log {
        int order[8];
        int count;
    } * log;
    int number;
};

static void note(void *arg)
{
    struct fired *f = arg;
    f->log->order[f->log->count++] = f->number;
}

static void timers_fire_by_deadline_then_by_order(void **state)
{
    (void)state;
    struct io *io = start("0,0,1000");
    struct log log = {0};
    struct fired f[5];
    mono_ms now = io_mono(io);
    static const int64_t DELAY_MS[5] = {5000, 1000, 5000, 9000, 3000};
    for (int i = 0; i < 5; i++) {
        f[i] = (struct fired){.log = &log, .number = i};
        io_timer_init(&f[i].timer, io, note, &f[i]);
        io_timer_set(&f[i].timer, mono_after(now, DELAY_MS[i]));
    }
    io_timer_stop(&f[4].timer);
    io_timer_set(&f[3].timer, mono_after(now, 500)); /* moved to the front */
    io_timer_set(&f[0].timer, MONO_NEVER);
    io_timer_set(&f[0].timer, mono_after(now, 5000)); /* now behind f[2] */
    UNTIL(io, log.count == 4);
    assert_memory_equal(log.order, ((int[]){3, 1, 2, 0}), 4 * sizeof(int));
    io_close(io);
}

struct sorted {
    struct io_timer timer;
    struct sum {
        int64_t last_ms;
        int count;
    } * sum;
};

static void must_not_be_earlier(void *arg)
{
    struct sorted *t = arg;
    assert_true(t->timer.at.ms >= t->sum->last_ms);
    t->sum->last_ms = t->timer.at.ms;
    t->sum->count++;
}

static void many_timers_come_back_sorted(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct io *io = start("0,0,1000");
    struct sum sum = {0};
    struct sorted *t = calloc(N, sizeof *t);
    struct rand_stream random = rand_split(1, "timers");
    mono_ms now = io_mono(io);
    for (int i = 0; i < N; i++) {
        t[i].sum = &sum;
        io_timer_init(&t[i].timer, io, must_not_be_earlier, &t[i]);
        io_timer_set(&t[i].timer, mono_after(now, (int64_t)rand_below(&random, 50'000)));
    }
    for (int i = 0; i < N; i += 3)
        io_timer_stop(&t[i].timer);
    UNTIL(io, sum.count == N - (N + 2) / 3);
    io_close(io);
    free(t);
}

struct turns {
    int turns, ready, again;
};

static bool on_turn(void *arg)
{
    struct turns *t = arg;
    t->turns++;
    return t->again-- > 0;
}

static void set_ready(void *arg)
{
    ((struct turns *)arg)->ready++;
}

static void turn_hook_comes_after_work_and_repeats_without_waiting(void **state)
{
    (void)state;
    struct io *io = start(NULL);
    struct turns t = {.again = 5};
    io_on_turn(io, on_turn, &t);
    UNTIL(io, t.turns >= 6); /* nothing else is open: a waiting loop would hang here */
    struct io_timer timer;
    io_timer_init(&timer, io, set_ready, &t);
    io_timer_set(&timer, io_mono(io));
    int before = t.turns;
    UNTIL(io, t.ready == 1);
    io_step(io, 0);
    assert_true(t.turns > before); /* a flush follows what the timer submitted */
    io_close(io);
}

static void do_work(void *arg)
{
    int *value = arg;
    *value = *value * 2;
}

static void done_work(void *arg)
{
    int *value = arg;
    *value += 1;
}

static void work_runs_elsewhere_and_ends_here(void **state)
{
    (void)state;
    struct io *io = start(NULL);
    int value = 20;
    io_work(io, do_work, done_work, &value);
    assert_int_equal(value & 1, 0); /* `done` never comes inside the call */
    UNTIL(io, value == 41);
    io_work(io, do_work, done_work, &value);
    io_close(io); /* waits for it */
    assert_int_equal(value, 83);
}

static void on_signal(void *arg, int number)
{
    *(int *)arg = number;
}

static void signals_arrive_on_the_loop(void **state)
{
    (void)state;
    struct io *io = start(NULL);
    int got = 0;
    assert_ok(io_on_signal(io, on_signal, &got));
    raise(SIGTERM);
    UNTIL(io, got == SIGTERM);
    raise(SIGINT);
    UNTIL(io, got == SIGINT);
    io_close(io);
}

struct child {
    bool ended;
    int64_t status;
    int signal_number;
};

static void on_exited(void *arg, struct io_process *p, int64_t status, int signal_number)
{
    *(struct child *)arg = (struct child){true, status, signal_number};
    io_process_close(p);
}

static void children_end_with_status_or_signal(void **state)
{
    (void)state;
    struct io *io = start(NULL);
    struct child c = {0};
    struct io_process *p;
    char log_path[] = "/tmp/yufu-test-child.XXXXXX";
    close(mkstemp(log_path));
    struct io_process_options o = {
        .argv = (const char *const[]){"sh", "-c", "echo to the log; echo err >&2; exit 7", NULL},
        .log_path = log_path,
        .exited = on_exited,
        .arg = &c};
    assert_ok(io_process_start(io, &o, &p));
    assert_true(io_process_pid(p) > 1);
    UNTIL(io, c.ended);
    assert_int_equal(c.status, 7);
    struct bytes log;
    assert_ok(io_file_read(log_path, 1000, &log));
    assert_string_equal((const char *)log.data, "to the log\nerr\n");
    io_file_free(&log);
    unlink(log_path);

    c = (struct child){0};
    o = (struct io_process_options){
        .argv = (const char *const[]){"sleep", "1000", NULL}, .exited = on_exited, .arg = &c};
    assert_ok(io_process_start(io, &o, &p));
    io_process_signal(p, SIGKILL);
    UNTIL(io, c.ended);
    assert_int_equal(c.signal_number, SIGKILL);

    o.argv = (const char *const[]){"/nonexistent/program", NULL};
    assert_err(ERR_IO_FILE, io_process_start(io, &o, &p));
    io_close(io);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char directory[] = "/tmp/yufu-test-file.XXXXXX";
    assert_non_null(mkdtemp(directory));
    char deep[128], path[160];
    snprintf(deep, sizeof deep, "%s/a/b/c", directory);
    assert_ok(io_directory_make(deep));
    assert_ok(io_directory_make(deep));
    snprintf(path, sizeof path, "%s/secret", deep);
    assert_false(io_file_exists(path));
    struct bytes got;
    assert_err(ERR_NOT_FOUND, io_file_read(path, 10, &got));
    assert_ok(io_file_write(path, (struct bytes){(const uint8_t *)"old one", 7}, 0600));
    assert_ok(io_file_write(path, (struct bytes){(const uint8_t *)"new", 3}, 0600));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_ok(io_file_read(path, 3, &got));
    assert_int_equal(got.len, 3);
    assert_string_equal((const char *)got.data, "new");
    io_file_free(&got);
    assert_err(ERR_OVERFLOW, io_file_read(path, 2, &got));

    static uint8_t large[100'000];
    io_random(large, sizeof large);
    assert_ok(io_file_write(path, (struct bytes){large, sizeof large}, 0600));
    assert_ok(io_file_read(path, sizeof large, &got));
    assert_int_equal(got.len, sizeof large);
    assert_memory_equal(got.data, large, sizeof large);
    io_file_free(&got);

    char under[200];
    snprintf(under, sizeof under, "%s/x", path); /* a file is no directory */
    assert_err(ERR_IO_FILE, io_directory_make(under));
    assert_err(ERR_IO_FILE, io_directory_make(path));
    assert_err(ERR_IO_FILE, io_file_write(under, (struct bytes){large, 1}, 0600));
    unlink(path);
    char command[200];
    snprintf(command, sizeof command, "rm -r %s", directory);
    assert_int_equal(system(command), 0);
}

static void drain(void *arg)
{
    int *fds = arg;
    char c;
    assert_int_equal(read(fds[0], &c, 1), 1);
    fds[2]++;
}

static void foreign_descriptors_are_watched(void **state)
{
    (void)state;
    struct io *io = start(NULL);
    int fds[3] = {0};
    assert_int_equal(pipe(fds), 0);
    struct io_watch *w;
    assert_ok(io_watch_open(io, fds[0], drain, fds, &w));
    assert_int_equal(write(fds[1], "abc", 3), 3);
    UNTIL(io, fds[2] == 3); /* level-triggered: one byte a turn, and none is forgotten */
    io_watch_close(w);
    close(fds[0]);
    close(fds[1]);
    io_close(io);
}

static void descriptors_are_as_many_as_the_system_allows(void **state)
{
    (void)state;
    struct rlimit before, now;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    io_close(start(NULL));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur == before.rlim_max && now.rlim_max == before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    io_random(a, sizeof a);
    io_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_text_is_read_strictly),
        cmocka_unit_test(fast_clock_runs_fast),
        cmocka_unit_test(timers_fire_by_deadline_then_by_order),
        cmocka_unit_test(many_timers_come_back_sorted),
        cmocka_unit_test(turn_hook_comes_after_work_and_repeats_without_waiting),
        cmocka_unit_test(work_runs_elsewhere_and_ends_here),
        cmocka_unit_test(signals_arrive_on_the_loop),
        cmocka_unit_test(children_end_with_status_or_signal),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(foreign_descriptors_are_watched),
        cmocka_unit_test(descriptors_are_as_many_as_the_system_allows),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
