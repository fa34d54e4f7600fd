/*
 * The only door to the operating system: loop, clocks, timers, sockets, TLS, serial lines,
 * processes, files, randomness, work off the loop. Nothing outside this folder (and store/, which
 * owns its database files) calls the system itself.
 *
 * One loop, one thread. Every callback runs on the thread that called io_run, never inside the call
 * that asked for it; only the `work` function of io_work runs elsewhere. Handles are opaque and
 * owned by the loop: after x_close(x) no callback of x comes any more and x must not be used.
 * Whatever is still open at io_close is closed there, silently.
 *
 * Time: io_mono and io_wall may run faster than the world (`--clock`, see io_clock_parse), the same
 * in every process of a demonstration. Timers and every ..._ms in here obey io_mono unless the name
 * says `real`. Log-ins, certificates and the silence of links live in real time.
 */
#ifndef YUFU_IO_IO_H
#define YUFU_IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"

struct io;

/* ---- clock ---------------------------------------------------------------------------------- */

/* wall = virtual0 + (real - real0) * speed; speed >= 1. All zero: the true clock. */
struct io_clock {
    int64_t real0_ms;    /* UTC, milliseconds since 1970 */
    int64_t virtual0_ms; /* UTC, milliseconds since 1970 */
    int64_t speed;
};

#define IO_SPEED_MAX 100'000

/* Text of --clock: "REAL0,VIRTUAL0,SPEED", both in seconds since 1970 with up to three decimals,
 * speed a whole number 1..IO_SPEED_MAX. ERR_SYNTAX, ERR_RANGE. */
[[nodiscard]] enum err io_clock_parse(const char *text, struct io_clock *clock);
/* The same text for the command line of another process; out needs 64 chars. */
void io_clock_text(const struct io_clock *clock, char *out, size_t cap);
/* A clock that starts now, `speed` times as fast, showing virtual0 (0 s: the true time). */
struct io_clock io_clock_start(wall_s virtual0, int64_t speed);

/* ---- loop ----------------------------------------------------------------------------------- */

struct io_options {
    struct io_clock clock;
};

/* Also makes the process ignore SIGPIPE and raises its limit of descriptors to the system's hard
 * one. ERR_IO, ERR_MEMORY. */
[[nodiscard]] enum err io_open(struct io **out, const struct io_options *options);
void io_close(struct io *io); /* NULL is allowed; not from a callback */
void io_run(struct io *io);   /* until io_stop */
void io_stop(struct io *io);
/* One turn: waits for something to happen (at most wait_real_ms), handles it, returns. For tests
 * and command-line tools that wait for one answer. */
void io_step(struct io *io, int64_t wait_real_ms);

mono_ms io_mono(const struct io *io);
wall_s io_wall(const struct io *io);
int64_t io_wall_ms(const struct io *io); /* io_wall in milliseconds since 1970 */
wall_s io_wall_real(const struct io *io);
/* What the clock itself says, where io_wall is put right by io_wall_correct. */
wall_s io_wall_clock(const struct io *io);
/* How many seconds io_wall_clock is ahead of the truth now; asked at each look at the time, and may
 * look at io_wall_clock and io_mono_real. */
typedef int64_t io_ahead_fn(void *arg);
/* From now on io_wall and io_wall_real are less by what `ahead` says; NULL: by nothing. */
void io_wall_correct(struct io *io, io_ahead_fn *ahead, void *arg);
mono_ms io_mono_real(const struct io *io);
int64_t io_suspended_ms(void); /* so long the machine slept since it started; io_mono_real stood */
int64_t io_speed(const struct io *io);

/* Called once in each turn after everything that arrived was handled and before the loop waits:
 * the place of store_flush. True: something is left to do, come again without waiting. One hook a
 * loop; fn NULL takes it away. */
typedef bool io_turn_fn(void *arg);
void io_on_turn(struct io *io, io_turn_fn *fn, void *arg);

/* SIGINT and SIGTERM. */
typedef void io_signal_fn(void *arg, int signal_number);
[[nodiscard]] enum err io_on_signal(struct io *io, io_signal_fn *fn, void *arg);

/* ---- timers --------------------------------------------------------------------------------- */

/* One shot, re-armable, in the caller's memory (stop it before that goes away). Equal deadlines
 * fire in the order in which they were set. */
typedef void io_timer_fn(void *arg);
struct io_timer {
    struct io *io;
    io_timer_fn *fn;
    void *arg;
    mono_ms at;
    uint64_t order;
    size_t slot; /* place in the loop's heap, 0: not set */
};

void io_timer_init(struct io_timer *t, struct io *io, io_timer_fn *fn, void *arg);
/* Sets or moves the deadline; a past one fires in the next turn; MONO_NEVER stops it. */
void io_timer_set(struct io_timer *t, mono_ms at);
void io_timer_set_real(struct io_timer *t, mono_ms at_real); /* deadline of io_mono_real */
void io_timer_stop(struct io_timer *t);

/* ---- work off the loop ---------------------------------------------------------------------- */

