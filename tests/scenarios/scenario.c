/*
 * Runs one story: scenario FILE [YYYY-MM-DD | ledger]. A line is `at DAY HH:MM WHO WORD...`; # begins a comment.
 * WHO is R101 ... for a room with a terminal, P1 ... for a meter of the second line, which a story has
 * if a first day is given. "ledger": four rooms, whose balances are all on the platform.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "steps.h"

#define WORDS_MAX 12
#define ZONE_S (8 * 3600)

static mono_ms time_of(const struct story *s, const char *day, const char *clock)
{
    int64_t d = strtoll(day, NULL, 10);
    int64_t h = strtoll(clock, NULL, 10), m = strtoll(strchr(clock, ':') + 1, NULL, 10);
    int64_t first_midnight_s = s->world.wall0.s - ZONE_S; /* the world begins at 08:00 local on day 1 */
    wall_s at = {first_midnight_s + (d - 1) * 86'400 + h * 3'600 + m * 60};
    return (mono_ms){(at.s - s->world.wall0.s) * 1000};
}

static int split(char *line, char **words)
{
    int n = 0;
    char *hash = strchr(line, '#'), *save = NULL;
    if (hash)
        *hash = '\0';
    for (char *w = strtok_r(line, " \t\n", &save); w && n < WORDS_MAX;
         w = strtok_r(NULL, " \t\n", &save))
        words[n++] = w;
    return n;
}

static int who_of(const char *name)
{
    if (strcmp(name, "all") == 0)
        return -1;
    int number = (int)strtol(name + 1, NULL, 10);
    return name[0] == 'P' ? WORLD_PIPE(number - 1) : number - 101;
}

static void live_until(struct story *s, mono_ms at)
{
    while (s->world.now.ms < at.ms) {
        mono_ms next = mono_after(s->world.now, 5'000);
        world_step(&s->world, mono_earlier(next, at));
        story_watch(s);
    }
}

static bool run_line(struct story *s, char *line, int number, bool *counted)
{
    char copy[512], *words[WORDS_MAX];
    snprintf(copy, sizeof copy, "%s", line);
    int n = split(line, words);
    *counted = n > 0;
    if (n == 0)
        return true;
    if (n < 5 || strcmp(words[0], "at") != 0) {
        printf("line %d: cannot read: %s", number, copy);
        return false;
    }
    live_until(s, time_of(s, words[1], words[2]));
    bool ok = story_act(s, who_of(words[3]), words + 4, n - 4);
    if (!ok)
        printf("line %d: not so: %s", number, copy);
    return ok;
}

/* 08:00 in Shanghai of that day. */
static bool first_of(const char *text, wall_s *out)
{
    int year, month, day;
    if (sscanf(text, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return false;
    struct civil c = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    *out = civil_to_wall(c, 0);
    return true;
}

int main(int argc, char **argv)
{
    static struct story s;
    char line[512];
    int number = 0, passed = 0, failed = 0;
    wall_s first = {0};
    FILE *in = argc == 2 || argc == 3 ? fopen(argv[1], "r") : NULL;
    if (!in) {
        fprintf(stderr, "usage: scenario FILE [YYYY-MM-DD | ledger]\n");
        return 2;
    }
    bool ledger = argc == 3 && strcmp(argv[2], "ledger") == 0;
    if (argc == 3 && !ledger && !first_of(argv[2], &first)) {
        fprintf(stderr, "not a day: %s\n", argv[2]);
        return 2;
    }
    enum err e = world_open(&s.world, &(struct world_options){.seed = 7,
                                                              .meters = ledger ? 4 : 3,
                                                              .platform_wallets = ledger ? 4 : 1,
                                                              .pipes = argc == 3 && !ledger,
                                                              .wall0 = first});
    if (e != ERR_OK) {
        printf("the world does not open: %s\n", err_name(e));
        return 1;
    }
    while (fgets(line, sizeof line, in)) {
        bool counted = false, ok = run_line(&s, line, ++number, &counted);
        passed += counted && ok;
        failed += counted && !ok;
    }
    fclose(in);
    printf("%.1f virtual days, %" PRIu64 " frames, trace %016" PRIx64 "\n",
           (double)s.world.now.ms / 86'400e3, s.world.counts.frames, s.world.trace);
    world_close(&s.world);
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
