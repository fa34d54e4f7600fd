/*
 * kill -9 at any instant: a child commits rows in groups to a real file and tells each acknowledged
 * number through a pipe; the parent kills it after a random number of them. After every death all
 * acknowledged rows are there, and rows of a group stand or fall together.
 *
 *   store_kill KILLS SEED
 *
 * (A kill keeps the page cache: what only a power cut loses is tested on the simulated disk.)
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "store/store.h"

#define GROUP 5

static char path[128];

static struct store *open_store(void)
{
    struct store *s = NULL;
    enum err e = store_open(&s, &(struct store_config){.kind = STORE_GATEWAY, .path = path});
    if (e != ERR_OK) {
        fprintf(stderr, "open: %s\n", err_name(e));
        exit(1);
    }
    return s;
}

/* --- the child ------------------------------------------------------------------------------ */

static enum err add_row(struct store_tx *tx, void *arg)
{
    static uint8_t pad[700];
    return store_exec(tx, "INSERT INTO queue (seq, kind, body) VALUES ($1, 1, $2)", "ib",
                      *(int64_t *)arg, (struct bytes){pad, sizeof pad});
}

static int to_parent;

static void tell_parent(void *arg, enum err result)
{
    if (result != ERR_OK || write(to_parent, arg, sizeof(int64_t)) != sizeof(int64_t))
        _exit(3);
}

static void child(int64_t next)
{
    struct store *s = open_store();
    static int64_t numbers[GROUP];
    for (;;) {
        for (int i = 0; i < GROUP; i++) {
            numbers[i] = next++;
            store_submit(s, add_row, tell_parent, &numbers[i]);
        }
        store_flush(s);
    }
}

/* --- the parent ----------------------------------------------------------------------------- */

struct found {
    int64_t count, last;
};

static enum err look(struct store_tx *tx, void *arg)
{
    struct found *f = arg;
    TRY(store_int(tx, &f->count, "SELECT count(*) FROM queue", ""));
    return store_int(tx, &f->last, "SELECT coalesce(max(seq), 0) FROM queue", "");
}

static int64_t live_and_die(int64_t next, uint64_t acknowledgements)
{
    int pipes[2];
    int64_t last = next - 1;
    if (pipe(pipes) != 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        to_parent = pipes[1];
        child(next);
    }
    close(pipes[1]);
    for (uint64_t i = 0; i < acknowledgements; i++)
        if (read(pipes[0], &last, sizeof last) != sizeof last)
            exit(fprintf(stderr, "the child died by itself\n"));
    kill(pid, SIGKILL);
    int64_t more; /* what it had still acknowledged before it died */
    while (read(pipes[0], &more, sizeof more) == sizeof more)
        last = more;
    close(pipes[0]);
    waitpid(pid, NULL, 0);
    return last;
}

int main(int argc, char **argv)
{
    int kills = argc > 1 ? atoi(argv[1]) : 100, wrong = 0;
    struct rand_stream r = rand_split(argc > 2 ? strtoull(argv[2], NULL, 10) : 1, "kills");
    struct found f = {};
    char command[160], dir[] = "/tmp/yufu-kill-XXXXXX";
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/k.db", dir);
    for (int i = 0; i < kills && !wrong; i++) {
        int64_t acknowledged = live_and_die(f.last + 1, rand_below(&r, 200));
        struct store *s = open_store();
        enum err e = store_read(s, look, &f);
        if (e != ERR_OK || f.count != f.last || f.last % GROUP != 0 || f.last < acknowledged ||
            (i % 20 == 0 && store_check(s) != ERR_OK))
            wrong = fprintf(stderr, "kill %d: %lld acknowledged, %lld rows, last %lld, %s\n", i,
                            (long long)acknowledged, (long long)f.count, (long long)f.last,
                            err_name(e));
        store_close(s);
    }
    printf("%d kills, %lld rows committed, %s\n", kills, (long long)f.count,
           wrong ? "LOST" : "every acknowledged one is there");
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) != 0 || wrong;
}