/* `work` runs on a thread of a small pool and may touch nothing but *arg; `done` then runs on the
 * loop. For slow pure work: password hashing, compression. */
typedef void io_work_fn(void *arg);
void io_work(struct io *io, io_work_fn *work, io_work_fn *done, void *arg);

/* ---- streams: TCP, and TLS 1.3 on it -------------------------------------------------------- */

struct io_stream;

struct io_stream_events {
    void (*opened)(void *arg, struct io_stream *s); /* io_connect only: ready (TLS: verified) */
    void (*received)(void *arg, struct io_stream *s, const uint8_t *data, size_t len);
    /* The queue of written bytes went empty after it had been above IO_STREAM_HIGH. May be NULL. */
    void (*drained)(void *arg, struct io_stream *s);
    /* Ended by the other side (ERR_IO_CLOSED) or by an error (ERR_IO, ERR_IO_REFUSED,
     * ERR_IO_ADDRESS, ERR_TLS); the last callback, the stream is gone after it. Not called after
     * io_stream_close. */
    void (*closed)(void *arg, struct io_stream *s, enum err why);
};

#define IO_STREAM_HIGH (256 * 1024)     /* above this a writer should wait for `drained` */
#define IO_STREAM_MAX (8 * 1024 * 1024) /* above this io_stream_write refuses */

/* Copies and queues. All or nothing: ERR_FULL (more than IO_STREAM_MAX waiting), ERR_IO_CLOSED. */
[[nodiscard]] enum err io_stream_write(struct io_stream *s, const uint8_t *data, size_t len);
size_t io_stream_waiting(const struct io_stream *s); /* bytes written and not yet sent */
/* No `received` until resumed: back-pressure reaches the sender through TCP. */
void io_stream_pause(struct io_stream *s);
void io_stream_resume(struct io_stream *s);
/* Sends what is queued (for at most 5 real seconds), then closes. */
void io_stream_close(struct io_stream *s);
/* Closes at once; queued bytes are lost. */
void io_stream_abort(struct io_stream *s);
/* Gives an accepted stream its owner; `events` must outlive the stream. */
void io_stream_handle(struct io_stream *s, const struct io_stream_events *events, void *arg);
/* "127.0.0.1:4711", "[::1]:4711", or "?". */
const char *io_stream_peer(const struct io_stream *s);
/* SHA-256 of the peer's certificate (DER). False: plain stream, or the peer showed none. A
 * certificate that was shown has been verified against the CA before the stream opened. */
bool io_stream_certificate(const struct io_stream *s, uint8_t sha256[32]);

/* TLS 1.3 only, AES-256-GCM and ChaCha20-Poly1305. PEM texts. A server asks its clients for a
 * certificate: none is allowed, a bad one is refused. A client accepts only a server certificate
 * (extended key usage serverAuth) issued by `ca`. A context is shared by many streams, and must
 * outlive them. ERR_TLS. */
struct io_tls;
struct io_tls_options {
    struct bytes ca;
    struct bytes certificate, key; /* data NULL: none (clients only) */
    bool server;
};
[[nodiscard]] enum err io_tls_open(struct io_tls **out, const struct io_tls_options *options);
void io_tls_close(struct io_tls *tls); /* NULL is allowed */

struct io_listener;
struct io_listen_options {
    const char *host; /* numeric address; NULL: 127.0.0.1. Anything else must be asked for */
    uint16_t port;    /* 0: any free one, see io_listener_port */
    struct io_tls *tls;
    /* A TLS stream arrives here when its handshake is complete (10 real seconds are allowed). The
     * callee takes it over by io_stream_handle, or closes it. */
    void (*accepted)(void *arg, struct io_stream *s);
    void *arg;
    size_t max_streams; /* further ones are closed at once; 0: 10'000 */
};
/* ERR_IO_ADDRESS: not an address, or in use. */
[[nodiscard]] enum err io_listen(struct io *io, const struct io_listen_options *options,
                                 struct io_listener **out);
uint16_t io_listener_port(const struct io_listener *l);
void io_listener_close(struct io_listener *l); /* its streams live on */

struct io_connect_options {
    const char *host; /* name or numeric address */
    uint16_t port;
    struct io_tls *tls;
    int64_t timeout_real_ms; /* to `opened`; 0: 15'000 */
    const struct io_stream_events *events;
    void *arg;
};
/* Always gives a stream; failures come through `closed`. */
[[nodiscard]] enum err io_connect(struct io *io, const struct io_connect_options *options,
                                  struct io_stream **out);

/* ---- serial lines --------------------------------------------------------------------------- */

/* One RS-485 line: "serial:/dev/ttyS1" (also a pseudo-terminal) or "tcp:HOST:PORT" (a serial
 * server). The line opens by itself, and again after it was lost, with growing pauses of 1 s to
 * 60 s of real time. */
