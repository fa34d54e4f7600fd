/* Child processes, and descriptors of other libraries. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/must.h"
#include "io/io_impl.h"

struct io_process {
    struct io_object object;
    uv_process_t process;
    void (*exited)(void *arg, struct io_process *p, int64_t status, int signal_number);
    void *arg;
};

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal_number)
{
    struct io_process *p = process->data;
    if (p->exited != NULL)
        p->exited(p->arg, p, status, signal_number);
}

static void on_process_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void io_process_close(struct io_process *p)
{
    io_object_remove(&p->object);
    if (!uv_is_closing((uv_handle_t *)&p->process))
        uv_close((uv_handle_t *)&p->process, on_process_closed);
}

static void destroy_process(struct io_object *o)
{
    io_process_close((struct io_process *)o);
}

static int start(struct io *io, struct io_process *p, const struct io_process_options *o,
                 int log_fd)
{
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = log_fd >= 0 ? log_fd : 1},
                                     {.flags = UV_INHERIT_FD, .data.fd = log_fd >= 0 ? log_fd : 2}};
    uv_process_options_t options = {.exit_cb = on_exit_of_child,
                                    .file = o->argv[0],
                                    .args = (char **)o->argv, /* not written to by libuv */
                                    .stdio_count = 3,
                                    .stdio = stdio};
    p->process.data = p;
    return uv_spawn(&io->loop, &p->process, &options);
}

enum err io_process_start(struct io *io, const struct io_process_options *options,
                          struct io_process **out)
{
    struct io_process *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_MEMORY;
    int log_fd = -1;
    if (options->log_path != NULL) {
        log_fd = open(options->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log_fd < 0) {
            free(p);
            return ERR_IO_FILE;
        }
    }
    p->exited = options->exited;
    p->arg = options->arg;
    io_object_add(io, &p->object, destroy_process);
    int rc = start(io, p, options, log_fd);
    if (log_fd >= 0)
        close(log_fd);
    if (rc != 0) {
        io_process_close(p); /* libuv has initialised the handle even now */
        return ERR_IO_FILE;
    }
    *out = p;
    return ERR_OK;
}

pid_t io_process_pid(const struct io_process *p)
{
    return uv_process_get_pid(&p->process);
}

void io_process_signal(struct io_process *p, int signal_number)
{
    /* A child that has ended has given its id back: it may be somebody else's by now. */
    if (uv_is_active((const uv_handle_t *)&p->process))
        uv_process_kill(&p->process, signal_number);
}

/* ---- a descriptor of somebody else ---------------------------------------------------------- */

struct io_watch {
    struct io_object object;
    uv_poll_t poll;
    io_watch_fn *fn;
    void *arg;
};

static void on_watched(uv_poll_t *poll, int status, int events)
{
    struct io_watch *w = poll->data;
    (void)status; /* an error is readable too: the library finds it out by itself */
    (void)events;
    w->fn(w->arg);
}

static void on_watch_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void destroy_watch(struct io_object *o)
{
    io_watch_close((struct io_watch *)o);
}

enum err io_watch_open(struct io *io, int fd, io_watch_fn *fn, void *arg, struct io_watch **out)
{
    struct io_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ERR_MEMORY;
    if (uv_poll_init(&io->loop, &w->poll, fd) != 0) {
        free(w);
        return ERR_IO;
    }
    w->poll.data = w;
    w->fn = fn;
    w->arg = arg;
    io_object_add(io, &w->object, destroy_watch);
    MUST(uv_poll_start(&w->poll, UV_READABLE, on_watched) == 0);
    *out = w;
    return ERR_OK;
}

void io_watch_close(struct io_watch *w)
{
    io_object_remove(&w->object);
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}
