#include "io/io_impl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/must.h"

/* ---- clock ---------------------------------------------------------------------------------- */

static int64_t real_ms(void)
{
    struct timespec t;
    MUST(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

mono_ms io_mono_real(const struct io *io)
{
    (void)io;
    return (mono_ms){(int64_t)(uv_hrtime() / 1'000'000)};
}

static int64_t ms_of(clockid_t clock)
{
    struct timespec t;
    return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000 : 0;
}

/* The two clocks are read one after the other: what they are apart by that is no sleep. */
int64_t io_suspended_ms(void)
{
    int64_t awake_ms = ms_of(CLOCK_MONOTONIC), all_ms = ms_of(CLOCK_BOOTTIME);
    return all_ms - awake_ms > 1'000 ? all_ms - awake_ms : 0;
}

int64_t io_speed(const struct io *io)
{
    return io->clock.speed;
}

mono_ms io_mono(const struct io *io)
{
    return (mono_ms){(int64_t)(uv_hrtime() / 1000) * io->clock.speed / 1000};
}

static int64_t clock_ms(const struct io *io)
{
    return io->clock.virtual0_ms + (real_ms() - io->clock.real0_ms) * io->clock.speed;
}

wall_s io_wall_clock(const struct io *io)
{
    return (wall_s){clock_ms(io) / 1000};
}

void io_wall_correct(struct io *io, io_ahead_fn *ahead, void *arg)
{
    io->ahead = ahead;
    io->ahead_arg = arg;
}

static int64_t ahead_ms(const struct io *io)
{
    return io->ahead ? io->ahead(io->ahead_arg) * 1000 : 0;
}

int64_t io_wall_ms(const struct io *io)
{
    return clock_ms(io) - ahead_ms(io);
}

wall_s io_wall_real(const struct io *io)
{
    return (wall_s){(real_ms() - ahead_ms(io) / io->clock.speed) / 1000};
}

wall_s io_wall(const struct io *io)
{
    return (wall_s){io_wall_ms(io) / 1000};
}

struct io_clock io_clock_start(wall_s virtual0, int64_t speed)
{
    int64_t now_ms = real_ms();
    return (struct io_clock){now_ms, virtual0.s == 0 ? now_ms : virtual0.s * 1000, speed};
}

/* Digits, at most 15; false if there is none. */
static bool digits(const char **text, int64_t *value, int *count)
{
    *value = 0;
    for (*count = 0; **text >= '0' && **text <= '9' && *count < 15; (*text)++, (*count)++)
        *value = *value * 10 + (**text - '0');
    return *count > 0;
}

/* "1732240000.250" as milliseconds. */
static enum err parse_seconds(const char **text, int64_t *ms)
{
    int64_t whole, part = 0;
    int count;
    if (!digits(text, &whole, &count))
        return ERR_SYNTAX;
    if (count > 11)
        return ERR_RANGE;
    if (**text == '.') {
        (*text)++;
        if (!digits(text, &part, &count) || count > 3)
            return ERR_SYNTAX;
        for (; count < 3; count++)
            part *= 10;
    }
    *ms = whole * 1000 + part;
    return ERR_OK;
}

enum err io_clock_parse(const char *text, struct io_clock *clock)
{
    struct io_clock c = {0};
    int count;
    TRY(parse_seconds(&text, &c.real0_ms));
    if (*text++ != ',')
        return ERR_SYNTAX;
    TRY(parse_seconds(&text, &c.virtual0_ms));
    if (*text++ != ',')
        return ERR_SYNTAX;
    if (!digits(&text, &c.speed, &count) || *text != '\0')
        return ERR_SYNTAX;
    if (c.speed < 1 || c.speed > IO_SPEED_MAX)
        return ERR_RANGE;
    *clock = c;
    return ERR_OK;
}

void io_clock_text(const struct io_clock *c, char *out, size_t cap)
{
    snprintf(out, cap, "%lld.%03lld,%lld.%03lld,%lld", (long long)(c->real0_ms / 1000),
             (long long)(c->real0_ms % 1000), (long long)(c->virtual0_ms / 1000),
             (long long)(c->virtual0_ms % 1000), (long long)c->speed);
}

/* ---- objects and deferred calls ------------------------------------------------------------- */

void io_object_add(struct io *io, struct io_object *o, void (*destroy)(struct io_object *))
{
    *o = (struct io_object){io, destroy, &io->objects, io->objects.prev};
    o->prev->next = o;
    io->objects.prev = o;
}

void io_object_remove(struct io_object *o)
{
    if (o->next == NULL)
        return;
    o->prev->next = o->next;
    o->next->prev = o->prev;
    o->next = o->prev = NULL;
}

void io_later_add(struct io *io, struct io_later *l)
{
    if (l->waiting)
        return;
    l->waiting = true;
    l->next = NULL;
    *io->later_end = l;
    io->later_end = &l->next;
}

void io_later_remove(struct io *io, struct io_later *l)
{
    if (!l->waiting)
        return;
    struct io_later **at = &io->later;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    if (io->later_end == &l->next)
        io->later_end = at;
    l->waiting = false;
}

static void run_later(struct io *io)
{
    while (io->later != NULL) {
        struct io_later *l = io->later;
        io_later_remove(io, l);
        l->fn(l);
    }
}

/* ---- turn ----------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *handle)
{
    (void)handle; /* an active idle handle keeps the loop from waiting; it has no work of its own */
}

/* Ends the wait of io_step; or prevents it, if the time has passed before the loop waits. */
static void on_guard(uv_timer_t *handle)
{
    ((struct io *)handle->data)->waited = true;
}

/* Runs after timers and, one turn later, after I/O; always right before the loop waits. */
static void on_prepare(uv_prepare_t *handle)
{
    struct io *io = handle->data;
    run_later(io);
    bool again = io->turn != NULL && io->turn(io->turn_arg);
    if (again || io->later != NULL || io->waited)
        uv_idle_start(&io->idle, on_idle);
    else
        uv_idle_stop(&io->idle);
    io_timers_arm(io);
}

void io_on_turn(struct io *io, io_turn_fn *fn, void *arg)
{
    io->turn = fn;
    io->turn_arg = arg;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct io *io = handle->data;
    if (io->signal != NULL)
        io->signal(io->signal_arg, number);
}

enum err io_on_signal(struct io *io, io_signal_fn *fn, void *arg)
{
    io->signal = fn;
    io->signal_arg = arg;
    if (uv_signal_start(&io->signals[0], on_signal, SIGINT) != 0 ||
        uv_signal_start(&io->signals[1], on_signal, SIGTERM) != 0)
        return ERR_IO;
    return ERR_OK;
}

static bool init_handles(struct io *io)
{
    uv_loop_t *loop = &io->loop;
    bool ok = uv_timer_init(loop, &io->timer) == 0 && uv_timer_init(loop, &io->guard) == 0 &&
              uv_prepare_init(loop, &io->prepare) == 0 && uv_idle_init(loop, &io->idle) == 0 &&
              uv_async_init(loop, &io->keep, NULL) == 0 &&
              uv_signal_init(loop, &io->signals[0]) == 0 &&
              uv_signal_init(loop, &io->signals[1]) == 0;
    io->timer.data = io->guard.data = io->prepare.data = io;
    io->signals[0].data = io->signals[1].data = io;
    return ok && uv_prepare_start(&io->prepare, on_prepare) == 0;
}

/* The usual soft limit of 1024 is for programs that select(); ours hold a descriptor for every
 * gateway, unit and line. A system that refuses says so when one is needed. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

enum err io_open(struct io **out, const struct io_options *options)
{
    struct io *io = calloc(1, sizeof *io);
    if (io == NULL)
        return ERR_MEMORY;
    io->clock = options->clock;
    if (io->clock.speed == 0)
        io->clock = (struct io_clock){0, 0, 1};
    io->objects.next = io->objects.prev = &io->objects;
    io->later_end = &io->later;
    if (uv_loop_init(&io->loop) != 0) {
        free(io);
        return ERR_IO;
    }
    if (!init_handles(io)) {
        io_close(io);
        return ERR_IO;
    }
    signal(SIGPIPE, SIG_IGN);
    allow_descriptors();
    io->open = true;
    *out = io;
    return ERR_OK;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void io_close(struct io *io)
{
    if (io == NULL)
        return;
    io->turn = NULL;
    while (io->objects.next != &io->objects)
        io->objects.next->destroy(io->objects.next);
    /* The objects' handles are closing by now and free their memory in their own callbacks; what
     * the walk finds is the loop's own. Work on other threads is waited for. */
    uv_walk(&io->loop, close_handle, NULL);
    uv_run(&io->loop, UV_RUN_DEFAULT);
    MUST(uv_loop_close(&io->loop) == 0);
    free(io->heap);
    free(io);
}