struct io_line;
struct io_line_events {
    void (*up)(void *arg, struct io_line *l);
    void (*down)(void *arg, struct io_line *l, enum err why); /* also for each failed attempt */
    void (*received)(void *arg, struct io_line *l, const uint8_t *data, size_t len);
};
struct io_line_options {
    const char *endpoint;
    int64_t baud; /* a standard rate 300 .. 921600; ignored for tcp: */
    char parity;  /* 'N' 'E' 'O'; 8 data bits, 1 stop bit */
    const struct io_line_events *events;
    void *arg;
    /* tcp: a connection on which was written and nothing heard for so long, of real time, or twice
     * as long, is given up (ERR_BUS_SILENT) and opened again at once; 0: it is kept. */
    int64_t deaf_ms;
};
/* ERR_SYNTAX: endpoint, ERR_RANGE: baud or parity. */
[[nodiscard]] enum err io_line_open(struct io *io, const struct io_line_options *options,
                                    struct io_line **out);
/* ERR_IO_CLOSED while the line is down; ERR_FULL when more than 4 KiB wait. */
[[nodiscard]] enum err io_line_write(struct io_line *l, const uint8_t *data, size_t len);
bool io_line_is_up(const struct io_line *l);
/* From the next byte on, also after the line was lost and opened again; ignored for tcp:. What was
 * written before must have left: the caller keeps silences. ERR_RANGE; ERR_IO: the device is gone.
 */
[[nodiscard]] enum err io_line_speed(struct io_line *l, int64_t baud, char parity);
void io_line_close(struct io_line *l);

/* A pseudo-terminal: the simulated meters sit on its master side. path needs 64 chars and is what
 * goes behind "serial:". It keeps its path while the other side opens and closes it. */
struct io_pty;
struct io_pty_events {
    void (*received)(void *arg, struct io_pty *p, const uint8_t *data, size_t len);
};
[[nodiscard]] enum err io_pty_open(struct io *io, const struct io_pty_events *events, void *arg,
                                   struct io_pty **out);
const char *io_pty_path(const struct io_pty *p);
[[nodiscard]] enum err io_pty_write(struct io_pty *p, const uint8_t *data, size_t len);
void io_pty_close(struct io_pty *p);

/* ---- child processes ------------------------------------------------------------------------ */

struct io_process;
struct io_process_options {
    const char *const *argv; /* NULL-terminated; argv[0] is the program, looked up in PATH */
    const char *log_path;    /* file that standard output and error are appended to; NULL: ours */
    void (*exited)(void *arg, struct io_process *p, int64_t status, int signal_number);
    void *arg;
};
/* ERR_IO_FILE: cannot be started. */
[[nodiscard]] enum err io_process_start(struct io *io, const struct io_process_options *options,
                                        struct io_process **out);
pid_t io_process_pid(const struct io_process *p);
void io_process_signal(struct io_process *p, int signal_number);
/* Lets go of the handle; a child that still runs runs on. */
void io_process_close(struct io_process *p);

/* ---- a descriptor of somebody else ---------------------------------------------------------- */

/* Level-triggered: called in every turn in which fd is readable. For libraries that bring their
 * own descriptors (libmicrohttpd's epoll). */
struct io_watch;
typedef void io_watch_fn(void *arg);
[[nodiscard]] enum err io_watch_open(struct io *io, int fd, io_watch_fn *fn, void *arg,
                                     struct io_watch **out);
void io_watch_close(struct io_watch *w); /* before fd is closed */

/* ---- files and randomness ------------------------------------------------------------------- */

/* The whole file with a zero byte behind it (not counted), for io_file_free. ERR_NOT_FOUND,
 * ERR_IO_FILE, ERR_OVERFLOW (more than max bytes), ERR_MEMORY. */
[[nodiscard]] enum err io_file_read(const char *path, size_t max, struct bytes *content);
void io_file_free(struct bytes *content);
/* Durable and whole: after a crash at any instant the file has the old or the new content. `mode`
 * as chmod, 0600 for secrets. ERR_IO_FILE. */
[[nodiscard]] enum err io_file_write(const char *path, struct bytes content, unsigned mode);
/* Writes a part at its place, into a file that is made if absent (0600). Not synced: after a crash
 * the file may have anything in it. */
[[nodiscard]] enum err io_file_put(const char *path, int64_t offset, struct bytes part);
/* ERR_NOT_FOUND, ERR_IO_FILE. */
[[nodiscard]] enum err io_file_size(const char *path, int64_t *size);
bool io_file_exists(const char *path);
/* Durably; a file that does not exist is fine. ERR_IO_FILE. */
[[nodiscard]] enum err io_file_remove(const char *path);
/* What a process of this user may still write below the folder, in bytes. ERR_IO_FILE. */
[[nodiscard]] enum err io_disk_free(const char *folder, int64_t *bytes);
/* With parents, mode 0700; an existing one is fine. ERR_IO_FILE. */
[[nodiscard]] enum err io_directory_make(const char *path);
/* This process alone works in the folder, until it ends in whatever way. ERR_IO_IN_USE: another one
 * does; ERR_IO_FILE. */
[[nodiscard]] enum err io_directory_own(const char *path);
/* From now on every file that this process makes, databases too, is its owner's alone. */
void io_files_private(void);

/* From the operating system; for keys. Cannot fail. */
void io_random(void *out, size_t len);

#endif
