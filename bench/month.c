/*
 * What a month of the books costs: accounts with a settlement of six lines a day for some days and
 * a payment a month, and the last whole month summed as the console's page sums it.
 *
 *   month DIR [ACCOUNTS [DAYS]]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ledger/ledger.h"
#include "pay/month.h"
#include "store/store.h"

#define SLICE 16    /* as the page */
#define ROUNDS 3    /* the least counts */
#define LAST 20'453 /* 2025-12-31 */
#define DAY_S INT64_C(86'400)

static int64_t accounts = 2'000, days = 365;

static void must(enum err e, const char *what)
{
    if (e == ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_name(e));
    exit(1);
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum err build(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')", ""));
    TRY(store_exec(tx,
                   "INSERT INTO project (id, organisation_id, code, name, zone) "
                   "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')",
                   ""));
    TRY(store_exec(
        tx, "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')",
        ""));
    TRY(store_exec(tx, "INSERT INTO gateway (id, project_id, serial, name) VALUES (1, 1, 'g', 'g')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                   "VALUES (1, 1, 1, 'tcp:1', 2400, 'E')",
                   ""));
    TRY(store_exec(tx,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
                   "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                   "strategy_code, opened_at) "
                   "SELECT i, 1, 1, 'a' || i, 'a', 'platform', 'x', 'x', 1 FROM n",
                   "i", accounts));
    return store_exec(tx,
                      "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, "
                      "model, kind) SELECT id, 1, id, 1, 1, printf('%012d', id), 'yufu-dorm3', "
                      "'electricity' FROM account",
                      "");
}

static enum err pay(struct store_tx *tx, int64_t account, int32_t day)
{
    char key[40];
    snprintf(key, sizeof key, "order:o%d/paid", day);
    return ledger_post(tx,
                       &(struct ledger_entry){
                           .account_id = account,
                           .key = key,
                           .kind = "order.paid",
                           .now = {day * DAY_S},
                           .business_day = day,
                           .actor = "system",
                           .detail = "{\"method\":\"subsidy\"}",
                           .postings = {{LEDGER_SUBSIDY, -20'000}, {LEDGER_PREPAYMENT, 20'000}}},
                       NULL);
}

#define LINE(code, fen)                                                                            \
    "{\"kind\":\"energy\",\"code\":\"" code "\",\"quantity_wh\":1500,\"price_e8\":55000000,"       \
    "\"amount_fen\":" fen ",\"from\":1766000000,\"to\":1766086400,\"rule\":\"half_up\"}"
#define BILL                                                                                       \
    "{\"unit\":\"kWh\",\"lines\":[" LINE("peak", "120") "," LINE("flat", "200") "," LINE(          \
        "valley", "90") "," LINE("tax", "20") "," LINE("fund", "10") "," LINE("fee", "60") "]}"

static enum err settle(struct store_tx *tx, int64_t account, int32_t day)
{
    char key[48], detail[96];
    snprintf(key, sizeof key, "settle:%" PRId64 ":1:%" PRId64, account, day * DAY_S);
    snprintf(detail, sizeof detail, "{\"meter\":%" PRId64 ",\"epoch\":1,\"opened_at\":%" PRId64 "}",
             account, day * DAY_S);
    TRY(store_exec(tx, "INSERT INTO settlement VALUES ($1, $1, 1, $2, $3, $4, 500, 9000, $5)",
                   "iiiit", account, day * DAY_S, (day + 1) * DAY_S, (int64_t)day, BILL));
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = account,
                               .key = key,
                               .kind = "settlement",
                               .now = {day * DAY_S + 60},
                               .business_day = day,
                               .actor = "system",
                               .detail = detail,
                               .postings = {{LEDGER_PREPAYMENT, -500}, {LEDGER_REVENUE, 500}}},
        NULL);
}

static enum err live_day(struct store_tx *tx, void *arg)
{
    int32_t day = *(int32_t *)arg;
    for (int64_t account = 1; account <= accounts; account++) {
        if (day % 30 == 0)
            TRY(pay(tx, account, day));
        TRY(settle(tx, account, day));
    }
    return ERR_OK;
}

static struct month month;

static enum err begin(struct store_tx *tx, void *arg)
{
    (void)arg;
    return month_begin(tx, &month, 1, 202'511, (wall_s){(LAST + 1) * DAY_S});
}

static enum err slice(struct store_tx *tx, void *arg)
{
    (void)arg;
    return month_add(tx, &month, SLICE);
}

/* Seconds of the processor. */
static double sum_month(struct store *s, double *longest)
{
    double started = cpu_s();
    *longest = 0;
    must(store_read(s, begin, NULL), "begin");
    while (month.more) {
        double at = cpu_s();
        must(store_read(s, slice, NULL), "slice");
        *longest = cpu_s() - at > *longest ? cpu_s() - at : *longest;
    }
    must(month_end(&month), "end");
    return cpu_s() - started;
}

int main(int argc, char **argv)
{
    struct store *s = NULL;
    char path[256];
    if (argc < 2)
        return 2;
    accounts = argc > 2 ? atoll(argv[2]) : accounts;
    days = argc > 3 ? atoll(argv[3]) : days;
    snprintf(path, sizeof path, "%s/month.db", argv[1]);
    must(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = path}), "open");
    must(store_run(s, build, NULL), "build");
    for (int32_t day = (int32_t)(LAST - days + 1); day <= LAST; day++)
        must(store_run(s, live_day, &day), "a day");
    double least = 0, longest = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double took = sum_month(s, &longest);
        least = round == 0 || took < least ? took : least;
    }
    struct month_sum sum = month_sum(&month);
    printf("%" PRId64 " accounts, %" PRId64 " days: opening %" PRId64 " in %" PRId64 " out %" PRId64
           " closing %" PRId64 " difference %" PRId64 "\n",
           month.accounts, days, sum.opening_fen, sum.in_fen, sum.out_fen, sum.closing_fen,
           sum.difference_fen);
    printf(
        "a month took %.2f s of the processor, %.0f us an account; a slice of %d at most %.1f ms\n",
        least, least * 1e6 / (double)month.accounts, SLICE, longest * 1e3);
    store_close(s);
    return sum.difference_fen != 0;
}
