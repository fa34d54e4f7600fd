/*
 * `yufu bench`: ratios against stated baselines. The measuring lives in the simulated world's program,
 * which src/ may not include: it is run as its own process, as it would be by hand.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"

#define PATH_SIZE 4096

static int run(const char *program, char **argv)
{
    execv(program, argv);
    return errno;
}

/* Beside this program when installed, in the build tree's folder before. */
static int run_sim(char **argv)
{
    char own[PATH_SIZE], path[PATH_SIZE + 32];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    if (n <= 0)
        return 1;
    own[n] = '\0';
    char *slash = strrchr(own, '/');
    if (slash)
        *slash = '\0';
    snprintf(path, sizeof path, "%s/yufu-sim", own);
    run(path, argv);
    snprintf(path, sizeof path, "%s/../../sim/yufu-sim", own);
    int why = run(path, argv);
    fprintf(stderr, "yufu bench: cannot start yufu-sim: %s\n", strerror(why));
    return 1;
}

int app_bench_main(int argc, char **argv)
{
    char name[] = "yufu-sim", *words[32] = {name};
    if (argc < 2 || argc > 30 || strcmp(argv[1], "freshness") != 0) {
        fprintf(stderr, "usage: yufu bench freshness [--meters N] [--dead N] [--baud B] [--hours H] "
                        "[--damaged PERMILLE]\n");
        return 2;
    }
    for (int i = 1; i < argc; i++)
        words[i] = argv[i];
    return run_sim(words);
}