void io_run(struct io *io)
{
    while (!io->stopping)
        uv_run(&io->loop, UV_RUN_DEFAULT);
    io->stopping = false;
    if (io->turn != NULL)
        (void)io->turn(io->turn_arg); /* what arrived in the last turn; there is no next one */
}

void io_stop(struct io *io)
{
    io->stopping = true;
    uv_stop(&io->loop);
}

void io_step(struct io *io, int64_t wait_real_ms)
{
    if (wait_real_ms <= 0) {
        uv_run(&io->loop, UV_RUN_NOWAIT);
        return;
    }
    io->waited = false;
    uv_update_time(&io->loop);
    uv_timer_start(&io->guard, on_guard, (uint64_t)wait_real_ms, 0);
    uv_run(&io->loop, UV_RUN_ONCE);
    uv_timer_stop(&io->guard);
    io->waited = false;
}

/* ---- errors --------------------------------------------------------------------------------- */

enum err io_err_of_uv(int status)
{
    switch (status) {
    case 0:
        return ERR_OK;
    case UV_EOF:
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ECANCELED:
        return ERR_IO_CLOSED;
    case UV_ECONNREFUSED:
        return ERR_IO_REFUSED;
    case UV_EADDRINUSE:
    case UV_EADDRNOTAVAIL:
    case UV_EAI_NONAME:
    case UV_EAI_AGAIN:
    case UV_EAI_NODATA:
    case UV_EACCES:
        return ERR_IO_ADDRESS;
    case UV_ENOMEM:
        return ERR_MEMORY;
    default:
        return ERR_IO;
    }
}

/* ---- work off the loop ---------------------------------------------------------------------- */

struct work {
    uv_work_t request;
    io_work_fn *work, *done;
    void *arg;
};

static void run_work(uv_work_t *request)
{
    struct work *w = request->data;
    w->work(w->arg);
}

static void end_work(uv_work_t *request, int status)
{
    struct work *w = request->data;
    MUST(status == 0); /* never cancelled */
    w->done(w->arg);
    free(w);
}

void io_work(struct io *io, io_work_fn *work, io_work_fn *done, void *arg)
{
    struct work *w = calloc(1, sizeof *w);
    MUST(w != NULL);
    *w = (struct work){.work = work, .done = done, .arg = arg};
    w->request.data = w;
    MUST(uv_queue_work(&io->loop, &w->request, run_work, end_work) == 0);
}
