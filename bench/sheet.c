#include "bench/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

_Noreturn void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

/* --- layout ----------------------------------------------------------------------------------- */

/* Columns stand one after another, each of `count` entries, the widest first. */
#define WIDE 13 /* of 8 bytes */
#define ROW_BYTES (WIDE * 8 + 2 * 2 + 1)

static struct sheet lay_out(void *map, size_t count)
{
    struct sheet s = {.count = count, .size = count * ROW_BYTES, .map = map};
    const int64_t *wide = map;
    s.account_id = wide;
    for (size_t r = 0; r < SHEET_RATES; r++) {
        s.from_wh[r] = wide + (1 + r) * count;
        s.to_wh[r] = wide + (1 + SHEET_RATES + r) * count;
    }
    s.position_wh = wide + 9 * count;
    s.carry = wide + 10 * count;
    s.balance_fen = wide + 11 * count;
    s.ahead_fen = wide + 12 * count;
    s.plan = (const uint16_t *)(wide + WIDE * count);
    s.policy = s.plan + count;
    s.level = (const uint8_t *)(s.policy + count);
    return s;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A day of a home: about 8 kWh, most of it by day; one in twenty used nothing. Recharges every
 * month or so, of which something between nothing and all is left. */
static void make_row(const struct sheet *s, size_t i, struct rand_stream *r)
{
    static const int64_t mean_wh[SHEET_RATES] = {800, 2'600, 3'000, 1'600};
    bool away = rand_below(r, 20) == 0;
    int64_t day_fen = 0;
    ((int64_t *)s->account_id)[i] = (int64_t)i + 1 + (int64_t)(i / 9);
    for (size_t k = 0; k < SHEET_RATES; k++) {
        int64_t used_wh = away ? 0 : (int64_t)rand_below(r, (uint64_t)(2 * mean_wh[k]));
        int64_t from_wh = (int64_t)rand_below(r, 2'000'000) * 10;
        ((int64_t *)s->from_wh[k])[i] = from_wh;
        ((int64_t *)s->to_wh[k])[i] = from_wh + used_wh;
        day_fen += used_wh * 6 / 100;
    }
    ((int64_t *)s->position_wh)[i] = (int64_t)rand_below(r, 420'000);
    ((int64_t *)s->carry)[i] =
        (int64_t)rand_below(r, UNITS_EXACT_PER_FEN) - UNITS_EXACT_PER_FEN / 2;
    ((int64_t *)s->ahead_fen)[i] = 3 * day_fen + (int64_t)rand_below(r, 300);
    ((int64_t *)s->balance_fen)[i] = (int64_t)rand_below(r, 15'000) - 300;
    ((uint16_t *)s->plan)[i] = (uint16_t)rand_below(r, SHEET_PLANS);
    ((uint16_t *)s->policy)[i] = (uint16_t)rand_below(r, SHEET_POLICIES);
    ((uint8_t *)s->level)[i] = s->balance_fen[i] <= 3'000 ? (uint8_t)(1 + rand_below(r, 2)) : 0;
}

void sheet_make(const char *path, size_t count, uint64_t seed)
{
    struct rand_stream r = rand_split(seed, "sheet");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)(count * ROW_BYTES)) != 0)
        bench_fail(path, strerror(errno));
    void *map = mmap(NULL, count * ROW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        bench_fail(path, strerror(errno));
    struct sheet s = lay_out(map, count);
    for (size_t i = 0; i < count; i++)
        make_row(&s, i, &r);
    if (msync(map, s.size, MS_SYNC) != 0 || munmap(map, s.size) != 0 || close(fd) != 0)
        bench_fail(path, strerror(errno));
}

struct sheet sheet_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        bench_fail(path, strerror(errno));
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED)
        bench_fail(path, strerror(errno));
    close(fd);
    return lay_out(map, (size_t)st.st_size / ROW_BYTES);
}

void sheet_close(struct sheet *s)
{
    munmap(s->map, s->size);
}

/* --- plans and policies ----------------------------------------------------------------------- */

