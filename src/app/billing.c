/*
 * `yufu billing`: settlements that wait for a person, and prices that are applied to the past.
 * Works on the data folder, also while the platform runs; the platform goes on from the commit.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "billing/billing.h"
#include "io/io.h"
#include "readings/readings.h"
#include "store/store.h"

struct command {
    const char *data, *how, *registers, *taken, *meter, *reason, *clock, *account;
    struct store *ledger, *readings_store;
    struct readings *readings;
    struct io *io;
    struct store_tx *tx;
    struct billing_repair repair;
    struct billing_settled done;
    int64_t found;
};

static enum err say(enum err e, const char *what)
{
    if (e != ERR_OK)
        fprintf(stderr, "yufu billing: %s: %s %s %s\n", what, err_name(e), err_text_en(e),
                err_text_zh(e));
    return e;
}

/* --- held
 * -------------------------------------------------------------------------------------------
 */

static void print_registers(const char *name, const int64_t wh[READINGS_REGISTERS])
{
    printf("    %-8s total %" PRId64 "  sharp %" PRId64 "  peak %" PRId64 "  flat %" PRId64
           "  valley %" PRId64 "\n",
           name, wh[0], wh[1], wh[2], wh[3], wh[4]);
}

static enum err print_held(void *arg, const struct billing_held *h)
{
    struct command *c = arg;
    struct site_account a;
    TRY(site_account_get(c->tx, h->account_id, &a));
    c->found++;
    printf("%s meter %" PRId64 " since %" PRId64 ": %s\n    %s\n    %s\n", a.code, h->meter_id,
           h->opened_at.s, h->reason, h->why_en, h->why_zh);
    print_registers("opened", h->opened_wh);
    if (h->told)
        print_registers("now", h->told_wh);
    printf("    decide by:");
    for (unsigned i = 0; i < BILLING_HOWS; i++)
        if (h->hows >> i & 1)
            printf(" %s", billing_how_name((enum billing_how)i));
    printf("\n");
    return ERR_OK;
}

static enum err held(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    c->tx = tx;
    TRY(billing_held(tx, c->readings, 0, print_held, c));
    printf("%" PRId64 " settlements wait. %" PRId64 " 笔结算暂缓。\n", c->found, c->found);
    return ERR_OK;
}

/* --- repair
 * -----------------------------------------------------------------------------------------
 */

static enum err match(void *arg, const struct billing_held *h)
{
    struct command *c = arg;
    struct site_account a;
    TRY(site_account_get(c->tx, h->account_id, &a));
    bool meter = c->repair.meter_id == 0 || c->repair.meter_id == h->meter_id;
    if (strcmp(a.code, c->account) != 0 || !meter)
        return ERR_OK;
    c->found++;
    c->repair.account_id = h->account_id;
    c->repair.opened_at = h->opened_at;
    c->repair.meter_id = h->meter_id;
    return ERR_OK;
}

static enum err repair(struct store_tx *tx, void *arg)
{
    struct command *c = arg;
    struct billing b = {.readings = c->readings, .readings_store = c->readings_store};
    c->tx = tx;
    TRY(billing_held(tx, c->readings, 0, match, c));
    if (c->found == 0)
        return ERR_NOT_FOUND;
    if (c->found > 1) /* say which meter */
        return ERR_STATE;
    return billing_repair(tx, &b, &c->repair, io_wall(c->io), &c->done);
}

/* "TOTAL,SHARP,PEAK,FLAT,VALLEY" in Wh; those that are missing at the end are 0. */
static enum err take_registers(const char *text, int64_t wh[READINGS_REGISTERS])
{
    char copy[160];
    if (strlen(text) >= sizeof copy)
        return ERR_SYNTAX;
    strcpy(copy, text);
    char *rest = copy;
    for (int i = 0; rest; i++) {
        char *word = strsep(&rest, ",");
        if (i == READINGS_REGISTERS)
            return ERR_SYNTAX;
        TRY(options_number(word, 0, INT64_C(1'000'000'000'000), &wh[i]));
    }
    return ERR_OK;
}

static enum err take_decision(struct command *c)
{
    c->repair.how = billing_how_of(c->how ? c->how : "");
    c->repair.reason = c->reason;
    c->repair.actor = "system";
    if (c->repair.how == BILLING_HOWS)
        return say(ERR_BILLING_DECISION, "--how");
    if ((c->repair.how == BILLING_BY_REGISTERS) != (c->registers != NULL) ||
        (c->repair.how == BILLING_BY_TAKEN) != (c->taken != NULL))
        return say(ERR_BILLING_DECISION, "--registers, --taken");
    if (c->registers)
        TRY(say(take_registers(c->registers, c->repair.wh), "--registers"));
    if (c->taken)
        TRY(say(options_number(c->taken, 0, UNITS_FEN_MAX, &c->repair.taken_fen), "--taken"));
    if (c->meter)
        TRY(say(options_number(c->meter, 1, INT64_MAX, &c->repair.meter_id), "--meter"));
    return ERR_OK;
}

/* --- rerates
 * ----------------------------------------------------------------------------------------
 */

