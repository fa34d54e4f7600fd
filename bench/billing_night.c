/*
 * The parts of the billing bench that are ours, each run by bench/billing.py as a process of its
 * own and told in one line of JSON: make DIR ACCOUNTS   a sheet, and the same as rows night DIR
 * rate, settle, look ahead, queue: durable in DIR/ledger.db rate DIR            rating alone:
 * registers in, amounts out, memory only pass DIR            one plain pass over the bytes that
 * rating reads and writes fold DIR ROWS       enters so many rows of the night into the accounts'
 * own chains
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/sheet.h"

#define PAGES_A_COMMIT 64
#define ROUNDS 5 /* of what stays in memory; the best one counts */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/* Of this process on its processor: what a busy machine does not change. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

static void must(enum err e, const char *what)
{
    if (e != ERR_OK)
        bench_fail(what, err_name(e));
}

static const char *in(const char *dir, const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

struct compiled {
    struct rating_plan plans[SHEET_PLANS];
    struct rating_compiled list[SHEET_PLANS];
    struct night_policy policies[SHEET_POLICIES];
};

static void compile(struct compiled *c)
{
    sheet_plans(c->plans);
    sheet_policies(c->policies);
    for (size_t i = 0; i < SHEET_PLANS; i++)
        must(rating_compile(&c->plans[i], (struct rating_class){.month = 11}, &c->list[i]),
             "rating_compile");
}

/* `count` rows of the sheet from row `at` on. */
static struct rating_columns columns(const struct sheet *s, size_t at, size_t count)
{
    struct rating_columns c = {.count = count,
                               .position_wh = s->position_wh + at,
                               .carry = s->carry + at,
                               .plan = s->plan + at};
    for (size_t r = 0; r < SHEET_RATES; r++) {
        c.from_wh[r] = s->from_wh[r] + at;
        c.to_wh[r] = s->to_wh[r] + at;
    }
    return c;
}

/* --- night ------------------------------------------------------------------------------------ */

struct going {
    const struct sheet *sheet;
    const struct night *night;
    struct ledger_run run;
    struct night_result result;
    size_t at;
};

static enum err open_run(struct store_tx *tx, void *arg)
{
    struct going *g = arg;
    return ledger_run_open(tx,
                           &(struct ledger_run_entry){.key = "bench",
                                                      .kind = "settlement",
                                                      .actor = "system",
                                                      .now = {1'700'000'000},
                                                      .business_day = 19675,
                                                      .from = LEDGER_PREPAYMENT,
                                                      .to = LEDGER_REVENUE},
                           &g->run);
}

static enum err put_pages(struct store_tx *tx, void *arg)
{
    struct going *g = arg;
    const struct sheet *s = g->sheet;
    for (int k = 0; k < PAGES_A_COMMIT && g->at < s->count; k++) {
        size_t left = s->count - g->at, count = left < NIGHT_ROWS_MAX ? left : NIGHT_ROWS_MAX;
        struct night_page page = {.account_id = s->account_id + g->at,
                                  .usage = columns(s, g->at, count),
                                  .balance_fen = s->balance_fen + g->at,
                                  .ahead_fen = s->ahead_fen + g->at,
                                  .policy = s->policy + g->at,
                                  .level = s->level + g->at};
        TRY(night_put(tx, g->night, &page, &g->run, &g->result));
        g->at += count;
    }
    return ERR_OK;
}

static enum err close_run(struct store_tx *tx, void *arg)
{
    struct going *g = arg;
    return ledger_run_close(tx, &g->run);
}

/* A run that was broken off is gone on with after the last account that is durable. */
static size_t where(const struct sheet *s, int64_t last_account)
{
    size_t at = 0;
    while (at < s->count && s->account_id[at] <= last_account)
        at++;
    return at;
}

static void run_night(const char *dir)
{
    static struct compiled c;
    struct sheet s = sheet_open(in(dir, "sheet.bin"));
    struct store *store;
    must(store_open(&store,
                    &(struct store_config){.kind = STORE_LEDGER, .path = in(dir, "ledger.db")}),
         "ledger.db");
    int64_t began = now_ns();
    compile(&c);
    struct night night = {c.list, SHEET_PLANS, c.policies, SHEET_POLICIES};
    struct going g = {.sheet = &s, .night = &night};
    must(store_run(store, open_run, &g), "open");
    g.at = where(&s, g.run.last_account);
    while (g.at < s.count) {
        must(store_run(store, put_pages, &g), "put");
        fprintf(stderr, "\rnight: %3zu %%", 100 * g.at / s.count);
    }
    must(store_run(store, close_run, &g), "close");
    int64_t took = now_ns() - began;
    fputc('\n', stderr);
    store_close(store);
    printf("{\"ns\": %" PRId64 ", \"accounts\": %" PRId64 ", \"amount_fen\": %" PRId64
           ", \"selected\": %" PRId64 ", \"warned\": %" PRId64 ", \"refused\": %" PRId64 "}\n",
           took, g.run.accounts, g.run.amount_fen, g.result.selected, g.result.warned,
           g.result.refused);
    sheet_close(&s);
}

/* --- rating alone, and the memory pass -------------------------------------------------------- */

static void run_rate(const char *dir)
{
    static struct compiled c;
    struct sheet s = sheet_open(in(dir, "sheet.bin"));
    int64_t *amount = calloc(s.count, 8), *carry = calloc(s.count, 8), best = INT64_MAX, sum = 0;
    uint16_t *refused = calloc(s.count, 2);
    if (!amount || !carry || !refused)
        bench_fail("rate", "no memory");
    compile(&c);
    struct rating_columns all = columns(&s, 0, s.count);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = cpu_ns();
        rating_bulk(c.list, SHEET_PLANS, &all, &(struct rating_amounts){amount, carry, refused});
        int64_t took = cpu_ns() - began;
        best = took < best ? took : best;
    }
    for (size_t i = 0; i < s.count; i++)
        sum += amount[i];
    printf("{\"ns\": %" PRId64 ", \"amount_fen\": %" PRId64 "}\n", best, sum);
    free(amount);
    free(carry);
    free(refused);
    sheet_close(&s);
}