void sheet_plans(struct rating_plan plans[SHEET_PLANS])
{
    for (int k = 0; k < SHEET_PLANS; k++) {
        char json[1024];
        struct rating_problem problem;
        snprintf(json, sizeof json,
                 "{\"kind\":\"time_of_use_ladder\",\"prices\":{\"sharp\":\"0.9%02d8\",\"peak\":"
                 "\"0.8%02d3\",\"flat\":\"0.5%02d9\",\"valley\":\"0.2%02d5\"},\"periods\":["
                 "{\"from\":\"00:00\",\"to\":\"08:00\",\"rate\":\"valley\"},"
                 "{\"from\":\"08:00\",\"to\":\"12:00\",\"rate\":\"peak\"},"
                 "{\"from\":\"12:00\",\"to\":\"18:00\",\"rate\":\"flat\"},"
                 "{\"from\":\"18:00\",\"to\":\"20:00\",\"rate\":\"sharp\"},"
                 "{\"from\":\"20:00\",\"to\":\"24:00\",\"rate\":\"peak\"}],"
                 "\"cycle\":\"month\",\"steps\":["
                 "{\"to\":\"%d\",\"surcharge\":\"0\"},{\"to\":\"%d\",\"surcharge\":\"0.05\"},"
                 "{\"to\":\"%d\",\"surcharge\":\"0.12\"},{\"to\":\"%d\",\"surcharge\":\"0.2\"},"
                 "{\"surcharge\":\"0.3\"}]}",
                 k, k, k, k, 100 + k, 180 + k, 260 + k, 400 + k);
        if (rating_plan_parse(json, strlen(json), &plans[k], &problem) != ERR_OK)
            bench_fail(problem.place, rating_reason_name(problem.reason));
    }
}

void sheet_policies(struct night_policy policies[SHEET_POLICIES])
{
    for (int k = 0; k < SHEET_POLICIES; k++)
        policies[k] = (struct night_policy){.overdraft_fen = k % 4 * 500,
                                            .level_fen = {3'000 - k * 50, 1'000 - k * 20, 0},
                                            .level_count = 3};
}

/* --- rows for the databases ------------------------------------------------------------------- */

static FILE *create(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    if (!f)
        bench_fail(path, strerror(errno));
    return f;
}

static void finish(FILE *f, const char *name)
{
    if (fflush(f) != 0 || ferror(f) || fclose(f) != 0)
        bench_fail(name, strerror(errno));
}

static void export_usage(const struct sheet *s, const char *dir)
{
    FILE *f = create(dir, "usage.tsv");
    for (size_t i = 0; i < s->count; i++) {
        fprintf(f, "%" PRId64, s->account_id[i]);
        for (size_t r = 0; r < SHEET_RATES; r++)
            fprintf(f, "\t%" PRId64 "\t%" PRId64, s->from_wh[r][i], s->to_wh[r][i]);
        fprintf(f, "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%u\t%u\t%u\n",
                s->position_wh[i], s->carry[i], s->balance_fen[i], s->ahead_fen[i], s->plan[i],
                s->policy[i], s->level[i]);
    }
    finish(f, "usage.tsv");
}

void sheet_export(const struct sheet *s, const char *dir)
{
    static struct rating_plan plans[SHEET_PLANS];
    struct night_policy policies[SHEET_POLICIES];
    sheet_plans(plans);
    sheet_policies(policies);
    FILE *f = create(dir, "plan.tsv");
    for (int k = 0; k < SHEET_PLANS; k++) {
        int64_t from_wh = 0, before_e8 = 0;
        fprintf(f, "%d", k);
        for (size_t r = 0; r < SHEET_RATES; r++)
            fprintf(f, "\t%" PRId64, plans[k].rate_price_e8[r]);
        for (size_t i = 0; i < SHEET_STEPS; i++) {
            const struct rating_step *step = &plans[k].ladder.steps[i];
            fprintf(f, "\t%" PRId64 "\t%" PRId64, from_wh, step->price_e8 - before_e8);
            from_wh = step->to_wh;
            before_e8 = step->price_e8;
        }
        fputc('\n', f);
    }
    finish(f, "plan.tsv");
    f = create(dir, "policy.tsv");
    for (int k = 0; k < SHEET_POLICIES; k++)
        fprintf(f, "%d\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n", k,
                policies[k].overdraft_fen, policies[k].level_fen[0], policies[k].level_fen[1],
                policies[k].level_fen[2]);
    finish(f, "policy.tsv");
    export_usage(s, dir);
}
