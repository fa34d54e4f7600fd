/* What the parts of io/ share: the loop, its list of open objects, error mapping. */
#ifndef YUFU_IO_IO_IMPL_H
#define YUFU_IO_IO_IMPL_H

#include <uv.h>

#include "io/io.h"

/*
 * Every handle given out begins with one of these. `destroy` closes silently; the memory goes in
 * the uv close callback, so that a callback may close the very object it was called for.
 */
struct io_object {
    struct io *io;
    void (*destroy)(struct io_object *o);
    struct io_object *next, *prev;
};

/* Something to be run on the loop soon, because a callback may not come inside a call. */
struct io_later {
    void (*fn)(struct io_later *l);
    struct io_later *next;
    bool waiting;
};

struct io {
    uv_loop_t loop;
    uv_timer_t timer, guard;
    uv_prepare_t prepare;
    uv_idle_t idle;
    bool waited;     /* io_step has waited long enough */
    uv_async_t keep; /* keeps the loop alive when nothing else is open */
    uv_signal_t signals[2];
    struct io_clock clock;
    io_ahead_fn *ahead;
    void *ahead_arg;
    struct io_timer **heap; /* 1-based */
    size_t heap_len, heap_cap;
    uint64_t timer_order;
    struct io_object objects; /* list head */
    struct io_later *later, **later_end;
    io_turn_fn *turn;
    void *turn_arg;
    io_signal_fn *signal;
    void *signal_arg;
    bool stopping, open;
};

void io_object_add(struct io *io, struct io_object *o, void (*destroy)(struct io_object *));
void io_object_remove(struct io_object *o);
void io_later_add(struct io *io, struct io_later *l);
void io_later_remove(struct io *io, struct io_later *l);

enum err io_err_of_uv(int status);

/* io_timer.c */
void io_timers_arm(struct io *io);

/* io_tls.c: the TLS half of a stream. */
struct io_tls_half;
enum io_tls_state { IO_TLS_HANDSHAKE, IO_TLS_OPEN, IO_TLS_ENDED, IO_TLS_FAILED };
struct io_tls_half *io_tls_half_open(struct io_tls *tls, wall_s now);
void io_tls_half_close(struct io_tls_half *h);
/* Feeds bytes from the network; drives the handshake. */
enum io_tls_state io_tls_half_feed(struct io_tls_half *h, const uint8_t *data, size_t len);
/* Takes decrypted bytes; 0: nothing now. *state tells an end or a failure. */
size_t io_tls_half_read(struct io_tls_half *h, uint8_t *out, size_t cap, enum io_tls_state *state);
bool io_tls_half_write(struct io_tls_half *h, const uint8_t *data, size_t len);
void io_tls_half_end(struct io_tls_half *h); /* close_notify */
/* Bytes for the network. */
size_t io_tls_half_output(struct io_tls_half *h, uint8_t *out, size_t cap);
bool io_tls_half_certificate(const struct io_tls_half *h, uint8_t sha256[32]);
const char *io_tls_half_reason(const struct io_tls_half *h);

#endif