/* The same columns are read and as many bytes are written, with one addition each: what the memory
 * of this machine allows at most. */
static void pass(const struct sheet *s, int64_t *amount, int64_t *carry, uint16_t *refused)
{
    for (size_t i = 0; i < s->count; i++) {
        amount[i] = s->from_wh[0][i] + s->from_wh[1][i] + s->from_wh[2][i] + s->from_wh[3][i] +
                    s->position_wh[i];
        carry[i] = s->to_wh[0][i] + s->to_wh[1][i] + s->to_wh[2][i] + s->to_wh[3][i] + s->carry[i];
        refused[i] = s->plan[i];
    }
}

static void run_pass(const char *dir)
{
    struct sheet s = sheet_open(in(dir, "sheet.bin"));
    int64_t *amount = calloc(s.count, 8), *carry = calloc(s.count, 8), best = INT64_MAX, sum = 0;
    uint16_t *refused = calloc(s.count, 2);
    if (!amount || !carry || !refused)
        bench_fail("pass", "no memory");
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = cpu_ns();
        pass(&s, amount, carry, refused);
        int64_t took = cpu_ns() - began;
        best = took < best ? took : best;
        sum += amount[s.count - 1] + carry[0] + refused[0];
    }
    printf("{\"ns\": %" PRId64 ", \"bytes\": %zu, \"sum\": %" PRId64 "}\n", best, s.count * 100,
           sum);
    free(amount);
    free(carry);
    free(refused);
    sheet_close(&s);
}

/* --- folding ---------------------------------------------------------------------------------- */

struct fold {
    size_t limit;
    bool more;
};
static enum err fold(struct store_tx *tx, void *arg)
{
    struct fold *f = arg;
    return ledger_run_fold(tx, f->limit, &f->more);
}

static void run_fold(const char *dir, size_t rows)
{
    struct store *store;
    must(store_open(&store,
                    &(struct store_config){.kind = STORE_LEDGER, .path = in(dir, "ledger.db")}),
         "ledger.db");
    struct fold f = {.limit = 1'000, .more = true};
    size_t done = 0;
    int64_t began = now_ns();
    for (; done < rows && f.more; done += f.limit)
        must(store_run(store, fold, &f), "fold");
    printf("{\"ns\": %" PRId64 ", \"rows\": %zu}\n", now_ns() - began, done);
    store_close(store);
}

static void run_make(const char *dir, size_t accounts)
{
    sheet_make(in(dir, "sheet.bin"), accounts, 1);
    struct sheet s = sheet_open(in(dir, "sheet.bin"));
    sheet_export(&s, dir);
    printf("{\"accounts\": %zu, \"bytes\": %zu}\n", s.count, s.size);
    sheet_close(&s);
}

int main(int argc, char **argv)
{
    const char *act = argc > 2 ? argv[1] : "";
    size_t number = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (strcmp(act, "make") == 0 && number > 0)
        run_make(argv[2], number);
    else if (strcmp(act, "night") == 0 && argc == 3)
        run_night(argv[2]);
    else if (strcmp(act, "rate") == 0 && argc == 3)
        run_rate(argv[2]);
    else if (strcmp(act, "pass") == 0 && argc == 3)
        run_pass(argv[2]);
    else if (strcmp(act, "fold") == 0 && number > 0)
        run_fold(argv[2], number);
    else
        bench_fail("usage",
                   "billing_night make DIR ACCOUNTS | night|rate|pass DIR | fold DIR ROWS");
    return 0;
}
