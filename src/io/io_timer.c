/* Timers: a binary heap of (deadline, order) on one uv_timer. */
#include <stdlib.h>

#include "base/must.h"
#include "io/io_impl.h"

static bool before(const struct io_timer *a, const struct io_timer *b)
{
    return a->at.ms != b->at.ms ? a->at.ms < b->at.ms : a->order < b->order;
}

static void place(struct io *io, size_t slot, struct io_timer *t)
{
    io->heap[slot] = t;
    t->slot = slot;
}

static void sift_up(struct io *io, size_t slot)
{
    struct io_timer *t = io->heap[slot];
    for (; slot > 1 && before(t, io->heap[slot / 2]); slot /= 2)
        place(io, slot, io->heap[slot / 2]);
    place(io, slot, t);
}

static void sift_down(struct io *io, size_t slot)
{
    struct io_timer *t = io->heap[slot];
    for (;;) {
        size_t child = slot * 2;
        if (child > io->heap_len)
            break;
        if (child < io->heap_len && before(io->heap[child + 1], io->heap[child]))
            child++;
        if (!before(io->heap[child], t))
            break;
        place(io, slot, io->heap[child]);
        slot = child;
    }
    place(io, slot, t);
}

void io_timer_init(struct io_timer *t, struct io *io, io_timer_fn *fn, void *arg)
{
    *t = (struct io_timer){.io = io, .fn = fn, .arg = arg};
}

void io_timer_stop(struct io_timer *t)
{
    if (t->slot == 0)
        return;
    struct io *io = t->io;
    size_t slot = t->slot;
    struct io_timer *last = io->heap[io->heap_len--];
    t->slot = 0;
    if (last == t)
        return;
    place(io, slot, last);
    sift_up(io, slot);
    sift_down(io, last->slot);
}

static void push(struct io *io, struct io_timer *t)
{
    if (io->heap_len + 1 >= io->heap_cap) {
        size_t cap = io->heap_cap == 0 ? 64 : io->heap_cap * 2;
        struct io_timer **heap = realloc(io->heap, cap * sizeof(*heap));
        MUST(heap != NULL);
        io->heap = heap;
        io->heap_cap = cap;
    }
    place(io, ++io->heap_len, t);
    sift_up(io, io->heap_len);
}

void io_timer_set(struct io_timer *t, mono_ms at)
{
    io_timer_stop(t);
    if (at.ms == MONO_NEVER.ms)
        return;
    t->at = at;
    t->order = ++t->io->timer_order;
    push(t->io, t);
}

void io_timer_set_real(struct io_timer *t, mono_ms at_real)
{
    if (at_real.ms == MONO_NEVER.ms) {
        io_timer_stop(t);
        return;
    }
    /* Both clocks count from the same origin; io_mono is `speed` times as far. */
    io_timer_set(t, (mono_ms){at_real.ms * t->io->clock.speed});
}

static void fire(struct io *io)
{
    mono_ms now = io_mono(io);
    uint64_t last = io->timer_order; /* those set from now on wait for the next turn */
    while (io->heap_len > 0 && mono_due(io->heap[1]->at, now) && io->heap[1]->order <= last) {
        struct io_timer *t = io->heap[1];
        io_timer_stop(t);
        t->fn(t->arg);
    }
}

static void on_timer(uv_timer_t *handle)
{
    fire(handle->data);
}

void io_timers_arm(struct io *io)
{
    if (io->heap_len == 0) {
        uv_timer_stop(&io->timer);
        return;
    }
    int64_t left = io->heap[1]->at.ms - io_mono(io).ms;
    int64_t real = left <= 0 ? 0 : (left + io->clock.speed - 1) / io->clock.speed;
    uv_update_time(&io->loop);
    uv_timer_start(&io->timer, on_timer, (uint64_t)real, 0);
}