static enum err print_left(struct store_tx *tx)
{
    struct query q = query_open(tx,
                                "SELECT l.rerate_id, a.code, l.reason FROM rerate_left l "
                                "JOIN account a ON a.id = l.account_id "
                                "ORDER BY l.rerate_id, a.id LIMIT 1000",
                                "");
    while (query_step(&q))
        printf("  left out of %" PRId64 ": %s %s\n", query_int(&q, 0), query_text(&q, 1),
               query_text(&q, 2));
    return query_end(&q);
}

static enum err rerates(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct query q = query_open(
        tx,
        "SELECT r.id, r.plan_code, r.version, r.looked, (SELECT count(*) FROM account a "
        "WHERE a.project_id = r.project_id), r.changed, r.more_fen, r.less_fen, "
        "r.left_out, r.done_at IS NOT NULL FROM rerate r WHERE r.cause = 'plan' ORDER BY r.id",
        "");
    printf("%4s %-16s %7s %10s %10s %8s %12s %12s %8s  %s\n", "id", "plan", "version", "looked at",
           "accounts", "changed", "more fen", "less fen", "left out", "state");
    while (query_step(&q))
        printf("%4" PRId64 " %-16s %7" PRId64 " %10" PRId64 " %10" PRId64 " %8" PRId64 " %12" PRId64
               " %12" PRId64 " %8" PRId64 "  %s\n",
               query_int(&q, 0), query_text(&q, 1), query_int(&q, 2), query_int(&q, 3),
               query_int(&q, 4), query_int(&q, 5), query_int(&q, 6), query_int(&q, 7),
               query_int(&q, 8), query_int(&q, 9) ? "done 完成" : "running 进行中");
    TRY(query_end(&q));
    return print_left(tx);
}

/* --- the command line
 * ----------------------------------------------------------------------------- */

static const struct verb {
    const char *name;
    store_work *work;
    bool account, reads;
} verbs[] = {{"held", held, false, true},
             {"repair", repair, true, false},
             {"rerates", rerates, false, true}};

static const struct verb *verb_of(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(name, verbs[i].name) == 0)
            return &verbs[i];
    return NULL;
}

static enum err place(struct store_tx *tx, void *arg)
{
    return billing_place_meters(tx, arg);
}

static enum err load(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

static enum err open_store(const struct command *c, const char *name, enum store_kind kind,
                           bool read_only, struct store **out)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", c->data, name) >= (int)sizeof path ||
        !io_file_exists(path)) /* a typing error must not make an installation */
        return say(ERR_IO_FILE, c->data);
    return say(
        store_open(out, &(struct store_config){.kind = kind, .path = path, .read_only = read_only}),
        path);
}

static enum err work(struct command *c, const struct verb *v)
{
    struct io_options io = {0};
    if (c->clock)
        TRY(say(io_clock_parse(c->clock, &io.clock), "--clock"));
    TRY(say(io_open(&c->io, &io), "the system"));
    TRY(open_store(c, "ledger.db", STORE_LEDGER, v->reads, &c->ledger));
    TRY(open_store(c, "readings.db", STORE_READINGS, true, &c->readings_store));
    TRY(say(readings_new(&c->readings), "memory"));
    TRY(say(store_read(c->ledger, place, c->readings), "the site"));
    TRY(say(store_read(c->readings_store, load, c->readings), "the readings"));
    return say(v->reads ? store_read(c->ledger, v->work, c) : store_run(c->ledger, v->work, c),
               v->account ? c->account : v->name);
}

int app_billing_main(int argc, char **argv)
{
    static struct command c = {.data = "data"};
    const struct option_row rows[] = {
        {"--data", "DIR", &c.data, "databases; the platform may be running"},
        {"--how", "total|registers|taken|forgo", &c.how, "repair: how the period is settled"},
        {"--registers", "T,S,P,F,V", &c.registers,
         "repair: total, sharp, peak, flat, valley at its end, Wh"},
        {"--taken", "FEN", &c.taken, "repair: what the meter took"},
        {"--meter", "ID", &c.meter, "repair: if several meters of the account wait"},
        {"--reason", "TEXT", &c.reason, "repair: what was seen, and by whom"},
        {"--clock", "R,V,SPEED", &c.clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    enum options_result r =
        options_parse(argc, argv, "held | repair ACCOUNT OPTION... | rerates", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    const struct verb *v = words > 0 ? verb_of(argv[1]) : NULL;
    if (!v || words != 1 + (int)v->account || (v->account && !(c.reason && *c.reason))) {
        fprintf(stderr, "yufu billing: held, rerates, or repair an account with --how and "
                        "--reason (see --help)\n");
        return 2;
    }
    c.account = v->account ? argv[2] : "";
    if (v->account && take_decision(&c) != ERR_OK)
        return 2;
    enum err e = work(&c, v);
    readings_free(c.readings);
    store_close(c.ledger);
    store_close(c.readings_store);
    io_close(c.io);
    if (e == ERR_OK && v->account)
        printf("settled: %" PRId64 " periods, %" PRId64 " fen. 已结算 %" PRId64 " 个周期，%" PRId64
               " 分。\n",
               c.done.settlements, c.done.amount_fen, c.done.settlements, c.done.amount_fen);
    return e == ERR_OK ? 0 : 1;
}
