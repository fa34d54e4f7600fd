#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "io/launch.h"

#define PATIENCE_MS 10'000 /* between the request to end and the end by force */
#define CANNOT_RUN 127

void launch_note(const char *name, const char *value)
{
    MUST(setenv(name, value, 1) == 0);
}

enum err launch_own_path(char *out, size_t cap)
{
    ssize_t n = readlink("/proc/self/exe", out, cap);
    if (n <= 0 || (size_t)n >= cap)
        return ERR_IO_FILE;
    out[n] = '\0';
    return ERR_OK;
}

void launch_pause(int64_t pause_ms)
{
    struct timespec t = {(time_t)(pause_ms / 1000), (long)(pause_ms % 1000) * 1'000'000};
    nanosleep(&t, NULL); /* cut short by a signal: good */
}

bool launch_possible(const char *path)
{
    return access(path, X_OK) == 0;
}

enum err launch_become(const char *path, char *const argv[])
{
    execv(path, argv);
    return ERR_IO_FILE;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

struct child {
    pid_t pid;
    sigset_t wanted, before;
    struct launch_end *end;
};

static _Noreturn void run(const char *path, char *const argv[], const struct child *c, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never two of a kind: it may not listen to SIGTERM */
    if (getppid() != parent)          /* it died before that stood */
        _exit(CANNOT_RUN);
    sigprocmask(SIG_SETMASK, &c->before, NULL);
    execv(path, argv);
    _exit(CANNOT_RUN);
}

static bool has_ended(struct child *c)
{
    int status;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid)
        return false;
    c->end->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

/* Until the child has ended (true) or the time is over; limit_ms < 0: no limit. Told to end
 * ourselves, we tell it, and have patience. */
static bool wait_for(struct child *c, int64_t limit_ms)
{
    int64_t until = now_ms() + limit_ms;
    while (!has_ended(c)) {
        int64_t left = limit_ms < 0 ? 60'000 : until - now_ms();
        if (left <= 0)
            return false;
        struct timespec t = {(time_t)(left / 1000), (long)(left % 1000) * 1'000'000};
        int number = sigtimedwait(&c->wanted, NULL, &t);
        if (number != SIGTERM && number != SIGINT)
            continue;
        if (!c->end->stopped) {
            limit_ms = PATIENCE_MS;
            until = now_ms() + limit_ms;
        }
        c->end->stopped = true;
        kill(c->pid, number);
    }
    return true;
}

enum err launch_watch(const char *path, char *const argv[], const struct launch_watch *watch,
                      struct launch_end *end)
{
    struct child c = {.end = end};
    pid_t parent = getpid();
    *end = (struct launch_end){0};
    sigemptyset(&c.wanted);
    sigaddset(&c.wanted, SIGTERM);
    sigaddset(&c.wanted, SIGINT);
    sigaddset(&c.wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &c.wanted, &c.before);
    c.pid = fork();
    if (c.pid == 0)
        run(path, argv, &c, parent);
    bool ended = c.pid < 0 || wait_for(&c, watch->limit_ms);
    if (!ended && !end->stopped && watch->stay(watch->arg)) {
        ended = wait_for(&c, -1);
    } else if (!ended && !end->stopped) {
        end->late = true;
        kill(c.pid, SIGTERM);
        ended = wait_for(&c, PATIENCE_MS);
    }
    if (!ended) {
        kill(c.pid, SIGKILL);
        (void)wait_for(&c, PATIENCE_MS);
    }
    sigprocmask(SIG_SETMASK, &c.before, NULL);
    return c.pid < 0 ? ERR_IO : ERR_OK;
}
